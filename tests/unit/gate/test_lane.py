"""The whole lane over fakes: every way a session can end, by its reasons."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from broker.wire.gate_api import CrossingMode, Decision, EpochSecret
from broker.wire.reasons import Reason
from broker.wire.travel_pass import PassMode
from gate_client.core.lane import Phase
from gate_client.database import open_database
from gate_client.devices.doors import DoorFault, SimulatedDoors
from gate_client.devices.frames import BrokenFrame
from gate_client.evidence import UnsafeKeepImages
from gate_client.lane import Lane
from gate_client.outcome import LaneOutcome
from gate_client.trust_store import TrustStore
from tests.support.gate_world import FRAME, NOON, Authority, World, epoch_of_day, whole

SECRET = b"e" * 32


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "gate.db").stock()


def cross(lane: Lane, text: str, faces: int = 3) -> LaneOutcome:
    outcome = lane.show_text(text)
    for _ in range(faces):
        outcome = outcome or lane.look(FRAME)
    return outcome or lane.give_up()


def verdict(outcome: LaneOutcome) -> tuple[Decision, list[str], bool]:
    return outcome.ruling.decision, [reason.value for reason in outcome.ruling.reasons], outcome.opened


def test_a_good_pass_and_face_open_the_exit_once(world: World) -> None:
    doors = SimulatedDoors(world.path.parent / "counter")
    lane = world.lane(doors=doors)
    outcome = cross(lane, world.wallet().text())
    assert verdict(outcome) == (Decision.CLEARED, [], True)
    assert outcome.as_json()["liveness"] == "not_assessed"
    assert (doors.exit_openings(), lane.state.phase) == (1, Phase.IDLE)
    (event,) = world.outbox.pending()
    assert (event.decision, event.opened, event.score, event.threshold) == (Decision.CLEARED, True, 0.9, 0.5)
    assert event.model_hashes == {"model": "00" * 32}


def test_the_same_code_and_a_later_code_of_a_spent_pass_are_refused(world: World) -> None:
    lane, wallet = world.lane(), world.wallet()
    cross(lane, wallet.text())
    assert verdict(cross(lane, wallet.text())) == (Decision.REFUSED, ["already_spent"], False)
    world.clock.step(30)
    assert verdict(cross(lane, wallet.text(world.clock()))) == (Decision.REFUSED, ["already_spent"], False)
    assert len(world.broker.requests) == 1, "a spent pass never asks for a face"


def test_another_lane_cannot_use_a_proof_that_is_being_used(world: World) -> None:
    first, second = world.lane("a"), world.lane("b", doors=SimulatedDoors())
    wallet = world.wallet()
    assert first.show_text(wallet.text()) is None
    assert verdict(cross(second, wallet.text())) == (Decision.REFUSED, ["already_reserved"], False)
    assert verdict(first.look(FRAME) or first.give_up()) == (Decision.CLEARED, [], True)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([0.2, 0.3, 0.1], ["not_same_person"]),
        ([Reason.NO_FACE], ["no_face"]),
        ([Reason.SEVERAL_FACES], ["several_faces"]),
        ([Reason.POOR_QUALITY, 0.2, Reason.NO_FACE], ["poor_quality", "not_same_person", "no_face"]),
        ([float("nan")], ["not_same_person"]),
    ],
)
def test_three_tries_then_an_officer_with_every_reason(
    world: World, answers: list[float | Reason | Exception], expected: list[str]
) -> None:
    world.matcher.answers = answers
    doors = SimulatedDoors(world.path.parent / "counter")
    lane = world.lane(doors=doors)
    assert verdict(cross(lane, world.wallet().text(), faces=5)) == (Decision.REFERRED, expected, False)
    assert (world.matcher.calls, doors.exit_openings(), lane.state.phase) == (3, 0, Phase.REFERRED)


def test_a_retake_needs_no_second_release(world: World) -> None:
    world.matcher.answers = [Reason.POOR_QUALITY, 0.3, 0.8]
    outcome = cross(world.lane(), world.wallet().text())
    assert verdict(outcome) == (Decision.CLEARED, [], True)
    assert (len(world.broker.requests), outcome.ruling.score and outcome.ruling.score.value) == (1, 0.8)


def test_the_best_score_is_what_an_officer_sees(world: World) -> None:
    world.matcher.answers = [0.2, 0.4, 0.1]
    score = cross(world.lane(), world.wallet().text()).ruling.score
    assert score is not None and score.value == 0.4


def test_without_any_face_frame_an_officer_is_called(world: World) -> None:
    assert verdict(cross(world.lane(), world.wallet().text(), faces=0)) == (Decision.REFERRED, ["no_face"], False)


def test_an_officer_brings_a_referred_lane_back(world: World) -> None:
    world.matcher.answers = [0.1]
    doors = SimulatedDoors()
    lane = world.lane(doors=doors)
    cross(lane, world.wallet().text())
    assert lane.officer_done() is Phase.REFERRED, "somebody is still inside"
    assert verdict(cross(lane, world.wallet().text())) == (Decision.REFERRED, ["lane_fault"], False)
    doors.lead_out()
    assert lane.officer_done() is Phase.IDLE


@pytest.mark.parametrize(
    ("reason", "decision"),
    [
        (Reason.CONSENT_WITHDRAWN, Decision.REFUSED),
        (Reason.REVOKED, Decision.REFUSED),
        (Reason.ALREADY_RELEASED, Decision.REFERRED),
        (Reason.RELEASE_REFUSED, Decision.REFERRED),
    ],
)
def test_what_the_broker_refuses_is_final(world: World, reason: Reason, decision: Decision) -> None:
    world.trust.keep_secrets([EpochSecret(epoch_of_day(NOON), SECRET, NOON + timedelta(days=2))])
    wallet = world.authority.wallet(mode=PassMode.OFFLINE, secret=SECRET)
    world.broker.holds(wallet)
    world.broker.refuses = reason
    lane = world.lane()
    assert verdict(cross(lane, wallet.text())) == (decision, [reason.value], False)
    assert lane.state.phase is Phase.IDLE, "nobody was let in"


def test_without_a_line_an_online_pass_needs_an_officer(world: World) -> None:
    world.broker.reachable = False
    outcome = cross(world.lane(), world.wallet().text())
    assert verdict(outcome) == (Decision.REFERRED, ["broker_unreachable"], False)


def test_without_a_line_an_offline_pass_opens_from_its_own_code(world: World) -> None:
    world.broker.reachable = False
    world.trust.keep_secrets([EpochSecret(epoch_of_day(NOON), SECRET, NOON + timedelta(days=2))])
    outcome = cross(world.lane(), world.authority.wallet(mode=PassMode.OFFLINE, secret=SECRET).text())
    assert verdict(outcome) == (Decision.CLEARED, [], True)
    assert outcome.ruling.mode is CrossingMode.OFFLINE


def test_without_the_days_secret_the_code_stays_closed(world: World) -> None:
    world.broker.reachable = False
    wallet = world.authority.wallet(mode=PassMode.OFFLINE, secret=SECRET)
    assert verdict(cross(world.lane(), wallet.text())) == (Decision.REFERRED, ["template_unavailable"], False)
    world.trust.keep_secrets([EpochSecret(epoch_of_day(NOON), b"x" * 32, NOON + timedelta(days=2))])
    outcome = cross(world.lane(), wallet.text())
    assert verdict(outcome) == (Decision.REFERRED, ["commitment_mismatch"], False)
    assert outcome.ruling.mode is CrossingMode.OFFLINE


def test_another_persons_template_does_not_match_the_commitment(world: World) -> None:
    wallet, other = world.wallet(), world.wallet()
    world.broker.templates[wallet.claims.pass_id] = other.payload
    assert verdict(cross(world.lane(), wallet.text())) == (Decision.REFERRED, ["commitment_mismatch"], False)


def test_a_template_of_other_models_is_unavailable(world: World) -> None:
    from broker.wire.errors import VerifyError

    world.matcher.answers = [VerifyError(Reason.TEMPLATE_UNAVAILABLE, "other models")]
    outcome = cross(world.lane(), world.wallet().text())
    assert verdict(outcome) == (Decision.REFERRED, ["template_unavailable"], False)


def test_a_clock_that_runs_back_calls_an_officer(world: World) -> None:
    lane = world.lane()
    cross(lane, world.wallet().text())
    wallet = world.wallet()
    world.clock.step(-6)
    outcome = cross(lane, wallet.text(world.clock()))
    assert verdict(outcome) == (Decision.REFERRED, ["clock_drift"], False)


def test_a_clock_that_runs_back_between_code_and_decision_does_not_open(world: World) -> None:
    lane = world.lane()
    assert lane.show_text(world.wallet().text()) is None
    world.clock.step(-6)
    assert verdict(lane.look(FRAME) or lane.give_up()) == (Decision.REFERRED, ["clock_drift"], False)


def test_lists_that_are_missing_expired_or_rolled_back_refer(tmp_path: Path) -> None:
    empty = World(tmp_path / "empty.db")
    assert verdict(cross(empty.lane(), empty.wallet().text())) == (Decision.REFERRED, ["lane_fault"], False)
    stale = World(tmp_path / "stale.db").stock()
    lane = stale.lane()
    stale.clock.step(8 * 86400)
    assert verdict(cross(lane, stale.wallet().text(stale.clock()))) == (Decision.REFERRED, ["lane_fault"], False)
    rolled = World(tmp_path / "rolled.db").stock()
    rolled.db.execute("UPDATE trust_list SET version = 9")
    assert verdict(cross(rolled.lane(), rolled.wallet().text())) == (Decision.REFERRED, ["list_rolled_back"], False)


def test_a_broken_code_frame_is_no_code(world: World) -> None:
    outcome = world.lane().present(BrokenFrame("torn"), [])
    assert verdict(outcome) == (Decision.REFERRED, ["malformed_image"], False)


def test_a_broken_face_frame_costs_a_try(world: World) -> None:
    lane = world.lane()
    assert lane.show_text(world.wallet().text()) is None
    for _ in range(2):
        assert lane.look(BrokenFrame("torn")) is None
    assert verdict(lane.look(FRAME) or lane.give_up()) == (Decision.CLEARED, [], True)


# --- things that break --------------------------------------------------------------------------------------


def test_an_unexpected_error_anywhere_calls_an_officer(world: World) -> None:
    world.matcher.answers = [RuntimeError("inference died")]
    lane = world.lane()
    assert verdict(cross(lane, world.wallet().text())) == (Decision.REFERRED, ["lane_fault"], False)
    assert [event.decision for event in world.outbox.pending()] == [Decision.REFERRED]


class JammedDoors(SimulatedDoors):
    """An exit whose controller does not answer."""

    def open_exit(self) -> None:
        raise DoorFault("jammed")


class StuckDoors(SimulatedDoors):
    """An exit that takes the command and stays shut."""

    def open_exit(self) -> None:
        """Nothing moves."""


@pytest.mark.parametrize("doors", [JammedDoors(), StuckDoors()], ids=["jammed", "stuck"])
def test_an_exit_that_does_not_open_is_reported_and_the_pass_stays_spent(world: World, doors: SimulatedDoors) -> None:
    lane, wallet = world.lane(doors=doors), world.wallet()
    assert verdict(cross(lane, wallet.text())) == (Decision.REFERRED, ["lane_fault"], False)
    (event,) = world.outbox.pending()
    assert (event.decision, event.opened) == (Decision.REFERRED, False)
    assert verdict(cross(world.lane("b"), wallet.text()))[1] == ["already_spent"]


def test_a_database_that_refuses_to_write_never_opens(world: World) -> None:
    doors = SimulatedDoors(world.path.parent / "counter")
    lane = world.lane(doors=doors)
    assert lane.show_text(world.wallet().text()) is None
    world.db.execute("PRAGMA query_only = ON")
    outcome = lane.look(FRAME)
    assert outcome is not None and verdict(outcome) == (Decision.REFERRED, ["lane_fault"], False)
    assert not outcome.recorded and doors.exit_openings() == 0


def test_a_settlement_that_fails_is_made_up_for_at_the_next_start(world: World) -> None:
    doors = SimulatedDoors(world.path.parent / "counter")
    lane = world.lane(doors=doors)
    broken = world.spending.settle

    def fail(session: bytes, *, opened: bool) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    world.spending.settle = fail  # type: ignore[method-assign]
    assert verdict(cross(lane, world.wallet().text())) == (Decision.CLEARED, [], True)
    assert world.outbox.pending() == ()
    world.spending.settle = broken  # type: ignore[method-assign]
    assert world.lane(doors=SimulatedDoors(world.path.parent / "counter"), start=False).start() == 1
    assert [(event.decision, event.opened) for event in world.outbox.pending()] == [(Decision.CLEARED, True)]


# --- people -------------------------------------------------------------------------------------------------


def test_nobody_walks_in_and_the_entry_closes_again(world: World) -> None:
    lane = world.lane(doors=SimulatedDoors(walks=lambda door: False))
    assert lane.show_text(world.wallet().text()) is None
    assert lane.tick() is None
    world.clock.step(9)
    assert verdict(lane.tick() or lane.give_up()) == (Decision.REFERRED, ["lane_fault"], False)
    assert lane.state.phase is Phase.IDLE


def test_two_people_in_the_lane_call_an_officer(world: World) -> None:
    doors = SimulatedDoors()
    lane = world.lane(doors=doors)
    assert lane.show_text(world.wallet().text()) is None
    doors.enter()
    assert verdict(lane.tick() or lane.give_up()) == (Decision.REFERRED, ["lane_fault"], False)
    assert lane.state.phase is Phase.TAILGATE
    assert lane.look(FRAME) is None, "the session is over"


class CallsBack:
    """Runs `then` inside the wrapped call: something happens in the lane while its software is busy."""

    def __init__(self, call: Callable[..., Any], then: Callable[[], None]) -> None:
        self._call = call
        self._then = then

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        self._then()
        return self._call(*arguments, **keywords)


def test_somebody_who_enters_while_the_face_is_compared_keeps_the_exit_shut(world: World) -> None:
    doors = SimulatedDoors(world.path.parent / "counter")
    lane, wallet = world.lane(doors=doors), world.wallet()
    world.matcher.match = CallsBack(world.matcher.match, doors.enter)  # type: ignore[method-assign]
    assert verdict(cross(lane, wallet.text())) == (Decision.REFERRED, ["lane_fault"], False)
    assert (lane.state.phase, doors.exit_openings(), doors.exit_is_open) == (Phase.TAILGATE, 0, False)
    doors.lead_out()
    assert lane.officer_done() is Phase.IDLE
    assert verdict(cross(world.lane("b"), wallet.text()))[1] != ["already_spent"], "nothing was used up"


def test_somebody_who_enters_while_the_pass_is_spent_keeps_the_exit_shut(world: World) -> None:
    doors = SimulatedDoors(world.path.parent / "counter")
    lane, wallet = world.lane(doors=doors), world.wallet()
    world.spending.spend = CallsBack(world.spending.spend, doors.enter)  # type: ignore[method-assign]
    assert verdict(cross(lane, wallet.text())) == (Decision.REFERRED, ["lane_fault"], False)
    assert (lane.state.phase, doors.exit_openings(), doors.exit_is_open) == (Phase.TAILGATE, 0, False)
    assert [(event.decision, event.opened) for event in world.outbox.pending()] == [(Decision.REFERRED, False)]


@pytest.mark.parametrize("busy", ["match", "spend"])
def test_an_emergency_while_the_software_is_busy_is_no_clearance(world: World, busy: str) -> None:
    doors = SimulatedDoors()
    lane = world.lane(doors=doors)
    whose = world.matcher if busy == "match" else world.spending
    setattr(whose, busy, CallsBack(getattr(whose, busy), doors.press_emergency))
    assert verdict(cross(lane, world.wallet().text())) == (Decision.REFERRED, ["lane_fault"], False)
    assert lane.state.phase is Phase.EMERGENCY_OPEN and doors.entry_is_open and doors.exit_is_open


def test_a_pass_that_expires_between_code_and_decision_does_not_open(world: World) -> None:
    lane, wallet = world.lane(), world.wallet().but(expires_at=whole(NOON) + timedelta(seconds=10))
    assert lane.show_text(wallet.text()) is None
    world.clock.step(15)
    assert verdict(lane.look(FRAME) or lane.give_up()) == (Decision.REFERRED, ["expired"], False)
    assert world.db.execute("SELECT count(*) FROM spends").fetchone() == (0,)


def test_a_pass_revoked_between_code_and_decision_does_not_open(world: World) -> None:
    lane, wallet = world.lane(), world.wallet()
    assert lane.show_text(wallet.text()) is None
    newer = world.authority.status_list(wallet.claims.status_index, version=2)
    TrustStore(open_database(world.path), world.authority.root.public).accept_status_list(newer, 0, at=NOON)
    assert verdict(lane.look(FRAME) or lane.give_up()) == (Decision.REFERRED, ["revoked"], False)
    assert world.db.execute("SELECT count(*) FROM spends").fetchone() == (0,)


def test_lists_that_expire_between_code_and_decision_are_the_gates_fault(world: World) -> None:
    short = world.authority.trust_list(version=2, lifetime=timedelta(seconds=10))
    world.trust.accept_trust_list(short, at=NOON)
    lane = world.lane()
    assert lane.show_text(world.wallet().text()) is None
    world.clock.step(15)
    assert verdict(lane.look(FRAME) or lane.give_up()) == (Decision.REFERRED, ["lane_fault"], False)


def test_a_key_withdrawn_between_code_and_decision_does_not_open(world: World) -> None:
    lane, wallet = world.lane(), world.wallet()
    assert lane.show_text(wallet.text()) is None
    stranger = Authority()
    stranger.root, stranger.status = world.authority.root, world.authority.status
    world.trust.accept_trust_list(stranger.trust_list(version=2), at=NOON)
    assert verdict(lane.look(FRAME) or lane.give_up()) == (Decision.REFERRED, ["unknown_key"], False)


def test_an_emergency_ends_the_session_and_opens_both_doors(world: World) -> None:
    doors = SimulatedDoors()
    lane = world.lane(doors=doors)
    assert lane.show_text(world.wallet().text()) is None
    doors.press_emergency()
    assert verdict(lane.tick() or lane.give_up()) == (Decision.REFERRED, ["lane_fault"], False)
    assert lane.state.phase is Phase.EMERGENCY_OPEN and doors.entry_is_open and doors.exit_is_open
    assert lane.show_text(world.wallet().text()) is not None, "no traveller is taken on"
    doors.end_emergency()
    lane.tick()
    assert lane.state.phase is Phase.OUT_OF_SERVICE and lane.officer_done() is Phase.OUT_OF_SERVICE, "not empty yet"
    doors.lead_out()
    assert lane.officer_done() is Phase.IDLE


def test_glances_cost_a_try_only_when_a_face_was_compared(world: World) -> None:
    world.matcher.answers = [Reason.NO_FACE] * 10 + [0.1, 0.9]
    lane = world.lane()
    assert lane.show_text(world.wallet().text()) is None
    for _ in range(11):
        assert lane.glance(FRAME) is None
    assert lane.state.tries == 1
    assert lane.glance(FRAME) is None and world.matcher.calls == 11, "a second to look up after a mismatch"
    world.clock.step(1)
    assert verdict(lane.glance(FRAME) or lane.give_up()) == (Decision.CLEARED, [], True)


def test_a_traveller_who_never_shows_a_face_runs_out_of_tries(world: World) -> None:
    lane = world.lane()
    assert lane.show_text(world.wallet().text()) is None
    outcomes = []
    for _ in range(3):
        world.clock.step(4.1)
        outcomes.append(lane.tick())
    assert outcomes[:2] == [None, None]
    assert outcomes[2] is not None and verdict(outcomes[2]) == (Decision.REFERRED, ["no_face"], False)


def test_a_busy_lane_looks_at_no_second_code(world: World) -> None:
    lane, other = world.lane(), world.wallet()
    assert lane.show_text(world.wallet().text()) is None
    outcome = lane.show_text(other.text())
    assert outcome is not None and not outcome.recorded
    assert verdict(lane.look(FRAME) or lane.give_up()) == (Decision.CLEARED, [], True)
    assert verdict(cross(lane, other.text())) == (Decision.CLEARED, [], True), "nothing of the other was used up"


def test_a_malleable_signature_does_not_make_a_second_proof(world: World) -> None:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    lane, wallet = world.lane(), world.wallet()
    code = wallet.code()
    s = order - int.from_bytes(code.proof[32:], "big")
    twin = replace(code, proof=code.proof[:32] + s.to_bytes(32, "big")).to_text()
    assert cross(lane, code.to_text()).opened
    assert verdict(cross(lane, twin)) == (Decision.REFUSED, ["already_spent"], False)


# --- pictures -----------------------------------------------------------------------------------------------


def test_no_picture_is_kept_unless_the_unsafe_policy_is_named(world: World, tmp_path: Path) -> None:
    frame = np.zeros((40, 40, 3), np.uint8)
    before = {path.name for path in tmp_path.rglob("*")}
    lane = world.lane()
    assert lane.show_text(world.wallet().text()) is None
    outcome = lane.look(frame)
    assert outcome is not None and outcome.evidence == {}
    assert {path.name for path in tmp_path.rglob("*")} == before
    keeping = world.lane(keeper=UnsafeKeepImages(tmp_path / "pictures"))
    assert keeping.show_text(world.wallet().text()) is None
    outcome = keeping.look(frame)
    assert outcome is not None and set(outcome.evidence) == {"face-1", "aligned-1"}
    assert all(Path(path).is_file() for path in outcome.evidence.values())
