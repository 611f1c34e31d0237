"""Passes as the broker keeps them, and the template they stand for (the travelling format is broker.wire.travel_pass)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from broker.core.sealing import derive
from broker.wire.travel_pass import PassMode

MAX_DEVICE_KEYS = 20
"""Device keys one call of mint_pass accepts."""
LIFETIME = {PassMode.ONLINE: timedelta(minutes=10), PassMode.OFFLINE: timedelta(hours=24)}
RESERVATION = timedelta(seconds=60)
"""How long a gate that was handed a template keeps the pass to itself."""
OFFLINE_EMBEDDER = "mobilefacenet-192"
"""The one embedder whose template fits a QR code; a licence-clean template has another single part instead."""


@dataclass(frozen=True, slots=True)
class IssuedPass:
    """One minted pass. `consents` are the records it rests on: withdrawing any of them revokes it.

    `traveller` is None once the person was erased; the rest stays until the status list no longer needs it.
    """

    zone: str
    pass_id: bytes
    traveller: UUID | None
    consents: tuple[UUID, ...]
    template_id: UUID
    mode: PassMode
    device_key: bytes
    status_index: int
    epoch: int | None
    issued_at: datetime
    expires_at: datetime
    pass_bytes: bytes
    revoked_at: datetime | None = None
    reserved_by: str | None = None
    reserved_until: datetime | None = None

    def reserved_for_other(self, gate_id: str, *, at: datetime) -> bool:
        """Whether another gate holds the pass at this moment."""
        if self.reserved_by is None or self.reserved_until is None:
            return False
        return self.reserved_by != gate_id and at < self.reserved_until


@dataclass(frozen=True, slots=True)
class SealedTemplate:
    """A face template at rest: det-CBOR FaceTemplate under the traveller's key. `template_id` names this very
    enrolment.
    """

    template_id: UUID
    traveller: UUID
    sealed: bytes
    evidence: bytes
    enrolled_at: datetime


def commitment_salt(traveller_key: bytes, pass_id: bytes) -> bytes:
    """The 16-byte salt of one pass's commitment.

    Derived, not stored: a pseudo-random function of a random pass id is as good as a random salt to anyone without the
    traveller's key, and it dies with that key.
    """
    return derive(traveller_key, info=b"tongguan/pass-salt/v1\0" + pass_id, length=16)


def template_context(template_id: UUID) -> str:
    """What a sealed template is bound to."""
    return f"tongguan/template/v1/{template_id}"
