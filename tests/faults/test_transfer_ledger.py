"""The ledger under many hands: counts of distinct persons stay exact, and a threshold lets nobody more through."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

import pytest

from broker.core.governance.codes import Mechanism
from broker.core.governance.decision import Decision
from broker.core.transfer import Held, Outgoing, PurposeTerms, Subject, TransferRules
from broker.flows.decide_transfer import decide_transfer
from broker.flows.decide_transfers import Leaving, decide_transfers
from broker.flows.ports import Entry
from broker.flows.ports.transfers import TransferLine
from broker.stores.driver import run
from broker.stores.transfer_ledger import MARGIN
from tests.support.broker_world import World
from tests.support.real_world import real_world as real_world

AT = datetime(2026, 6, 1, 2, 0, tzinfo=UTC)
TEXT = """
version = "t"
[[exporters]]
id = "x-cn"
origin = "CN"
city = "Shenzhen"
gba_registered = false
ciio = false
processes_persons = 0
pia_done = true
[recipients.HK]
trust = "A"
gba_registered = false
"""
RULES = TransferRules.load(TEXT)


def terms(basis: str = "consent") -> PurposeTerms:
    stated = {"exporter_kind": "company", "basis": basis, "industry": "general", "storage": "le_30d"}
    return PurposeTerms.model_validate(stated)


PLAIN = Outgoing("bank", "HK", ("name", "nationality"), terms(), "account")
ADULT = Subject("CN", 36)
EXPORTER = "x-cn/CN"


def ask(world: World, person: int, outgoing: Outgoing = PLAIN, at: datetime = AT) -> Decision:
    with world.begin() as work:
        made = decide_transfer(
            work, keys=world.keys, rules=RULES, traveller=UUID(int=person), subject=ADULT, outgoing=outgoing, at=at
        )
        work.journal.append(Entry("partner:claims:released", {}, departure=made), at=at, entropy=world.entropy)
    return made.decision


def line(person: int = 0, year: int = 2026, recipient: str = "bank") -> TransferLine:
    return TransferLine(year, EXPORTER, recipient, UUID(int=person))


def count_before(world: World, nonsensitive: int) -> None:
    """As if so many had been released before."""
    with world.begin() as work:
        work.transfers.look(line())
        run(work.uow.session, "UPDATE transfer_counts SET nonsensitive = %s WHERE stripe = 3", (nonsensitive,))  # type: ignore[attr-defined]


def standing(world: World, year: int = 2026, recipient: str = "bank") -> tuple[int, int, int]:
    with world.begin() as work:
        now = work.transfers.look(line(year=year, recipient=recipient))
    return now.nonsensitive, now.gross_nonsensitive, now.at_recipient


def ask_together(world: World, people: Sequence[int]) -> list[Decision]:
    with world.begin() as work:
        leaving = [Leaving(UUID(int=person), ADULT, PLAIN) for person in people]
        made = decide_transfers(work, leaving, keys=world.keys, rules=RULES, at=AT)
        entries = [Entry("partner:claims:released", {}, departure=one) for one in made]
        work.journal.append_all(entries, at=AT, entropy=world.entropy)
    return [one.decision for one in made]


def test_batches_and_single_releases_at_once_let_exactly_nine_through(real_world: World) -> None:
    """Every person comes twice, in opposite order, and some alone: nobody waits for ever, nobody counts twice."""
    count_before(real_world, 99_990)
    groups = [range(start, start + 10) for start in range(0, 60, 10)]
    orders = [*groups, *(range(group.stop - 1, group.start - 1, -1) for group in groups)]
    start = threading.Barrier(len(orders) + 4)

    def release(order: Sequence[int]) -> list[Decision]:
        start.wait(timeout=60)
        return ask_together(real_world, order)

    def alone(person: int) -> list[Decision]:
        start.wait(timeout=60)
        return [ask(real_world, person)]

    with ThreadPoolExecutor(len(orders) + 4) as pool:
        singles = [pool.submit(alone, person) for person in (3, 13, 23, 33)]
        batches = [pool.submit(release, order) for order in orders]
        decisions = [one for made in (*batches, *singles) for one in made.result(timeout=60)]

    assert standing(real_world)[0] == 99_999
    passed = [one for one in decisions if one.gate.permits]
    # Whoever was counted may be asked about again: that moves nothing.
    assert 9 <= len(passed) <= 27
    assert all(one.counters is not None and one.counters.nonsensitive <= 99_999 for one in passed)


def test_in_a_batch_each_decision_knows_those_before_it(real_world: World) -> None:
    count_before(real_world, 99_998)
    gates = [one.gate.permits for one in ask_together(real_world, [1, 2, 1, 3])]
    assert gates == [True, False, True, False]
    assert standing(real_world) == (99_999, 1, 1)


def test_two_hundred_at_once_below_a_threshold_let_exactly_nine_through(real_world: World) -> None:
    count_before(real_world, 99_990)
    start = threading.Barrier(40)

    def release(person: int) -> Decision:
        if person <= 40:
            start.wait()
        return ask(real_world, person)

    with ThreadPoolExecutor(40) as pool:
        decisions = list(pool.map(release, range(1, 201)))

    passed = [decision for decision in decisions if decision.gate.permits]
    assert len(passed) == 9
    assert {decision.decision for decision in passed} == {Mechanism.EXEMPT}
    assert sorted(d.counters.nonsensitive for d in passed if d.counters) == list(range(99_991, 100_000))
    assert standing(real_world) == (99_999, 9, 9)


def test_a_person_released_by_many_hands_at_once_counts_once(real_world: World) -> None:
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: ask(real_world, 7), range(60)))
    assert standing(real_world) == (1, 1, 1)


def test_far_from_every_edge_releases_count_side_by_side(real_world: World) -> None:
    count_before(real_world, 50_000)
    with real_world.begin() as work:
        work.transfers.look(line())
        run(work.uow.session, "UPDATE transfer_recipient_counts SET persons = 40000 WHERE stripe = 0")  # type: ignore[attr-defined]
    with real_world.begin() as first:
        now = first.transfers.look(line(16))
        assert first.transfers.enter(
            now, Held.NONSENSITIVE, exporter_edges=(100_000,), recipient_edges=(100_000,), locked=False
        )
        # The first has not committed; a second person of another stripe does not wait for it.
        with real_world.begin() as second:
            other = second.transfers.look(line(17))
            assert second.transfers.enter(
                other, Held.NONSENSITIVE, exporter_edges=(100_000,), recipient_edges=(100_000,), locked=False
            )
        assert standing(real_world)[0] == 50_001
    assert standing(real_world)[0] == 50_002


@pytest.mark.parametrize("distance", [MARGIN - 1, 0, 1 - MARGIN])
def test_near_an_edge_nothing_is_entered_without_the_lock(real_world: World, distance: int) -> None:
    count_before(real_world, 100_000 - distance)
    with real_world.begin() as work:
        now = work.transfers.look(line(1))
        edges = {"exporter_edges": (100_000,), "recipient_edges": ()}
        assert not work.transfers.enter(now, Held.NONSENSITIVE, **edges, locked=False)
        again = work.transfers.lock(line(1))
        assert (again.held, again.met) == (Held.NONE, False)
        assert work.transfers.enter(again, Held.NONSENSITIVE, **edges, locked=True)
    assert standing(real_world)[0] == 100_001 - distance


def test_a_release_that_does_not_happen_counts_nothing(real_world: World) -> None:
    with pytest.raises(RuntimeError), real_world.begin() as work:
        decide_transfer(
            work, keys=real_world.keys, rules=RULES, traveller=UUID(int=1), subject=ADULT, outgoing=PLAIN, at=AT
        )
        raise RuntimeError
    assert standing(real_world) == (0, 0, 0)


def test_the_year_begins_at_midnight_in_shanghai(real_world: World) -> None:
    ask(real_world, 1, at=datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC))
    ask(real_world, 1, at=datetime(2026, 12, 31, 16, 0, tzinfo=UTC))
    ask(real_world, 2, at=datetime(2026, 12, 31, 16, 0, tzinfo=UTC))
    assert (standing(real_world)[0], standing(real_world, 2027)[0]) == (1, 2)


def test_both_classes_of_one_person_are_counted_each_once(real_world: World) -> None:
    health = Outgoing("clinic", "HK", ("name", "health"), terms("contract"), "treatment")
    for outgoing in (PLAIN, health, health):
        ask(real_world, 1, outgoing)
    with real_world.begin() as work:
        now = work.transfers.look(line())
    assert (now.nonsensitive, now.gross_nonsensitive, now.sensitive, now.gross_sensitive) == (1, 1, 0, 1)
    assert standing(real_world, recipient="clinic")[2] == 1
