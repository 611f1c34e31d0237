"""Filings with their dates and states, and the days that come: to list, to show, to put into a calendar."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from broker.core.filing import Filing, FilingDates, FilingKind, FilingState, dates_of, days_left, state_of
from broker.core.filing_rules import FilingRules
from broker.core.governance.policy import Policy
from broker.core.icalendar import CalendarDay
from broker.core.standing_papers import ANY_RECIPIENT
from broker.flows.ports import Work

TITLES: Final = {
    FilingKind.GBA_CONTRACT: "Bay-area standard contract",
    FilingKind.STANDARD_CONTRACT: "Standard contract for outbound transfer",
    FilingKind.CERTIFICATION: "Certificate of outbound transfer",
    FilingKind.SECURITY_ASSESSMENT: "Security assessment",
    FilingKind.FACE_STORE: "Filing of stored faces",
}


@dataclass(frozen=True, slots=True)
class FilingLine:
    """One filing as it is at an instant."""

    filing: Filing
    dates: FilingDates
    state: FilingState

    @property
    def title(self) -> str:
        return TITLES[self.filing.kind]

    @property
    def party(self) -> str:
        return "every recipient" if self.filing.party == ANY_RECIPIENT else self.filing.party


@dataclass(frozen=True, slots=True)
class ComingDay:
    """A day on or before which something is to be done, or from which something is over. `left`: whole days."""

    uid: str
    day: date
    left: int
    what: str
    about: str
    cite: str
    provisional: bool


def filing_lines(work: Work, policy: Policy, rules: FilingRules, at: datetime) -> Sequence[FilingLine]:
    """Every filing, by the day it took effect."""
    dated = ((filing, dates_of(filing, policy, rules)) for filing in work.filings.all())
    return [FilingLine(filing, dates, state_of(filing, dates, at)) for filing, dates in dated]


def coming_days(work: Work, policy: Policy, rules: FilingRules, at: datetime) -> Sequence[ComingDay]:
    """What is due, overdue or about to end, in order of days; kept assessments with the end of their keeping."""
    days = [day for line in filing_lines(work, policy, rules, at) for day in _days_of(line, at)]
    for assessment in work.assessments.all():
        if assessment.retain_until is not None:
            about = f"{assessment.exporter}, version {assessment.version}"
            uid = f"keep-{assessment.assessment_id}"
            left = days_left(assessment.retain_until, at)
            what = "Impact assessment may be disposed of"
            days.append(ComingDay(uid, assessment.retain_until, left, what, about, "PIPL 56(2)", provisional=False))
    return sorted(days, key=lambda day: (day.day, day.uid))


def as_calendar(days: Sequence[ComingDay]) -> Iterator[CalendarDay]:
    """The same for a calendar program."""
    for day in days:
        note = f"{day.about}\n{day.cite}" + ("\nProvisional: the holidays are not published." * day.provisional)
        yield CalendarDay(f"{day.uid}@tongguan", day.day, day.what, note)


def _days_of(line: FilingLine, at: datetime) -> Iterator[ComingDay]:
    filing, dates = line.filing, line.dates
    if line.state is FilingState.ENDED:
        return
    about = f"{filing.exporter} to {line.party}" + (f" ({filing.destination})" if filing.destination else "")
    named: list[tuple[str, date | None, str]] = []
    if filing.filed_on is None:
        named.append(("due", dates.due, f"{line.title}: last day to file"))
    elif line.state is not FilingState.EXPIRED:
        named.append(("extend", dates.extend_by, f"{line.title}: last day to ask for an extension"))
        named.append(("expires", dates.expires, f"{line.title}: last day it counts"))
    for name, day, what in named:
        if day is not None:
            uid = f"{name}-{filing.filing_id}"
            # The end of a period of years is no working day that could move.
            provisional = dates.provisional and name != "expires"
            yield ComingDay(uid, day, days_left(day, at), what, about, dates.cite, provisional)


def filing_json(line: FilingLine) -> dict[str, str | bool | None]:
    """One filing as plain values."""
    filing, dates = line.filing, line.dates

    def iso(day: date | datetime | None) -> str | None:
        return None if day is None else day.isoformat()

    return {
        "filing_id": str(filing.filing_id),
        "kind": filing.kind.value,
        "state": line.state.value,
        "exporter": filing.exporter,
        "party": filing.party,
        "destination": filing.destination,
        "effective": iso(filing.effective),
        "filed_on": iso(filing.filed_on),
        "reference": filing.reference,
        "evidence_sha256": None if filing.evidence is None else filing.evidence.hex(),
        "due": iso(dates.due),
        "extend_by": iso(dates.extend_by),
        "expires": iso(dates.expires),
        "counts_until": iso(dates.until),
        "ended_at": iso(filing.ended_at),
        "provisional": dates.provisional,
        "citation": dates.cite,
        "confidence": dates.confidence,
    }
