"""What the regulator's console shows, as tables: read from summaries and registers, never from persons' rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from broker.core.flow_summary import UNKNOWN, Flow, by
from broker.core.governance.calendar import shanghai_date
from broker.core.governed_change import GovernedChange
from broker.core.rulebook import Rulebook
from broker.core.sample import Sample, SampleState
from broker.flows.ports import Work
from broker.flows.ports.papers import RaisedAlarm
from broker.flows.ports.samples import SamplingDay
from broker.flows.raise_alarms import readings
from broker.web.console_charts import BANDS, Bar, bars_of
from broker.web.console_picture import GATE_WORDS, GATES
from broker.web.console_sheets import Cell, Column, Sheet
from broker.web.console_words import counter_words, place_name, rule_words

SPANS: Final = (7, 30, 90, 365)
MOST_SAMPLES: Final = 500
MOST_ROWS: Final = 2000

_COUNT: Final = {"number": True, "counts": True}
_WORDS: Final[Mapping[str, Callable[[str], str]]] = {
    "origin": lambda code: f"{place_name(code)} ({code})",
    "destination": lambda code: f"{place_name(code)} ({code})",
    "counter": counter_words,
    "threshold": rule_words,
}


@dataclass(frozen=True, slots=True)
class Window:
    """The last `days` days in Shanghai, today included."""

    days: int
    first: date
    last: date

    @classmethod
    def of(cls, asked: str | None, at: datetime) -> "Window":
        """What a page was asked for; 30 days where that is none of SPANS."""
        days = next((span for span in SPANS if str(span) == asked), 30)
        today = shanghai_date(at)
        return cls(days, today - timedelta(days=days - 1), today)


def route_sheet(flows: Sequence[Flow]) -> Sheet:
    """Decided releases by route: one row a route, one column a decision."""
    counts = by(flows, "origin", "destination", "gate")
    routes = sorted({(origin, destination) for origin, destination, _ in counts})
    gates = {route: tuple(counts.get((*route, gate), 0) for gate in GATES) for route in routes}
    routes.sort(key=lambda route: (-sum(gates[route]), route))
    rows: tuple[tuple[Cell, ...], ...] = tuple((*route, sum(gates[route]), *gates[route]) for route in routes)
    columns = (
        Column("origin", "From"),
        Column("destination", "To"),
        Column("releases", "Decided", **_COUNT),
        *(Column(gate, GATE_WORDS[gate].capitalize(), **_COUNT) for gate in GATES),
    )
    return Sheet("routes", "Decided releases by route", columns, rows)


def flow_sheet(flows: Iterable[Flow]) -> Sheet:
    """Every count as it is kept: by day, route, decision, mechanism and band."""
    columns = (
        Column("day", "Day"),
        Column("origin", "From"),
        Column("destination", "To"),
        Column("gate", "Decision"),
        Column("mechanism", "Mechanism"),
        Column("band", "Band"),
        Column("releases", "Decided", **_COUNT),
        Column("mean_score", "Mean score", number=True, exact=True),
        Column("highest_score", "Highest score", number=True, exact=True),
    )
    rows = tuple(
        (
            flow.key.day.isoformat(),
            flow.key.origin,
            flow.key.destination,
            flow.key.gate,
            flow.key.mechanism,
            flow.key.band,
            flow.releases,
            round(flow.score_sum / flow.releases, 1),
            flow.score_max,
        )
        for flow in flows
    )
    return Sheet("flows", "Decided releases by day, route and decision", columns, rows)


def band_sheet(flows: Sequence[Flow]) -> Sheet:
    """Decided releases by day and band."""
    counts = by(flows, "day", "band")
    days = sorted({day for day, _ in counts}, reverse=True)
    columns = (
        Column("day", "Day"),
        Column("releases", "Decided", **_COUNT),
        *(Column(band, band.capitalize(), **_COUNT) for band in BANDS),
    )
    bands = {day: tuple(counts.get((day, band), 0) for band in BANDS) for day in days}
    rows: tuple[tuple[Cell, ...], ...] = tuple((day, sum(bands[day]), *bands[day]) for day in days)
    return Sheet("bands", "Decided releases by day and band", columns, rows)


def counter_bars(work: Work, rulebook: Rulebook, at: datetime) -> tuple[Bar, ...]:
    """Every counter that has a threshold, exact."""
    policy = work.changes.standing(at).policy(rulebook.transfers.policy)
    return bars_of(list(readings(work, rulebook, policy.at(at), at)))


def counter_sheet(bars: Sequence[Bar]) -> Sheet:
    """Counts against thresholds. Statutory figures: none of them is in a copy for publication."""
    columns = (
        Column("counter", "Counter"),
        Column("threshold", "Threshold"),
        Column("count", "Count", number=True, exact=True),
        Column("limit", "Limit", number=True),
        Column("percent", "Percent", number=True, exact=True),
        Column("next_mark", "Next mark at", number=True, exact=True),
    )
    rows = tuple((b.counter, b.threshold, b.count, b.limit, round(b.percent, 2), b.next_at) for b in bars)
    return Sheet("counters", "Counters against thresholds", columns, rows)


def day_sheet(days: Iterable[SamplingDay]) -> Sheet:
    """Where each day's sampling stands; seeds once they are revealed."""
    columns = (
        Column("day", "Day"),
        Column("state", "State"),
        Column("why", "Looked at whole because"),
        Column("decided", "Decided", **_COUNT),
        Column("sampled", "Drawn", **_COUNT),
        Column("commitment", "SHA-256 of the seed"),
        Column("seed", "Seed"),
        Column("digest", "SHA-256 of the sample"),
    )
    rows = tuple(
        (
            day.day.isoformat(),
            day.state.value,
            None if day.why is None else day.why.value,
            day.decided,
            day.sampled if day.size is not None else None,
            _hex(day.commitment),
            _hex(day.seed),
            _hex(day.digest),
        )
        for day in days
    )
    return Sheet("sampling-days", "Days of sampling", columns, rows)


