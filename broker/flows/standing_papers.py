"""The papers that stand, for decisions: read for the whole process at most once a second (specs/filings.md 4)."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from broker.core.filing import dates_of, standing_filing
from broker.core.filing_rules import FilingRules
from broker.core.governance.policy import Law
from broker.core.impact_assessment import standing_assessment
from broker.core.impact_configuration import configuration_of
from broker.core.partner import Partner
from broker.core.rulebook import Rulebook
from broker.core.standing_papers import StandingPapers
from broker.flows.ports import BeginWork, Work

FRESH: Final = timedelta(seconds=1)
"""How long after it was ended or entered a paper may still be unknown to a process."""


Configured = Callable[[Sequence[Partner], Law], Mapping[str, bytes]]
"""By exporter, the digest of what is configured with these partners under that law."""


def configured_with(rulebook: Rulebook) -> Configured:
    """Works it out and remembers the last answer: it is asked for often, and partners and law seldom change."""
    exporters = rulebook.transfers.profiles.exporters.values()
    last: tuple[Sequence[Partner], str, Mapping[str, bytes]] | None = None

    def configured(partners: Sequence[Partner], law: Law) -> Mapping[str, bytes]:
        nonlocal last
        if last is None or last[:2] != (partners, law.hash):
            digests = {e.id: configuration_of(e, rulebook, partners, law).digest() for e in exporters}
            last = partners, law.hash, digests
        return last[2]

    return configured


def configured_now(work: Work, rulebook: Rulebook, at: datetime) -> Mapping[str, bytes]:
    """By exporter, the digest of what is configured now."""
    return configured_with(rulebook)(work.partners.all(), rulebook.transfers.policy.at(at))


def papers_that_stand(
    work: Work, rulebook: Rulebook, rules: FilingRules, at: datetime, *, configured: Configured | None = None
) -> StandingPapers:
    """Filings made, with the instants between which they count, and assessments of exactly what is configured."""
    policy = rulebook.transfers.policy
    filings = (standing_filing(filing, dates_of(filing, policy, rules)) for filing in work.filings.all())
    signed = work.assessments.latest_signed()
    ask = configured or configured_with(rulebook)
    digests = ask(work.partners.all(), policy.at(at)) if signed else {}
    assessments = (standing_assessment(a) for a in signed if digests.get(a.exporter) == a.configuration)
    return StandingPapers(
        filings=tuple(filing for filing in filings if filing is not None),
        assessments=tuple(assessment for assessment in assessments if assessment is not None),
        faces={origin: work.transfers.stored_faces(origin) for origin in rulebook.transfers.profiles.exporters},
    )


_USABLE: Final = timedelta(seconds=5)


class PapersShelf:
    """One process's copy. One thread reads at a time, others go on with the copy unless it is old; a reading that fails
    raises, and nothing leaves. A reading takes one connection more than the thread holds, and locks nothing.
    """

    def __init__(self, begin: BeginWork, rulebook: Rulebook, clock: Callable[[], datetime]) -> None:
        self._begin, self._rulebook, self._clock = begin, rulebook, clock
        self._rules, self._configured = FilingRules.load(), configured_with(rulebook)
        self._reading = threading.Lock()
        self._copy: tuple[datetime, StandingPapers] | None = None

    def now(self) -> StandingPapers:
        """The papers as read within the last second; while another thread reads, at most some seconds old."""
        copy, at = self._copy, self._clock()
        age = None if copy is None else at - copy[0]
        if copy is not None and age is not None and timedelta(0) <= age < FRESH:
            return copy[1]
        usable = age is not None and timedelta(0) <= age < _USABLE
        if not self._reading.acquire(blocking=not usable) and copy is not None:
            return copy[1]
        try:
            return self._read(at)
        finally:
            self._reading.release()

    def _read(self, at: datetime) -> StandingPapers:
        if self._copy is not None and timedelta(0) <= at - self._copy[0] < FRESH:
            return self._copy[1]
        with self._begin() as work:
            papers = papers_that_stand(work, self._rulebook, self._rules, at, configured=self._configured)
        self._copy = at, papers
        return papers


def standing_rulebook(rulebook: Rulebook, begin: BeginWork, clock: Callable[[], datetime]) -> Rulebook:
    """The same rulebook, whose decisions know the papers that stand."""
    shelf = PapersShelf(begin, rulebook, clock)
    profiles = replace(rulebook.transfers.profiles, papers=shelf.now)
    return replace(rulebook, transfers=replace(rulebook.transfers, profiles=profiles))
