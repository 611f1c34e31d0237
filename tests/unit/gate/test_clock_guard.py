"""Steps of the clock, forwards, backwards and across a restart."""

from datetime import timedelta
from pathlib import Path

import pytest

from broker.wire.errors import VerifyError
from broker.wire.reasons import Reason
from gate_client.clock_store import ClockStore
from gate_client.core.clock_guard import ClockGuard, drift_alarm
from gate_client.database import open_database, transaction
from tests.support.gate_world import NOON


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def test_time_may_fall_back_by_five_seconds_and_no_more() -> None:
    guard = ClockGuard(NOON, NOON - seconds(99))
    assert guard.observe(NOON - seconds(5)) == guard
    with pytest.raises(VerifyError) as error:
        guard.observe(NOON - seconds(5.001))
    assert error.value.reason is Reason.CLOCK_DRIFT


def test_the_highest_time_only_rises() -> None:
    guard = ClockGuard(NOON, NOON).observe(NOON + seconds(60)).observe(NOON + seconds(57))
    assert guard.highest == NOON + seconds(60)


def test_small_steps_back_do_not_add_up() -> None:
    guard = ClockGuard(NOON, NOON)
    guard = guard.observe(NOON - seconds(4))
    with pytest.raises(VerifyError):
        guard.observe(NOON - seconds(8))


def test_a_signed_list_proves_a_floor() -> None:
    guard = ClockGuard(NOON, NOON).raise_floor(NOON + seconds(60))
    with pytest.raises(VerifyError):
        guard.observe(NOON + seconds(54))
    assert guard.raise_floor(NOON) == guard


def test_agreement_with_the_broker_forgets_a_wrong_highest_but_not_the_floor() -> None:
    wrong = ClockGuard(NOON + timedelta(days=400), NOON)
    with pytest.raises(VerifyError):
        wrong.observe(NOON + seconds(9))
    assert wrong.agree(NOON + seconds(9), NOON + seconds(8)).observe(NOON + seconds(9)).highest == NOON + seconds(9)
    assert wrong.agree(NOON + seconds(9), NOON + seconds(90)) == wrong, "no agreement, no forgiveness"
    assert wrong.agree(NOON - seconds(60), NOON - seconds(60)) == wrong, "a signature outweighs the network"


def test_the_alarm_is_at_two_seconds_either_way() -> None:
    assert not drift_alarm(NOON, NOON + seconds(2))
    assert drift_alarm(NOON, NOON + seconds(2.1))
    assert drift_alarm(NOON + seconds(2.1), NOON)


def test_a_restart_remembers_the_highest_time(tmp_path: Path) -> None:
    db = open_database(tmp_path / "gate.db")
    store = ClockStore(db)
    store.observe(NOON)
    with transaction(db):
        store.keep(db)
    db.close()
    again = ClockStore(open_database(tmp_path / "gate.db"))
    with pytest.raises(VerifyError):
        again.observe(NOON - seconds(6))
