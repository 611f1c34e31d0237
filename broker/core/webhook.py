"""Notices to partners: what they say, when they are sent again, and when that ends (specs/webhooks.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from broker.core.departure import NoDeparture

EVENT_TYPE: Final = "urn:tongguan:event:"
"""What the name of an event follows in a Security Event Token (RFC 8417 2.2)."""

MAX_ATTEMPTS: Final = 24
FIRST_DELAY: Final = timedelta(seconds=5)
LONGEST_DELAY: Final = timedelta(hours=6)
BARE: Final = frozenset({"consent", "grants", "request", "status", "reason"})
"""Members of a notice that say nothing of a person beyond ids its recipient holds, and what became of them."""
LEASE: Final = timedelta(seconds=60)
"""For how long one worker owns what it took."""
SENDING: Final = LEASE / 2
"""For how long it begins to send: what is under way then has time left to end, name look-up and all."""


class EventState(StrEnum):
    """DEAD: given up; an operator can send it again."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class PartnerEvent:
    """One notice in the outbox. `subject` is the pseudonym under which the partner knows the person, if any.

    `body` names consents, grants and requests by their ids and holds no personal data. `decided`: the law was asked;
    the subject is gone where it may not go.
    """

    event_id: UUID
    partner_id: str
    name: str
    subject: str | None
    body: Mapping[str, Any] = field(repr=False)
    created_at: datetime
    attempts: int = 0
    state: EventState = EventState.WAITING
    last_outcome: str | None = None
    decided: bool = False

    def bare(self) -> "PartnerEvent":
        """The same without the person: only ids that its recipient was given before."""
        body = {name: value for name, value in self.body.items() if name in BARE}
        return replace(self, subject=None, body=body)


def delay_after(attempts: int, *, entropy: bytes) -> timedelta:
    """How long to wait after that many failed attempts (at least 1): doubled each time up to six hours, of which a
    random part between a half and the whole is taken, so that a partner that comes back is not met by all at once.

    `entropy`: 4 random bytes.
    """
    if attempts < 1 or len(entropy) != 4:
        raise ValueError("there is a delay after an attempt, and it takes 4 random bytes")
    whole: timedelta = min(FIRST_DELAY * (1 << min(attempts - 1, 32)), LONGEST_DELAY)
    share = int.from_bytes(entropy, "big") / 2**32
    return whole * (0.5 + share / 2)


def security_event(event: PartnerEvent, *, issuer: str, at: datetime) -> dict[str, Any]:
    """The claims of the Security Event Token (RFC 8417 2.2). `jti` is the event's id at every attempt; there is no
    `exp`, because what happened stays true. Without a subject the event is bare. Raises NoDeparture for a subject that
    nothing was decided about.
    """
    if event.subject is None:
        event = event.bare()
    elif not event.decided:
        raise NoDeparture(f"a notice to {event.partner_id} names a person, and nothing was decided")
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": event.partner_id,
        "iat": int(at.timestamp()),
        "jti": str(event.event_id),
        "toe": int(event.created_at.timestamp()),
        "events": {EVENT_TYPE + event.name: dict(event.body)},
    }
    if event.subject is not None:
        # RFC 9493 3.2.2: which person, in the words in which the partner knows them.
        claims["sub_id"] = {"format": "iss_sub", "iss": issuer, "sub": event.subject}
    return claims
