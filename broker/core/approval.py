"""What a partner asks a person to approve at their own provider: a form to be filled, a document to be signed
(specs/partner-api.md 8).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from broker.core.identity_release import IdentityRelease
from broker.wire.identity_connector import ProviderFault

RETENTION: Final = timedelta(hours=24)
"""How long a result waits to be fetched."""
FETCH_AGAIN: Final = timedelta(minutes=10)
"""How long a fetched result can be fetched again, for an answer that was lost on its way."""
KEEP: Final = timedelta(days=30)
"""How long it is known what became of a request, without its result."""


class ApprovalKind(StrEnum):
    """Which service of the provider is asked for. The value is also the word in addresses."""

    FORM_FILL = "form-fill"
    SIGNATURE = "signature"


PURPOSE: Final[Mapping[ApprovalKind, str]] = {
    ApprovalKind.FORM_FILL: "form-filling",
    ApprovalKind.SIGNATURE: "signing",
}
SIGNED: Final = frozenset({"signature"})
"""The claim that a consent to sign is about."""


class ApprovalStatus(StrEnum):
    """WAITING for the person, APPROVING at the provider; READY and FETCHED have a result; all others ended without."""

    WAITING = "waiting"
    APPROVING = "approving"
    READY = "ready"
    FETCHED = "fetched"
    REFUSED = "refused"  # on the broker's page
    CANCELLED = "cancelled"  # at the provider
    REJECTED = "rejected"  # by the provider
    TIMED_OUT = "timed_out"  # at the provider
    EXPIRED = "expired"  # nobody finished in time
    HELD = "held"  # by the law of the place where the person's data reside


OPEN: Final = frozenset({ApprovalStatus.WAITING, ApprovalStatus.APPROVING})

# What a provider's no means for the request. With any other fault the person may try again until the time is up.
_ENDINGS: Final[Mapping[ProviderFault, ApprovalStatus]] = {
    ProviderFault.CANCELLED: ApprovalStatus.CANCELLED,
    ProviderFault.WITHHELD: ApprovalStatus.CANCELLED,
    ProviderFault.TIMED_OUT: ApprovalStatus.TIMED_OUT,
    ProviderFault.REFUSED: ApprovalStatus.REJECTED,
    ProviderFault.NOT_SAME_PERSON: ApprovalStatus.REJECTED,
    ProviderFault.NOT_ENROLLED: ApprovalStatus.REJECTED,
    ProviderFault.EXPIRED_CREDENTIAL: ApprovalStatus.REJECTED,
    ProviderFault.FROZEN: ApprovalStatus.REJECTED,
}


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """One request. `asked`: field names and the form, or the document. `subject`: the pseudonym of the person who has
    to approve; None lets anybody who opens the address. `result` is a JWE that only the partner opens.
    """

    request_id: UUID
    partner_id: str
    client_id: str
    kind: ApprovalKind
    asked: Mapping[str, Any] = field(repr=False)
    created_at: datetime
    expires_at: datetime
    subject: str | None = None
    return_uri: str | None = None
    status: ApprovalStatus = ApprovalStatus.WAITING
    traveller: UUID | None = None
    provider: str | None = None
    consent: UUID | None = None
    state_hash: bytes | None = field(default=None, repr=False)
    memory: bytes | None = field(default=None, repr=False)
    result: bytes | None = field(default=None, repr=False)
    settled_at: datetime | None = None
    fetched_at: datetime | None = None

    @property
    def purpose(self) -> str:
        return PURPOSE[self.kind]

    @property
    def handle(self) -> str:
        """By which the pages about consent know this request."""
        return f"approval-{self.request_id.hex}"

    def claims(self) -> frozenset[str]:
        """What the consent is about: exactly the fields, or the signature."""
        return frozenset(self.asked["fields"]) if self.kind is ApprovalKind.FORM_FILL else SIGNED

    def release(self, retention: timedelta) -> IdentityRelease:
        """The release whose consent is needed: once."""
        return IdentityRelease(self.purpose, self.partner_id, self.claims(), retention)

    def status_at(self, at: datetime) -> ApprovalStatus:
        """The status, for a request whose time is up too."""
        return ApprovalStatus.EXPIRED if self.status in OPEN and self.expires_at <= at else self.status

    def fetchable(self, at: datetime) -> bool:
        """Whether the result may be given out."""
        if self.result is None or self.settled_at is None or at >= self.settled_at + RETENTION:
            return False
        return self.fetched_at is None or at < self.fetched_at + FETCH_AGAIN


def ending_of(fault: ProviderFault) -> ApprovalStatus | None:
    """How a request ends with that fault; None when the person may try again."""
    return _ENDINGS.get(fault)
