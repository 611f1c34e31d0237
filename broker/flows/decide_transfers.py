"""Several decisions in one transaction, each knowing those before it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from broker.core.departure import Departure
from broker.core.governance.decision import Decision
from broker.core.permit import departure
from broker.core.transfer import Counted, Entered, Held, Outgoing, Subject, TransferRules
from broker.flows.decide_transfer import additions_of, decide_transfer, guarded, in_rolling_counts, line_of
from broker.flows.ports import KeyStore, Work
from broker.flows.ports.transfers import Standing, TransferLine
from broker.flows.standing_changes import Bearing, bearing_on


@dataclass(frozen=True, slots=True)
class Leaving:
    """One person's data about to leave once."""

    traveller: UUID
    subject: Subject
    outgoing: Outgoing

    @property
    def crosses(self) -> bool:
        return self.subject.origin != self.outgoing.jurisdiction


def decide_transfers(
    work: Work, leaving: Sequence[Leaving], *, keys: KeyStore, rules: TransferRules, at: datetime
) -> list[Departure]:
    """As `decide_transfer` over each in turn. Where more than one crosses a border their counters are locked at once,
    in the one order that all keep, so that two such transactions never wait for each other.
    """
    crossing = [one for one in leaving if one.crosses]
    if len(crossing) < 2 or any(in_rolling_counts(one.subject) for one in crossing):
        return [
            decide_transfer(
                work, keys=keys, rules=rules, traveller=one.traveller, subject=one.subject, outgoing=one.outgoing, at=at
            )
            for one in leaving
        ]
    leaving = [
        replace(one, outgoing=guarded(work, rules, one.traveller, one.subject, one.outgoing, at=at)) for one in leaving
    ]
    lines = [
        line_of(keys, rules, one.traveller, one.subject, one.outgoing, at=at) if one.crosses else None
        for one in leaving
    ]
    running = _Running(work.transfers.stand_together([line for line in lines if line is not None]))
    decisions: list[Decision] = []
    for one, line in zip(leaving, lines, strict=True):
        bearing = bearing_on(work, keys, rules, one.subject, one.outgoing, at=at)
        decisions.append(bearing.decide(Counted()) if line is None else running.decide(bearing, line))
    newly = iter(work.transfers.enter_together(running.entered) if running.entered else ())
    departures = []
    for one, line, decision in zip(leaving, lines, decisions, strict=True):
        counted = line is not None and decision.gate.permits
        entered = Entered(line.exporter, line.recipient, next(newly)) if counted and line is not None else None
        departures.append(
            departure(
                work.departures,
                decision,
                one.outgoing,
                traveller=one.traveller,
                origin=one.subject.origin,
                entered=entered,
            )
        )
    return departures


class _Running:
    """The counts under our locks, as each decision moves them."""

    def __init__(self, standings: Sequence[Standing]) -> None:
        self.entered: list[tuple[Standing, Held]] = []
        self._exporters = {one.line.exporter: Counter(_counts(one)) for one in standings}
        self._recipients = {one.line.recipient: one.at_recipient for one in standings}
        self._held = {(one.line.exporter, one.line.person): one.held for one in standings}
        self._met = {(one.line.recipient, one.line.person): one.met for one in standings}

    def decide(self, bearing: Bearing, line: TransferLine) -> Decision:
        standing = self._standing(line)
        decision = bearing.decide(
            Counted(standing.nonsensitive, standing.sensitive, standing.at_recipient, standing.held, standing.met)
        )
        if decision.gate.permits:
            add = additions_of(bearing.outgoing, bearing.subject, bearing.law, decision)
            self.entered.append((standing, add))
            self._exporters[line.exporter].update(add & ~standing.held)
            self._held[line.exporter, line.person] |= add
            self._recipients[line.recipient] += not standing.met
            self._met[line.recipient, line.person] = True
        return decision

    def _standing(self, line: TransferLine) -> Standing:
        counts = self._exporters[line.exporter]
        return Standing(
            line,
            nonsensitive=counts[Held.NONSENSITIVE],
            sensitive=counts[Held.SENSITIVE],
            gross_nonsensitive=counts[Held.GROSS_NONSENSITIVE],
            gross_sensitive=counts[Held.GROSS_SENSITIVE],
            at_recipient=self._recipients[line.recipient],
            held=self._held[line.exporter, line.person],
            met=self._met[line.recipient, line.person],
        )


def _counts(standing: Standing) -> dict[Held, int]:
    return {
        Held.NONSENSITIVE: standing.nonsensitive,
        Held.SENSITIVE: standing.sensitive,
        Held.GROSS_NONSENSITIVE: standing.gross_nonsensitive,
        Held.GROSS_SENSITIVE: standing.gross_sensitive,
    }
