"""Filings, impact assessments, and the alarms that counters raised."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from broker.core.alarm import Alarm
from broker.core.filing import Filing
from broker.core.impact_assessment import Assessment, Signature


class FilingRegister(Protocol):
    """Every filing that was ever entered; none is deleted."""

    def add(self, filing: Filing) -> None: ...

    def lock(self, filing_id: UUID) -> Filing | None:
        """The filing, locked against other changes until the end of the work."""

    def change(self, filing: Filing) -> None:
        """Its new state, under the same id."""

    def all(self) -> Sequence[Filing]:
        """By the day they took effect, then by id."""


class AssessmentRegister(Protocol):
    """Every version of every assessment; none is deleted."""

    def add(self, assessment: Assessment) -> bool:
        """False when another draft took the version meanwhile."""

    def find(self, assessment_id: UUID) -> Assessment | None: ...

    def lock(self, assessment_id: UUID) -> Assessment | None:
        """The assessment, locked against other changes until the end of the work."""

    def complete(self, assessment_id: UUID, document: bytes) -> None:
        """The document with what people state; not after it was signed."""

    def sign(self, assessment_id: UUID, signature: Signature, *, retain_until: date) -> None: ...

    def latest_signed(self) -> Sequence[Assessment]:
        """For each exporter its latest signed version."""

    def all(self) -> Sequence[Assessment]:
        """By exporter, the newest version first."""


@dataclass(frozen=True, slots=True)
class RaisedAlarm:
    """`told_at`: when the operator's webhook took it; None while nobody was told, or nobody is to be."""

    alarm: Alarm
    raised_at: datetime
    told_at: datetime | None = None


class AlarmRegister(Protocol):
    """Alarms, each raised once."""

    def raise_new(self, alarms: Sequence[Alarm], *, at: datetime) -> Sequence[Alarm]:
        """Unique insert; those that were not raised before."""

    def raised(self, *, limit: int = 200) -> Sequence[RaisedAlarm]:
        """The newest first."""

    def untold(self, *, limit: int = 100) -> Sequence[RaisedAlarm]:
        """Those that nobody was told of yet, the oldest first."""

    def told(self, alarm: Alarm, at: datetime) -> None: ...
