"""Filings, assessments and alarms in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from broker.core.alarm import Alarm
from broker.core.filing import Filing
from broker.core.impact_assessment import Assessment, Signature
from broker.flows.ports.papers import RaisedAlarm


@dataclass
class FakeFilingRegister:
    kept: dict[UUID, Filing] = field(default_factory=dict)

    def add(self, filing: Filing) -> None:
        self.kept[filing.filing_id] = filing

    def lock(self, filing_id: UUID) -> Filing | None:
        return self.kept.get(filing_id)

    def change(self, filing: Filing) -> None:
        self.kept[filing.filing_id] = filing

    def all(self) -> Sequence[Filing]:
        return sorted(self.kept.values(), key=lambda filing: (filing.effective, filing.filing_id))


@dataclass
class FakeAssessmentRegister:
    kept: dict[UUID, Assessment] = field(default_factory=dict)

    def add(self, assessment: Assessment) -> bool:
        if any((a.exporter, a.version) == (assessment.exporter, assessment.version) for a in self.kept.values()):
            return False
        self.kept[assessment.assessment_id] = assessment
        return True

    def find(self, assessment_id: UUID) -> Assessment | None:
        return self.kept.get(assessment_id)

    def lock(self, assessment_id: UUID) -> Assessment | None:
        return self.kept.get(assessment_id)

    def complete(self, assessment_id: UUID, document: bytes) -> None:
        found = self.kept[assessment_id]
        if found.signature is None:
            self.kept[assessment_id] = replace(found, document=document, completed=True)

    def sign(self, assessment_id: UUID, signature: Signature, *, retain_until: date) -> None:
        found = self.kept[assessment_id]
        if found.signature is None:
            self.kept[assessment_id] = replace(found, signature=signature, retain_until=retain_until)

    def latest_signed(self) -> Sequence[Assessment]:
        latest: dict[str, Assessment] = {}
        for each in self.all():
            if each.signature is not None:
                latest.setdefault(each.exporter, each)
        return list(latest.values())

    def all(self) -> Sequence[Assessment]:
        return sorted(self.kept.values(), key=lambda a: (a.exporter, -a.version))


@dataclass
class FakeAlarmRegister:
    kept: dict[tuple[int, str, str, int], RaisedAlarm] = field(default_factory=dict)

    def raise_new(self, alarms: Sequence[Alarm], *, at: datetime) -> Sequence[Alarm]:
        new = [alarm for alarm in alarms if _key(alarm) not in self.kept]
        self.kept |= {_key(alarm): RaisedAlarm(alarm, at) for alarm in new}
        return new

    def raised(self, *, limit: int = 200) -> Sequence[RaisedAlarm]:
        def newest(raised: RaisedAlarm) -> tuple[float, str, int]:
            return -raised.raised_at.timestamp(), raised.alarm.counter, -raised.alarm.level

        return sorted(self.kept.values(), key=newest)[:limit]

    def untold(self, *, limit: int = 100) -> Sequence[RaisedAlarm]:
        waiting = [raised for raised in self.kept.values() if raised.told_at is None]
        return sorted(waiting, key=lambda raised: raised.raised_at)[:limit]

    def told(self, alarm: Alarm, at: datetime) -> None:
        self.kept[_key(alarm)] = replace(self.kept[_key(alarm)], told_at=at)


def _key(alarm: Alarm) -> tuple[int, str, str, int]:
    return alarm.year, alarm.counter, alarm.threshold, alarm.level
