"""Passes as the broker keeps them, and the template they stand for (the travelling format is
broker.wire.travel_pass).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from broker.core.sealing import derive
from broker.wire.sealed_template import FaceTemplate, TemplatePayload
from broker.wire.status_list import HARD_BOUND
from broker.wire.travel_pass import MAX_LIFETIME, SKEW, PassMode

MAX_DEVICE_KEYS = 20
"""Device keys one call of mint_pass accepts."""
LIFETIME = MAX_LIFETIME
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
    spent: bool = False
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
    enrolment; `capture_digest` recognises its photograph to whoever holds that key, and says nothing to others.
    """

    template_id: UUID
    traveller: UUID
    sealed: bytes
    enrolled_at: datetime
    capture_digest: bytes | None


def part_for(mode: PassMode, template: FaceTemplate) -> FaceTemplate:
    """What of an enrolled template travels in that mode: all of it online, one embedder's part in a code."""
    if mode is PassMode.ONLINE or len(template.parts) == 1:
        return template
    parts = tuple(part for part in template.parts if part.embedder == OFFLINE_EMBEDDER)
    if not parts:
        raise ValueError(f"several embedders, none of them {OFFLINE_EMBEDDER}: no part is made for a code")
    return FaceTemplate(parts)


def payload_of(
    mode: PassMode, template: FaceTemplate, *, seeds: Sequence[bytes], traveller_key: bytes, pass_id: bytes
) -> TemplatePayload:
    """What a gate is given for one pass. `seeds` are in the order of the embedders of the whole template."""
    travelling = part_for(mode, template)
    seed_of = {part.embedder: seed for part, seed in zip(template.parts, seeds, strict=False)}
    chosen = tuple(seed_of[part.embedder] for part in travelling.parts)
    return TemplatePayload(commitment_salt(traveller_key, pass_id), travelling, chosen)


def commitment_salt(traveller_key: bytes, pass_id: bytes) -> bytes:
    """The 16-byte salt of one pass's commitment.

    Derived, not stored: a pseudo-random function of a random pass id is as good as a random salt to anyone without the
    traveller's key, and it dies with that key.
    """
    return derive(traveller_key, info=b"tongguan/pass-salt/v1\0" + pass_id, length=16)


def digest_of_capture(capture: bytes, *, key: bytes) -> bytes:
    """32 bytes that only the traveller's key connects with the photograph."""
    return derive(key, info=b"tongguan/capture/v1\0" + sha256(capture).digest())


def template_context(template_id: UUID) -> str:
    """What a sealed template is bound to."""
    return f"tongguan/template/v1/{template_id}"


def offline_effect(passes: Iterable[IssuedPass], *, at: datetime) -> datetime | None:
    """The latest moment a gate that hears nothing after `at` may still accept one of the offline `passes`, or None.

    Such a gate goes by its last list, or by the pass's own issuance, for HARD_BOUND at most (specs/status-list.md).
    """
    moments = [min(issued.expires_at, at + HARD_BOUND) + SKEW for issued in passes if issued.mode is PassMode.OFFLINE]
    return max(moments, default=None)
