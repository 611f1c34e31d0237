"""Which decided releases are looked at afterwards (specs/sampling.md): drawn by a seed that was committed to before
their day began and is revealed when it is over, so that anybody with the journal can draw again.

A release is known by the leaf hash of its journal entry. The days are those of Shanghai, as in the law's counts; an
entry's clear time is its hour, and the day begins on a full hour.
"""

import hashlib
import hmac
import tomllib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from importlib import resources
from typing import Annotated, Any, Final, Self
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from broker.core.governance.calendar import SHANGHAI, shanghai_date
from broker.core.governance.codes import Band, Mechanism

COMMITTED: Final = "broker:sampling:committed"
MISSING: Final = "broker:sampling:missing"
CLOSED: Final = "broker:sampling:closed"

PARTS: Final = 10_000
"""Rates are counted in parts of this."""
SEED_BYTES: Final = 32
CLOSE_AFTER: Final = timedelta(hours=1)
"""How long after its day a seed is kept back, for entries that found their place late."""
AHEAD: Final = 2
"""For how many days to come a seed is committed to."""
_NAMESPACE = UUID("b1f0f6a4-6a5c-4f0e-9a53-2f7a3d0c5e90")
_DRAW_BITS = 64

Parts = Annotated[int, Field(ge=0, le=PARTS, strict=True)]


class Stratum(StrEnum):
    """What a release is drawn by."""

    RED = "red"
    AMBER = "amber"
    EXEMPT = "exempt"
    GREEN = "green"
    UNKNOWN = "unknown"
    """The entry does not say in which band it was decided: always looked at."""


class Why(StrEnum):
    """Why a whole day is looked at."""

    NONE = "none"
    """No seed was committed to."""
    LATE = "late"
    """No checkpoint from before the day covers the commitment."""
    LOST = "lost"
    """The seed is gone."""


class Rates(BaseModel):
    """Of ten thousand releases, how many are drawn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    exempt: Parts
    green: Parts
    amber: Parts
    red: Parts

    @classmethod
    def load(cls, text: str | None = None) -> Self:
        """From TOML text, or from the packaged data. Raises ValueError."""
        source = text or (resources.files("broker.core") / "data" / "sampling.toml").read_text(encoding="utf-8")
        data = tomllib.loads(source)
        data.pop("version", None)
        return cls.read(data)

    @classmethod
    def read(cls, data: Any) -> Self:
        """From a commitment's entry. Raises ValueError for anything else than four rates."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise ValueError("those are no rates of sampling") from error

    def of(self, stratum: Stratum) -> int:
        """Parts of ten thousand."""
        return PARTS if stratum is Stratum.UNKNOWN else int(getattr(self, stratum.value))

    def stratum(self, clear: Mapping[str, Any]) -> Stratum:
        """Of a release, from its entry's clear part: where two apply, the one that is drawn more often."""
        band = clear.get("band")
        if band not in (Band.GREEN, Band.AMBER, Band.RED):
            return Stratum.UNKNOWN
        found = [Stratum(band)]
        if clear.get("mechanism") == Mechanism.EXEMPT:
            found.append(Stratum.EXEMPT)
        return max(found, key=self.of)


def is_decided(clear: Mapping[str, Any]) -> bool:
    """Whether an entry is one of a decided release: let go, held or denied."""
    return isinstance(clear.get("transfer"), str)


def is_sampled(seed: bytes, release: bytes, parts: int) -> bool:
    """HMAC-SHA256(seed, release), its first 64 bits as a fraction of 2^64, below the rate. `release`: a leaf hash."""
    drawn = int.from_bytes(hmac.digest(seed, release, "sha256")[: _DRAW_BITS // 8], "big")
    return drawn * PARTS < parts << _DRAW_BITS


def commitment(seed: bytes) -> bytes:
    """What the journal says of a seed beforehand."""
    return hashlib.sha256(seed).digest()


def digest_of(releases: Iterable[bytes]) -> bytes:
    """One hash over the leaf hashes of a day's sample, in the journal's order."""
    joined = hashlib.sha256()
    for release in releases:
        joined.update(release)
    return joined.digest()


def seed_name(day: date) -> UUID:
    """Under which name the key store has a day's seed."""
    return uuid5(_NAMESPACE, f"sampling/{day.isoformat()}")


def day_of(hour: int) -> date:
    """The day in Shanghai of an entry's hour (Unix seconds). Raises ValueError beyond the calendar."""
    try:
        return shanghai_date(datetime.fromtimestamp(hour, UTC))
    except (OverflowError, OSError) as error:
        raise ValueError("no such hour") from error


def begins(day: date) -> datetime:
    """Midnight in Shanghai."""
    return datetime.combine(day, time(), SHANGHAI)


def ends(day: date) -> datetime:
    """The midnight after it."""
    return begins(day) + timedelta(days=1)


def in_time(day: date, covered_at: datetime | None) -> bool:
    """Whether a commitment binds: the first checkpoint over it was signed before the day began."""
    return covered_at is not None and covered_at < begins(day)
