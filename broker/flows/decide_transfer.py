"""Every release that leaves the broker is decided here, and counted in the transaction that makes it.

The law asked is that of the jurisdiction where the person's data reside. Far from every threshold many releases are
decided side by side on counts as committed; near one, the ledger is locked and the exact count decides.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from broker.core.counting import CountingRule, counting_key, year_before
from broker.core.departure import Departure, Kept, OwnUse
from broker.core.governance.calendar import shanghai_date
from broker.core.governance.decision import Decision
from broker.core.governance.policy import Law
from broker.core.governance.rules import Rule
from broker.core.permit import departure
from broker.core.special_list import Document
from broker.core.transfer import (
    Counted,
    Entered,
    Held,
    Outgoing,
    Subject,
    TransferRules,
    additions,
    classes_of,
    exporter_edges,
    full_years,
    recipient_edges,
)
from broker.flows.counted_person import bulk_line, counted_as
from broker.flows.ports import KeyStore, Work
from broker.flows.ports.transfers import BulkLine, Standing, TransferLine
from broker.flows.standing_changes import bearing_on
from broker.wire.identity_grant import VerifiedClaims

_UNITED_STATES = "US"


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
    outgoing = guarded(work, rules, traveller, subject, outgoing, at=at)
    decision, entered = _decided(work, keys, rules, traveller, subject, outgoing, at=at)
    return departure(work.departures, decision, outgoing, traveller=traveller, origin=subject.origin, entered=entered)


def _decided(
    work: Work,
    keys: KeyStore,
    rules: TransferRules,
    traveller: UUID,
    subject: Subject,
    outgoing: Outgoing,
    *,
    at: datetime,
) -> tuple[Decision, Entered | None]:
    bearing = bearing_on(work, keys, rules, subject, outgoing, at=at)
    law, subject = bearing.law, bearing.subject
    if subject.origin == outgoing.jurisdiction:
        # Nothing crosses, so nothing is counted; the domestic duties are still named.
        return bearing.decide(Counted()), None
    line = line_of(keys, rules, traveller, subject, outgoing, at=at)
    bulk = _bulk_line(keys, line, traveller, subject, outgoing, law, at=at)

    def over(standing: Standing) -> Decision:
        counted = Counted(standing.nonsensitive, standing.sensitive, standing.at_recipient, standing.held, standing.met)
        if bulk is not None:
            counted = replace(counted, us_persons=work.transfers.bulk_persons(bulk, since=year_before(at)))
        return bearing.decide(counted)

    standing = work.transfers.look(line)
    decision = over(standing)
    if not decision.gate.permits:
        return decision, None
    entered = _enter(work, standing, additions_of(outgoing, subject, law, decision), law, locked=False)
    if entered is None:
        standing = work.transfers.lock(line)
        decision = over(standing)
        if not decision.gate.permits:
            return decision, None
        entered = _enter(work, standing, additions_of(outgoing, subject, law, decision), law, locked=True)
    if bulk is not None:
        work.transfers.enter_bulk(bulk, at=at)
    return decision, Entered(line.exporter, line.recipient, entered or Held.NONE)


def line_of(
    keys: KeyStore, rules: TransferRules, traveller: UUID, subject: Subject, outgoing: Outgoing, *, at: datetime
) -> TransferLine:
    """Where the person is counted. Raises FactsError for an origin without exporter."""
    return TransferLine(
        year=shanghai_date(at).year,
        exporter=rules.profiles.exporter(subject.origin).counted_as + "/" + subject.origin,
        recipient=outgoing.recipient_id,
        person=counted_as(keys, traveller, counting_key(CountingRule.STATUTORY, subject.origin, at)),
    )


def in_rolling_counts(subject: Subject) -> bool:
    """Only what leaves the United States is in the rolling counts."""
    return subject.origin == _UNITED_STATES


def guarded(
    work: Work, rules: TransferRules, traveller: UUID, subject: Subject, outgoing: Outgoing, *, at: datetime
) -> Outgoing:
    """Of a child: whether a guardian's consent to this stands. Nobody else costs a look."""
    young = subject.age < rules.policy.at(at).rule(Rule.CN_GUARDIAN).numbers["age_below"]
    if outgoing.guardian is not None or not young:
        return outgoing
    return replace(outgoing, guardian=work.guardians.stands(traveller, outgoing.purpose, outgoing.recipient_id, at))


def subject_of(origin: str, claims: Kept[VerifiedClaims] | None, *, at: datetime) -> Subject:
    """The person as the rules see them. `claims`: what their authority said. Where it is not there, the age is unknown
    and the youngest is assumed: that denies without a guardian.
    """
    known = None if claims is None else claims.for_own_use(OwnUse.DECIDING)
    if known is None:
        return Subject(origin, 0)
    held = ((known.document_type, known.document_number), *_further(known))
    return Subject(origin, full_years(known.birth_date, shanghai_date(at)), documents=held)


def _further(claims: VerifiedClaims) -> Iterator[Document]:
    return ((document.document_type, document.document_number) for document in claims.further_documents)


def additions_of(outgoing: Outgoing, subject: Subject, law: Law, decision: Decision) -> Held:
    """The counts that a permitted release enters the person in."""
    return additions(classes_of(outgoing, subject, law), decision)


def _enter(work: Work, standing: Standing, add: Held, law: Law, *, locked: bool) -> Held | None:
    if standing.met and add & ~standing.held == Held.NONE:
        return Held.NONE  # counted before: nothing moves
    edges = {"exporter_edges": exporter_edges(law), "recipient_edges": recipient_edges(law)}
    return work.transfers.enter(standing, add, **edges, locked=locked)


def _bulk_line(
    keys: KeyStore, line: TransferLine, traveller: UUID, subject: Subject, outgoing: Outgoing, law: Law, *, at: datetime
) -> BulkLine | None:
    """By the kinds of data that the law of the United States counts."""
    if not in_rolling_counts(subject):
        return None
    classes = (category.us_class for category in law.categories_of(outgoing.categories))
    kinds = frozenset(kind for kind in classes if kind is not None)
    parties = {"exporter": line.exporter, "recipient": line.recipient, "origin": subject.origin}
    return bulk_line(keys, traveller, kinds=kinds, **parties, at=at) if kinds else None
