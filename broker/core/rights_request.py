"""What people ask a person to decide: a review of an automated decision, a correction (specs/rights.md 5, 6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

MAX_WORDS: Final = 1000
"""Characters of a statement, and of its answer."""
_SAID_NO: Final = frozenset({"referred", "refused", "denied"})
_AGAINST: Final = frozenset({"hold", "deny"})


class RequestKind(StrEnum):
    REVIEW = "review"
    CORRECTION = "correction"


class RequestState(StrEnum):
    """UPHELD: the person was right, and a remedy is recorded."""

    OPEN = "open"
    UPHELD = "upheld"
    REJECTED = "rejected"


class Remedy(StrEnum):
    """What follows when the person was right. None of them lets anything go that the law holds: what may go is decided
    anew, by the rules as they then are.
    """

    ASK_AGAIN = "ask_again"
    SERVED_BY_OFFICER = "served_by_officer"
    RULES_REFERRED = "rules_referred"
    CLAIMS_WITHHELD = "claims_withheld"


REMEDIES: Final[Mapping[RequestKind, tuple[Remedy, ...]]] = {
    RequestKind.REVIEW: (Remedy.ASK_AGAIN, Remedy.SERVED_BY_OFFICER, Remedy.RULES_REFERRED),
    RequestKind.CORRECTION: (Remedy.CLAIMS_WITHHELD,),
}


@dataclass(frozen=True, slots=True)
class RightsRequest:
    """`leaf`: the journal entry it is about, empty for a correction. `asked` and `answered` are sealed under the
    person's key; `due_on` is the last day to answer.
    """

    request_id: UUID
    traveller: UUID
    kind: RequestKind
    leaf: bytes
    asked: bytes = field(repr=False)
    asked_at: datetime
    due_on: date
    state: RequestState = RequestState.OPEN
    staff_id: str | None = None
    answered: bytes | None = field(default=None, repr=False)
    settled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """`reason` is for the person, in the reviewer's words."""

    upheld: bool
    remedy: Remedy | None
    reason: str

    def fits(self, kind: RequestKind) -> bool:
        """Upheld with a remedy of that kind, or rejected without one; and a reason either way."""
        right = self.remedy in REMEDIES[kind] if self.upheld else self.remedy is None
        return right and 0 < len(self.reason) <= MAX_WORDS


def context_of(request_id: UUID, part: str) -> str:
    """What a sealed part of a request is bound to; `part`: asked, answered."""
    return f"tongguan/rights-request/v1/{request_id}/{part}"


def is_declined(kind: str, clear: Mapping[str, Any]) -> bool:
    """Whether an entry says no: a release refused or held, or a gate that sent the person to an officer."""
    refused = kind.endswith(":refused") or clear.get("transfer") in _AGAINST
    return refused or (kind.startswith("gate:crossing:") and clear.get("decision") in _SAID_NO)
