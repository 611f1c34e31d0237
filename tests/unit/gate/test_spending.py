"""Reserve, spend, settle, recover."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from broker.wire.errors import VerifyError
from broker.wire.gate_api import CrossingEvent, CrossingMode, Decision, Liveness
from broker.wire.reasons import Reason
from gate_client.database import open_database
from gate_client.outbox import Outbox
from gate_client.spending import REMEMBER, RESERVATION, Spending, Ticket
from tests.support.gate_world import NOON, World

COUNTER = 117


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "gate.db")


def ticket(lane: str = "a", pass_id: bytes = bytes(16)) -> Ticket:
    return Ticket(lane, os.urandom(16), pass_id, NOON + timedelta(minutes=10))


def cleared(held: Ticket) -> CrossingEvent:
    return CrossingEvent(
        os.urandom(16), held.pass_id, Decision.CLEARED, (), CrossingMode.ONLINE, Liveness.NOT_ASSESSED, False, NOON
    )


def referred(pass_id: bytes) -> CrossingEvent:
    return replace(cleared(ticket(pass_id=pass_id)), decision=Decision.REFERRED, reasons=(Reason.LANE_FAULT,))


def refusal(act: object, *arguments: object, **keywords: object) -> Reason:
    assert callable(act)
    with pytest.raises(VerifyError) as refused:
        act(*arguments, **keywords)
    return refused.value.reason


def test_one_lane_holds_a_proof_and_may_hold_it_again(world: World) -> None:
    first, again, other = ticket("a"), ticket("a"), ticket("b")
    world.spending.reserve(first, COUNTER, at=NOON)
    world.spending.reserve(first, COUNTER, at=NOON)
    world.spending.reserve(again, COUNTER, at=NOON)
    assert refusal(world.spending.reserve, other, COUNTER, at=NOON) is Reason.ALREADY_RESERVED


def test_the_next_proof_of_the_same_pass_is_free(world: World) -> None:
    """Who photographs a code in the queue and shows it first holds up nobody for longer than one window."""
    world.spending.reserve(ticket("a"), COUNTER, at=NOON)
    world.spending.reserve(ticket("b"), COUNTER + 1, at=NOON)


def test_a_reservation_lapses(world: World) -> None:
    world.spending.reserve(ticket("a"), COUNTER, at=NOON)
    late = ticket("b")
    assert refusal(world.spending.reserve, late, COUNTER, at=NOON + RESERVATION / 2) is Reason.ALREADY_RESERVED
    world.spending.reserve(late, COUNTER, at=NOON + RESERVATION)


def test_a_pass_is_spent_once(world: World) -> None:
    first, second = ticket("a"), ticket("b")
    world.spending.reserve(first, COUNTER, at=NOON)
    world.spending.reserve(second, COUNTER + 1, at=NOON)
    world.spending.spend(first, cleared(first), openings_before=0, at=NOON)
    assert refusal(world.spending.spend, second, cleared(second), openings_before=0, at=NOON) is Reason.ALREADY_SPENT
    assert refusal(world.spending.reserve, ticket(), COUNTER + 2, at=NOON) is Reason.ALREADY_SPENT
    assert world.outbox.waiting() == 1, "the refused spend left no crossing behind"


def test_nothing_is_spent_without_a_reservation_that_holds(world: World) -> None:
    held = ticket()
    spend = world.spending.spend
    assert refusal(spend, held, cleared(held), openings_before=0, at=NOON) is Reason.ALREADY_RESERVED
    world.spending.reserve(held, COUNTER, at=NOON)
    late = NOON + RESERVATION
    assert refusal(spend, held, cleared(held), openings_before=0, at=late) is Reason.ALREADY_RESERVED


def test_a_rescan_in_the_same_lane_takes_the_reservation_over(world: World) -> None:
    first, again = ticket("a"), ticket("a")
    world.spending.reserve(first, COUNTER, at=NOON)
    world.spending.reserve(again, COUNTER, at=NOON)
    spend = world.spending.spend
    assert refusal(spend, first, cleared(first), openings_before=0, at=NOON) is Reason.ALREADY_RESERVED
    spend(again, cleared(again), openings_before=0, at=NOON)


def test_a_crossing_is_sent_only_once_the_door_answered(world: World) -> None:
    held = ticket()
    world.spending.reserve(held, COUNTER, at=NOON)
    world.spending.spend(held, cleared(held), openings_before=0, at=NOON)
    assert world.outbox.pending() == () and world.outbox.waiting() == 1
    world.spending.settle(held.session, opened=True)
    (event,) = world.outbox.pending()
    assert (event.decision, event.opened) == (Decision.CLEARED, True)


def test_a_door_that_did_not_open_makes_it_an_officers_case(world: World) -> None:
    held = ticket()
    world.spending.reserve(held, COUNTER, at=NOON)
    world.spending.spend(held, cleared(held), openings_before=0, at=NOON)
    world.spending.settle(held.session, opened=False)
    (event,) = world.outbox.pending()
    assert (event.decision, event.reasons, event.opened) == (Decision.REFERRED, (Reason.LANE_FAULT,), False)


@pytest.mark.parametrize(("before", "now", "opened"), [(4, 5, True), (4, 4, False), (None, 5, False), (4, None, False)])
def test_recovery_believes_the_doors_own_counter(
    world: World, before: int | None, now: int | None, opened: bool
) -> None:
    held = ticket()
    world.spending.reserve(held, COUNTER, at=NOON)
    world.spending.spend(held, cleared(held), openings_before=before, at=NOON)
    assert world.spending.recover("a", now, lambda pass_id, at: referred(pass_id)) == 1
    (event,) = world.outbox.pending()
    assert event.opened is opened
    assert event.decision is (Decision.CLEARED if opened else Decision.REFERRED)
    assert refusal(world.spending.reserve, ticket(), COUNTER, at=NOON) is Reason.ALREADY_SPENT


def test_recovery_reports_sessions_that_were_cut_off_and_leaves_other_lanes_alone(world: World) -> None:
    cut, busy = ticket("a", b"1" * 16), ticket("b", b"2" * 16)
    world.spending.reserve(cut, COUNTER, at=NOON)
    world.spending.reserve(busy, COUNTER, at=NOON)
    assert world.spending.recover("a", 0, lambda pass_id, at: referred(pass_id)) == 1
    (event,) = world.outbox.pending()
    assert (event.pass_id, event.decision) == (cut.pass_id, Decision.REFERRED)
    world.spending.spend(busy, cleared(busy), openings_before=0, at=NOON)


def test_spends_are_forgotten_long_after_the_pass_expired(world: World) -> None:
    held = ticket()
    world.spending.reserve(held, COUNTER, at=NOON)
    world.spending.spend(held, cleared(held), openings_before=0, at=NOON)
    world.spending.forget(at=held.expires_at + REMEMBER - timedelta(seconds=1))
    assert refusal(world.spending.reserve, ticket(), COUNTER, at=NOON) is Reason.ALREADY_SPENT
    world.spending.forget(at=held.expires_at + REMEMBER)
    world.spending.reserve(ticket(), COUNTER, at=NOON)


def test_two_processes_on_one_file_agree(world: World) -> None:
    other = open_database(world.path)
    elsewhere = Spending(other, Outbox(other), world.clock_store)
    here, there = ticket("a"), ticket("b")
    world.spending.reserve(here, COUNTER, at=NOON)
    assert refusal(elsewhere.reserve, there, COUNTER, at=NOON) is Reason.ALREADY_RESERVED
    elsewhere.reserve(there, COUNTER + 1, at=NOON)
    elsewhere.spend(there, cleared(there), openings_before=0, at=NOON)
    spend = world.spending.spend
    assert refusal(spend, here, cleared(here), openings_before=0, at=NOON) is Reason.ALREADY_SPENT
    other.close()
