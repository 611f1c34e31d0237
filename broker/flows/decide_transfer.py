"""Every release that leaves the broker is decided here, and counted in the transaction that makes it.

The law asked is that of the jurisdiction where the person's data reside. Far from every threshold many releases are
decided side by side on counts as committed; near one, the ledger is locked and the exact count decides.
"""

import hmac
from dataclasses import replace
from datetime import date, datetime
from hashlib import sha256
from uuid import UUID, uuid5

from broker.core.departure import Departure
from broker.core.governance.calendar import shanghai_date
from broker.core.governance.decide import decide
from broker.core.governance.decision import Decision
from broker.core.governance.policy import Law
from broker.core.sealing import unseal
from broker.core.transfer import (
    Counted,
    Held,
    Outgoing,
    Subject,
    TransferRules,
    additions,
    classes_of,
    exporter_edges,
    facts_of,
    recipient_edges,
)
from broker.core.traveller import CLAIMS
from broker.flows.ports import KeyStore, Work
from broker.flows.ports.transfers import US_WINDOW, Standing, TransferLine
from broker.wire.identity_grant import VerifiedClaims

_UNITED_STATES = "US"
_NAMESPACE = UUID("0b6c9f6e-3c5e-4a6b-9d0f-7e6f6f1d2b11")


def decide_transfer(
    work: Work,
    *,
    keys: KeyStore,
    rules: TransferRules,
    traveller: UUID,
    subject: Subject,
    outgoing: Outgoing,
    at: datetime,
) -> Departure:
    """The decision over one person's data leaving once. When it permits, the person is counted by now; a hold or a
    denial counts nothing.

    The caller holds the locks of consents and passes already: the ledger's come last. Raises FactsError and
    PolicyError: nothing may leave.
    """
    return Departure(_decided(work, keys, rules, traveller, subject, outgoing, at=at), outgoing, subject.origin)


def _decided(
    work: Work,
    keys: KeyStore,
    rules: TransferRules,
    traveller: UUID,
    subject: Subject,
    outgoing: Outgoing,
    *,
    at: datetime,
) -> Decision:
    law = rules.policy.at(at)
    if subject.origin == outgoing.jurisdiction:
        # Nothing crosses, so nothing is counted; the domestic duties are still named.
        return decide(facts_of(outgoing, subject, Counted(), rules.profiles, law, at=at), rules.policy)
    line = TransferLine(
        year=shanghai_date(at).year,
        exporter=rules.profiles.exporter(subject.origin).counted_as + "/" + subject.origin,
        recipient=outgoing.recipient_id,
        person=_counted_as(keys, traveller, origin=subject.origin, year=shanghai_date(at).year),
    )
    american = outgoing.jurisdiction == _UNITED_STATES

    def over(standing: Standing) -> Decision:
        counted = Counted(standing.nonsensitive, standing.sensitive, standing.at_recipient, standing.held, standing.met)
        if american:
            persons, among = work.transfers.recent_at_us_recipient(line, since=at - US_WINDOW)
            counted = replace(counted, us_persons=persons + (0 if among else 1))
        return decide(facts_of(outgoing, subject, counted, rules.profiles, law, at=at), rules.policy)

    standing = work.transfers.look(line)
    decision = over(standing)
    if not decision.gate.permits:
        return decision
    if not _enter(work, standing, _additions(outgoing, subject, law, decision), law, locked=False):
        standing = work.transfers.lock(line)
        decision = over(standing)
        if not decision.gate.permits:
            return decision
        _enter(work, standing, _additions(outgoing, subject, law, decision), law, locked=True)
    if american:
        work.transfers.enter_us_recipient(line, at=at)
    return decision


def subject_of(origin: str, claims: VerifiedClaims | None, *, at: datetime) -> Subject:
    """The person as the rules see them. `claims`: what their authority said. Where it is not there, the age is unknown
    and the youngest is assumed: that denies without a guardian.
    """
    return Subject(origin, 0 if claims is None else _age(claims.birth_date, shanghai_date(at)))


def opened_claims(sealed: bytes | None, *, key: bytes) -> VerifiedClaims | None:
    """What an authority said about a person, from its sealed bytes."""
    return None if sealed is None else VerifiedClaims.model_validate_json(unseal(sealed, key=key, context=CLAIMS))


def _age(born: date, today: date) -> int:
    return max(0, today.year - born.year - ((today.month, today.day) < (born.month, born.day)))


def _additions(outgoing: Outgoing, subject: Subject, law: Law, decision: Decision) -> Held:
    return additions(classes_of(outgoing, subject, law), decision)


def _enter(work: Work, standing: Standing, add: Held, law: Law, *, locked: bool) -> bool:
    if standing.met and add & ~standing.held == Held.NONE:
        return True  # counted before: nothing moves
    edges = {"exporter_edges": exporter_edges(law), "recipient_edges": recipient_edges(law)}
    return work.transfers.enter(standing, add, **edges, locked=locked)


def _counted_as(keys: KeyStore, traveller: UUID, *, origin: str, year: int) -> UUID:
    """The name a person is counted under: keyed by rule and year. It outlives an erasure, says nothing to whoever lacks
    the key, and goes when that key is destroyed.
    """
    name = uuid5(_NAMESPACE, f"count/{origin}/{year}")
    try:
        key = keys.key(name)
    except LookupError:
        keys.create(name)
        key = keys.key(name)
    return UUID(bytes=hmac.digest(key, traveller.bytes, sha256)[:16])
