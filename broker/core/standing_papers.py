"""The papers that stand: filings and assessments as a decision asks for them, each with the instants between which it
counts (specs/filings.md 4, specs/impact-assessment.md 6).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from broker.core.governance.facts import Artefact

Flow = tuple[str, str, str]
"""A purpose, the jurisdiction of its recipient, and a category of data."""

ANY_RECIPIENT = "*"
"""A paper that covers every recipient at its destination."""


@dataclass(frozen=True, slots=True)
class StandingFiling:
    """Counts at [since, until) for what `exporter` sends to `party` (or anybody) in `destination`."""

    artefact: Artefact
    exporter: str
    party: str
    destination: str
    since: datetime
    until: datetime | None

    def covers(self, exporter: str, recipient: str, destination: str, at: datetime) -> bool:
        """`destination`: the recipient's jurisdiction."""
        parties = self.exporter == exporter and self.party in (recipient, ANY_RECIPIENT)
        return parties and self.destination == destination and self.since <= at and not self._over(at)

    def _over(self, at: datetime) -> bool:
        return self.until is not None and at >= self.until


@dataclass(frozen=True, slots=True)
class StandingAssessment:
    """A signed assessment of what is configured now. `flows`: what it looked at."""

    exporter: str
    flows: frozenset[Flow]
    since: datetime

    def covers(self, exporter: str, purpose: str, destination: str, categories: Iterable[str], at: datetime) -> bool:
        """Whether it looked at every category of a release for that purpose to that destination."""
        if self.exporter != exporter or at < self.since:
            return False
        return all((purpose, destination, category) in self.flows for category in categories)


@dataclass(frozen=True)
class StandingPapers:
    """Everything on the table. What an operator states (data/transfers.toml) counts beside it. `faces`: how many are
    stored, by jurisdiction, which a duty to file turns on.
    """

    filings: tuple[StandingFiling, ...] = ()
    assessments: tuple[StandingAssessment, ...] = ()
    faces: Mapping[str, int] = field(default_factory=dict)

    def artefacts(self, exporter: str, recipient: str, destination: str, at: datetime) -> frozenset[Artefact]:
        """What has been filed, passed or certified for such a release at that instant."""
        near = self._near.get((exporter, destination), ())
        return frozenset(filing.artefact for filing in near if filing.covers(exporter, recipient, destination, at))

    def assessed(self, exporter: str, purpose: str, destination: str, categories: Iterable[str], at: datetime) -> bool:
        """Whether a standing assessment looked at such a release."""
        asked = tuple(categories)
        return bool(asked) and any(
            paper.covers(exporter, purpose, destination, asked, at) for paper in self.assessments
        )

    @cached_property
    def _near(self) -> Mapping[tuple[str, str], Sequence[StandingFiling]]:
        """Filings by exporter and destination."""
        near: dict[tuple[str, str], list[StandingFiling]] = {}
        for filing in self.filings:
            near.setdefault((filing.exporter, filing.destination), []).append(filing)
        return near


NO_PAPERS = StandingPapers()
Papers = Callable[[], StandingPapers]
"""The papers as this process knows them now."""


def no_papers() -> StandingPapers:
    """Nothing but the operator's own statement."""
    return NO_PAPERS
