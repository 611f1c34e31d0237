"""Under which key a person is counted, and until when that key lives (specs/transfer-ledger.md 3).

The name in the ledger is an HMAC over the person's internal id: whoever lacks the key cannot tell who it is, and with
the key destroyed nobody can.
"""

import hmac
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from importlib import resources
from typing import Annotated, Final, Self
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from broker.core.governance.calendar import SHANGHAI, shanghai_date

FIRST_YEAR: Final = 2026
"""No release was counted before."""

_NAMESPACE = UUID("0b6c9f6e-3c5e-4a6b-9d0f-7e6f6f1d2b11")


class CountingRule(StrEnum):
    """What persons are counted for."""

    STATUTORY = "statutory"
    US_BULK = "us_bulk"


class _Terms(BaseModel):
    """`window_months`: how long after its year a row can still be in a window; `audit_years`: how long after that."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cite: str
    confidence: str
    window_months: Annotated[int, Field(ge=0, le=120, multiple_of=12)]
    audit_years: Annotated[int, Field(ge=1, le=100)]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    statutory: _Terms
    us_bulk: _Terms


@dataclass(frozen=True, slots=True, order=True)
class CountingKey:
    """One key: a rule, the jurisdiction the data come from, and the calendar year of the releases (Asia/Shanghai)."""

    rule: CountingRule
    origin: str
    year: int

    @property
    def key_id(self) -> UUID:
        """Its name in the key store."""
        return uuid5(_NAMESPACE, f"count/{self.rule}/{self.origin}/{self.year}")

    def person(self, traveller: UUID, *, key: bytes) -> UUID:
        """The name that this person is counted under. `key`: 32 bytes, those of `key_id`."""
        return UUID(bytes=hmac.digest(key, traveller.bytes, sha256)[:16])


@dataclass(frozen=True, slots=True)
class CountingTerms:
    """Until when it can be told who was counted, by rule."""

    version: str
    terms: Mapping[CountingRule, _Terms]

    @classmethod
    def load(cls) -> Self:
        """The packaged data. Raises ValueError when it is not complete."""
        source = (resources.files("broker.core") / "data" / "counting.toml").read_text(encoding="utf-8")
        try:
            data = _File.model_validate(tomllib.loads(source))
        except ValidationError as error:
            raise ValueError(f"the data of counting are not valid: {error.error_count()} faults") from None
        return cls(data.version, {CountingRule.STATUTORY: data.statutory, CountingRule.US_BULK: data.us_bulk})

    def ends(self, key: CountingKey) -> datetime:
        """The instant from which the key and what was counted under it are gone."""
        terms = self.terms[key.rule]
        return datetime(key.year + 1 + terms.window_months // 12 + terms.audit_years, 1, 1, tzinfo=SHANGHAI)

    def ended(self, origins: Iterable[str], at: datetime) -> list[CountingKey]:
        """Every key whose time is over, in order."""
        years = range(FIRST_YEAR - 1, shanghai_date(at).year)  # a window reaches back into the year before
        keys = [CountingKey(rule, origin, year) for origin in origins for rule in self.terms for year in years]
        return sorted(key for key in keys if self.ends(key) <= at)


def counting_key(rule: CountingRule, origin: str, at: datetime) -> CountingKey:
    """The key of a release at that moment."""
    return CountingKey(rule, origin, shanghai_date(at).year)


def year_before(at: datetime) -> datetime:
    """The same instant twelve calendar months earlier, UTC: 28 February for 29 February. The *preceding 12 months* of
    28 CFR 202.205 begin there; a release of that very instant is still in them.
    """
    moment = at.astimezone(UTC)
    try:
        return moment.replace(year=moment.year - 1)
    except ValueError:
        return moment.replace(year=moment.year - 1, day=28)
