"""Notices leave the outbox: signed, posted, settled. At least once: a crash between sending and settling sends again,
under the same event id.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from broker.core.governance.facts import FactsError
from broker.core.governance.policy import PolicyError
from broker.core.jws import sign_statement
from broker.core.partner import Partner
from broker.core.rulebook import Rulebook
from broker.core.webhook import LEASE, MAX_ATTEMPTS, SENDING, PartnerEvent, delay_after, security_event
from broker.flows.decide_notice import decide_notice
from broker.flows.ports import BeginWork, Entry, KeyStore, Work
from broker.flows.ports.changes import ChangesUnsound
from broker.wire.keys import Entropy, Signer

_log: Final = logging.getLogger(__name__)

TYP = "secevent+jwt"
"""RFC 8417 2.3."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one attempt. `outcome` is a few words for the operator; `final`: no attempt can succeed."""

    accepted: bool
    outcome: str
    final: bool = False


class EventSender(Protocol):
    """The way to a partner's webhook."""

    def send(self, url: str, token: str) -> Sent:
        """Push one Security Event Token (RFC 8935 2). Never raises for what the partner does."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Notices of one partner, in the order in which they are sent; the caller may begin to send until `until`."""

    partner: Partner
    events: tuple[PartnerEvent, ...]
    until: datetime


def take_batches(begin: BeginWork, *, at: datetime, partners: int = 8, each: int = 10) -> Sequence[Batch]:
    """What is due, by partner, so that a partner that does not answer delays nobody else."""
    with begin() as work:
        events = work.partner_events.take_due(at, partners=partners, each=each)
        found = {name: work.partners.find(name) for name in {event.partner_id for event in events}}
    return [
        Batch(partner, tuple(event for event in events if event.partner_id == name), at + SENDING)
        for name, partner in sorted(found.items())
        if partner is not None
    ]


def deliver_batch(
    begin: BeginWork,
    batch: Batch,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    sender: EventSender,
    signer: Signer,
    issuer: str,
    clock: Callable[[], datetime],
    entropy: Entropy,
) -> int:
    """Send in order until one fails or time is up; the rest wait for their lease to end. Returns how many were
    accepted.

    This is where notices leave, so it is here that the law is asked, once for each.
    """
    accepted = 0
    for waiting in batch.events:
        at = clock()
        if at >= batch.until:
            break
        with begin() as work:
            partner = work.partners.find(waiting.partner_id) or batch.partner
        event = _decided(begin, waiting, partner, keys=keys, rulebook=rulebook, at=at, entropy=entropy)
        claims: dict[str, Any] = security_event(event, issuer=issuer, at=at)
        url = partner.webhook_url
        if url is None:
            sent = Sent(accepted=False, outcome="the partner takes no notices any more", final=True)
        else:
            sent = sender.send(url, sign_statement(claims, signer, typ=TYP))
        with begin() as work:
            _settle(work, event, sent, at=clock(), entropy=entropy)
        if not sent.accepted:
            break
        accepted += 1
    return accepted


def _decided(
    begin: BeginWork,
    waiting: PartnerEvent,
    partner: Partner,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    at: datetime,
    entropy: Entropy,
) -> PartnerEvent:
    """The notice as it may be sent. Where nobody can say what the law says, it names nobody and goes out all the same:
    what it tells must not wait for that.
    """
    try:
        with begin() as work:
            return decide_notice(work, waiting, partner, keys=keys, rulebook=rulebook, at=at, entropy=entropy)
    except (FactsError, PolicyError, ChangesUnsound, LookupError) as error:
        _log.error("a notice goes out bare: %s", type(error).__name__)
        return waiting.bare()


def _settle(work: Work, event: PartnerEvent, sent: Sent, *, at: datetime, entropy: Entropy) -> None:
    if sent.accepted:
        work.partner_events.delivered(event.event_id, outcome=sent.outcome, at=at)
        return
    attempts = event.attempts + 1
    again = at + delay_after(attempts, entropy=entropy(4))
    if sent.final or attempts >= MAX_ATTEMPTS:
        work.partner_events.given_up(event.event_id, outcome=sent.outcome, at=at)
        clear = {"partner": event.partner_id, "event": str(event.event_id), "name": event.name, "attempts": attempts}
        work.journal.append(Entry("partner:event:undelivered", clear), at=at, entropy=entropy)
    else:
        work.partner_events.failed(event.event_id, outcome=sent.outcome, again_at=again)
    if not sent.final:
        # Its other notices would only be waiting for the same silence; but no longer than a lease, for perhaps it was
        # this one notice that the partner would not have.
        work.partner_events.put_off(event.partner_id, min(again, at + LEASE))
