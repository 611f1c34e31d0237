"""Alarms from the ledger's counters to the operator's webhook: each once, with counts alone."""

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from broker.core.alarm import Alarm
from broker.core.filing import FilingKind
from broker.core.rulebook import Rulebook
from broker.core.transfer import Held
from broker.flows.ports import Work
from broker.flows.ports.papers import RaisedAlarm
from broker.flows.raise_alarms import alarm_json, raise_alarms
from broker.flows.tell_alarms import tell_alarms
from tests.ports.fakes import FakeWork, FakeWorks
from tests.support.broker_world import World

AT = datetime(2026, 11, 22, 2, tzinfo=UTC)
RULEBOOK = Rulebook.load()


def count(work: FakeWork, persons: Iterable[int]) -> None:
    for number in persons:
        work.transfers.held[2026, "tongguan/CN", UUID(int=number)] = Held.SENSITIVE | Held.GROSS_SENSITIVE


def raised(work: Work, at: datetime = AT) -> list[tuple[str, int]]:
    return [(a.counter, a.level) for a in raise_alarms(work, rulebook=RULEBOOK, at=at, entropy=os.urandom)]


def test_each_level_is_raised_once_and_journalled() -> None:
    with FakeWorks().begin() as work:
        count(work, range(6_999))
        assert raised(work) == []
        count(work, [6_999])
        assert raised(work) == [("sensitive/tongguan/CN", 70)]
        assert raised(work) == []
        count(work, range(9_500))
        assert [level for _, level in raised(work)] == [85, 95]
        kinds = [entry.kind for _, _, _, entry in work.journal.leaves]
        assert kinds == ["ledger:alarm:raised"] * 3
        clear = work.journal.leaves[0][3].clear
        assert clear == {
            "year": 2026, "counter": "sensitive/tongguan/CN", "threshold": "order16.7", "limit": 10_000, "level": 70,
            "count": 7_000,
        }  # fmt: skip


def test_a_recipient_is_measured_by_what_it_may_receive_and_the_trust_in_its_place() -> None:
    """A lane in Hong Kong receives faces: 1,000 graded, tier A takes all of it."""
    with FakeWorks().begin() as work:
        work.transfers.met |= {(2026, "HK-SZB", UUID(int=number)) for number in range(701)}
        assert raised(work) == [("recipient/HK-SZB", 70)]
        work.transfers.met |= {(2026, "HK-SZB", UUID(int=number)) for number in range(1_001)}
        assert [level for _, level in raised(work)] == [85, 95, 100]


def test_a_full_face_store_enters_the_filing_it_calls_for_once() -> None:
    with FakeWorks().begin() as work:
        work.transfers.stored_faces = lambda origin: 100_000  # type: ignore[method-assign]
        assert len(raised(work)) == 4
        assert raised(work) == []
        (filing,) = work.filings.all()
        assert (filing.kind, filing.exporter, filing.filed_on) == (FilingKind.FACE_STORE, "tongguan-cn", None)


def test_the_register_keeps_each_alarm_once_and_who_was_told(world: World) -> None:
    first = Alarm(2026, "sensitive/x/CN", "order16.7", 10_000, 70, 7_001)
    second = replace(first, level=85, count=8_500)
    with world.begin() as work:
        assert work.alarms.raise_new([first], at=AT) == [first]
        assert work.alarms.raise_new([first, second], at=AT + timedelta(minutes=1)) == [second]
        assert work.alarms.raise_new([], at=AT) == []
    took = [True, False]

    def tell(each: RaisedAlarm) -> bool:
        assert set(alarm_json(each.alarm, each.raised_at)) == {
            "event", "year", "counter", "threshold", "limit", "level", "count", "raised_at",
        }  # fmt: skip
        return took.pop(0)

    assert tell_alarms(world.begin, tell, at=AT) == 1
    with world.begin() as work:
        assert [(r.alarm, r.told_at) for r in work.alarms.raised()] == [(second, None), (first, AT)]
        assert [r.alarm for r in work.alarms.untold()] == [second]
    assert tell_alarms(world.begin, lambda _: True, at=AT) == 1
    assert tell_alarms(world.begin, lambda _: True, at=AT) == 0