def sample_sheet(samples: Iterable[Sample]) -> Sheet:
    """Releases that were drawn, and what was found. Auditors' texts stay on the pages."""
    columns = (
        Column("release", "Release (leaf hash)"),
        Column("position", "Place in the log", number=True),
        Column("day", "Day"),
        Column("kind", "Kind"),
        Column("stratum", "Drawn as"),
        Column("state", "State"),
        Column("auditor", "Auditor"),
        Column("verdict", "Finding"),
    )
    rows = tuple(
        (
            sample.release.hex(),
            sample.position,
            sample.day.isoformat(),
            sample.kind,
            sample.stratum.value,
            sample.state.value,
            sample.auditor,
            None if sample.finding is None else sample.finding.verdict.value,
        )
        for sample in samples
    )
    return Sheet("samples", "Releases drawn", columns, rows)


def finding_counts(work: Work) -> dict[str, int]:
    """How many samples wait, are claimed, need something done; and how many were found what."""
    tally = work.samples.tally()
    states = {state.value: sum(n for (one, _), n in tally.items() if one is state) for state in SampleState}
    verdicts = {
        verdict: sum(n for (_, one), n in tally.items() if one == verdict)
        for verdict in ("lawful", "doubtful", "unlawful")
    }
    return states | verdicts


def change_sheet(changes: Iterable[GovernedChange], standing: Iterable[GovernedChange]) -> Sheet:
    """Governed changes; members of lists are never among what they say."""
    stand = {change.change_id for change in standing}
    columns = (
        Column("change", "Change"),
        Column("kind", "Kind"),
        Column("says", "What it says"),
        Column("because", "Because"),
        Column("from", "From"),
        Column("until", "Until"),
        Column("signed_by", "Signed by"),
        Column("stands", "Stands now"),
    )
    rows = tuple(
        (
            change.change_id.hex,
            change.kind.value,
            "; ".join(f"{name}: {_plain(value)}" for name, value in change.body.items() if value),
            change.because,
            _minute(change.in_force_at or change.since),
            _minute(change.until),
            ", ".join(signature.staff_id for signature in change.signatures),
            "yes" if change.change_id in stand else "no",
        )
        for change in changes
    )
    return Sheet("changes", "Exclusions and other governed changes", columns, rows)


def alarm_sheet(raised: Iterable[RaisedAlarm]) -> Sheet:
    """Alarms, the newest first."""
    columns = (
        Column("raised_at", "Raised"),
        Column("year", "Year", number=True),
        Column("counter", "Counter"),
        Column("threshold", "Threshold"),
        Column("level", "Mark (%)", number=True),
        Column("count", "Count then", number=True, exact=True),
        Column("limit", "Limit", number=True),
    )
    rows = tuple(
        (
            _minute(one.raised_at),
            one.alarm.year,
            one.alarm.counter,
            one.alarm.threshold,
            one.alarm.level,
            one.alarm.count,
            one.alarm.limit,
        )
        for one in raised
    )
    return Sheet("alarms", "Alarms raised", columns, rows)


def named(sheet: Sheet) -> Sheet:
    """For a page: words in place of codes, and no column of what never happened."""
    kept = [n for n, c in enumerate(sheet.columns) if c.name != UNKNOWN or any(row[n] for row in sheet.rows)]
    columns = tuple(sheet.columns[n] for n in kept)
    words = [_WORDS.get(column.name) for column in columns]
    rows = tuple(
        tuple(row[n] if say is None else say(str(row[n])) for n, say in zip(kept, words, strict=True))
        for row in sheet.rows
    )
    return replace(sheet, columns=columns, rows=rows)


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}Z"


def _plain(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "a whole table" if isinstance(value, dict) else str(value)


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()
