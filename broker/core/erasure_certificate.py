"""The certificate of an erasure (specs/rights.md 4): what was destroyed and when, what remains and why, and where the
journal says so. It names nobody; whoever kept a consent receipt finds its pseudonym here again.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from broker.core.rights import RightsRules
from broker.wire.identity_grant import timestamp

TYP: Final = "erasure-certificate+jwt"
FORMAT: Final = "tongguan/erasure-certificate/v1"
SEALED: Final = "tongguan/erasure-certificate/v1"
"""What the kept part is bound to: it is sealed under a key that only the one-time link gives."""


@dataclass(frozen=True, slots=True)
class Destroyed:
    """How many of each were there and are gone."""

    face_templates: int
    portraits: int
    claims: int
    identities: int
    consents: int
    passes_revoked: int


@dataclass(frozen=True, slots=True)
class ErasureRecord:
    """What is known at the moment of the erasure. `subject`: the pseudonym of the person's consent receipts.

    `complete_at`: when the last key dies that could open a code on the person's own phone.
    """

    erasure_id: UUID
    subject: str
    erased_at: datetime
    complete_at: datetime
    destroyed: Destroyed

    def to_bytes(self) -> bytes:
        """JSON, to be sealed."""
        plain = {
            "erasure_id": str(self.erasure_id),
            "subject": self.subject,
            "erased_at": self.erased_at.isoformat(),
            "complete_at": self.complete_at.isoformat(),
            "destroyed": asdict(self.destroyed),
        }
        return json.dumps(plain, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> "ErasureRecord":
        """Of bytes that `to_bytes` wrote and a seal protected."""
        plain = json.loads(raw)
        return cls(
            UUID(plain["erasure_id"]),
            plain["subject"],
            datetime.fromisoformat(plain["erased_at"]),
            datetime.fromisoformat(plain["complete_at"]),
            Destroyed(**plain["destroyed"]),
        )


def certificate_claims(
    record: ErasureRecord,
    rules: RightsRules,
    *,
    issuer: str,
    key_destroyed_at: datetime,
    erased: bool,
    journal: Mapping[str, Any],
    at: datetime,
) -> dict[str, Any]:
    """What is signed. `erased`: whether no key is left anywhere that could open anything of the person; before that the
    statement is that everything was deleted here, and when the rest follows. `journal`: leaf, inclusion proof and
    checkpoint of the entry about this erasure.
    """
    return {
        "iss": issuer,
        "iat": int(at.timestamp()),
        "jti": str(record.erasure_id),
        "sub": record.subject,
        "format": FORMAT,
        "status": "erased" if erased else "deleted",
        "erased_at": timestamp(record.erased_at),
        "key_destroyed_at": timestamp(key_destroyed_at),
        "complete_at": timestamp(_up(record.complete_at)),
        "destroyed": asdict(record.destroyed),
        "remains": [remainder.model_dump() for remainder in rules.remains],
        "grounds": list(rules.cites("erasure")),
        "terms": rules.version,
        "journal": dict(journal),
    }


def _up(moment: datetime) -> datetime:
    """The next whole second: nothing is said to be gone before it is."""
    whole = moment.astimezone(UTC).replace(microsecond=0)
    return whole if whole == moment else datetime.fromtimestamp(int(whole.timestamp()) + 1, UTC)
