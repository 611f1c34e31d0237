"""Counters are read, and each level that one has passed is raised once (specs/alarms.md). No release waits for it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from broker.core.alarm import REACHED, Alarm, Reading, alarms_of
from broker.core.alarm_thresholds import exporter_readings, face_reading, graded_reading, us_reading
from broker.core.counting import year_before
from broker.core.filing import Filing, FilingKind
from broker.core.filing_rules import FilingRules
from broker.core.governance.calendar import shanghai_date
from broker.core.governance.policy import Law
from broker.core.impact_configuration import configuration_of
from broker.core.rulebook import Rulebook
from broker.flows.ports import Entry, Work
from broker.flows.record_filing import record_filing
from broker.wire.keys import Entropy

_MAINLAND: Final = "CN"


def raise_alarms(work: Work, *, rulebook: Rulebook, at: datetime, entropy: Entropy) -> Sequence[Alarm]:
    """The alarms that are new, journalled. A face store that reaches its threshold enters the filing it calls for."""
    # The grading as two operators may have changed it: alarms warn of what decisions go by.
    law = work.changes.standing(at).policy(rulebook.transfers.policy).at(at)
    alarms = alarms_of(readings(work, rulebook, law, at))
    new = work.alarms.raise_new(alarms, at=at)
    for alarm in new:
        work.journal.append(Entry("ledger:alarm:raised", _clear(alarm)), at=at, entropy=entropy)
        if alarm.threshold == "face_filing" and alarm.level == REACHED:
            _enter_face_filing(work, rulebook, at, entropy)
    return new


def alarm_json(alarm: Alarm, raised_at: datetime) -> dict[str, object]:
    """For a webhook or a list: counts only."""
    return {"event": "alarm.raised", **_clear(alarm), "raised_at": raised_at.isoformat()}


def readings(work: Work, rulebook: Rulebook, law: Law, at: datetime) -> Iterator[Reading]:
    """Every counter that is watched, exact, as last committed."""
    year = shanghai_date(at).year
    for total in work.transfers.totals(year):
        # Only the Mainland's law counts persons by the year.
        if total.exporter.endswith(f"/{_MAINLAND}"):
            yield from exporter_readings(
                law, year, total.exporter, nonsensitive=total.nonsensitive, sensitive=total.sensitive
            )
    yield face_reading(law, year, _MAINLAND, work.transfers.stored_faces(_MAINLAND))
    receivers, changed = _receivers(work, rulebook, law), work.changes.standing(at)
    for recipient in work.transfers.recipient_totals(year):
        jurisdiction, categories = receivers.get(recipient.recipient, ("", frozenset()))
        trust = changed.trust(jurisdiction, at) or rulebook.transfers.profiles.recipient(jurisdiction).trust
        graded = graded_reading(law, year, recipient.recipient, recipient.persons, categories=categories, trust=trust)
        if graded is not None:
            yield graded
    for bulk in work.transfers.bulk_totals(year_before(at)):
        american = us_reading(law, year, f"{bulk.exporter}>{bulk.recipient}", bulk.persons, bulk.kinds)
        if american is not None:
            yield american


def _receivers(work: Work, rulebook: Rulebook, law: Law) -> Mapping[str, tuple[str, frozenset[str]]]:
    """By recipient: where it is, and every category that is configured to reach it from abroad or from home."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    partners = work.partners.all()
    for exporter in rulebook.transfers.profiles.exporters.values():
        for activity in configuration_of(exporter, rulebook, partners, law).activities:
            for receiver in activity.receivers:
                _, known = found.get(receiver.recipient_id, ("", frozenset()))
                found[receiver.recipient_id] = receiver.jurisdiction, known | frozenset(receiver.categories)
    return found


def _enter_face_filing(work: Work, rulebook: Rulebook, at: datetime, entropy: Entropy) -> None:
    exporter = rulebook.transfers.profiles.exporter(_MAINLAND)
    if any(f.kind is FilingKind.FACE_STORE and f.ended_at is None for f in work.filings.all()):
        return
    filing = Filing(
        filing_id=UUID(bytes=entropy(16), version=4),
        kind=FilingKind.FACE_STORE,
        exporter=exporter.id,
        origin=_MAINLAND,
        party="CAC (provincial)",
        destination=None,
        effective=shanghai_date(at),
        added_at=at,
    )
    policy, rules = rulebook.transfers.policy, FilingRules.load()
    record_filing(work, filing, policy=policy, rules=rules, at=at, entropy=entropy)


def _clear(alarm: Alarm) -> dict[str, str | int]:
    return {
        "year": alarm.year,
        "counter": alarm.counter,
        "threshold": alarm.threshold,
        "limit": alarm.limit,
        "level": alarm.level,
        "count": alarm.count,
    }
