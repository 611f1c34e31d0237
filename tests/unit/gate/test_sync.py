"""Staying current, and delivering every crossing exactly once into the broker's books."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from broker.wire import hpke
from broker.wire.fields import EPOCH
from broker.wire.gate_api import (
    CrossingReport,
    EpochSecret,
    EpochSecretsRequest,
    encode_epoch_secrets,
    verify_request,
)
from broker.wire.reasons import Reason
from broker.wire.travel_pass import PassMode
from gate_client.broker_client import BrokerRefused, BrokerUnreachable
from gate_client.database import open_database
from gate_client.sync import GateRecords, Sync
from tests.support.gate_world import FRAME, NOON, SetClock, WalletPass, World

TODAY = (NOON - EPOCH) // timedelta(days=1)


@dataclass
class Books:
    """A broker that keeps what gates report, by event id."""

    world: World
    trust: bytes
    status: dict[int, bytes]
    clock_offset: timedelta = timedelta(0)
    reachable: bool = True
    loses_answers: bool = False
    refuses: set[bytes] = field(default_factory=set)
    held: dict[bytes, object] = field(default_factory=dict)
    secret_requests: int = 0
    names: list[bytes] | None = None

    def _line(self) -> None:
        if not self.reachable:
            raise BrokerUnreachable("cut")

    def time(self) -> datetime:
        self._line()
        return self.world.clock() + self.clock_offset

    def trust_list(self) -> bytes:
        self._line()
        return self.trust

    def status_list_numbers(self) -> tuple[int, ...]:
        return tuple(self.status)

    def status_list(self, number: int) -> bytes:
        return self.status[number]

    def epoch_secrets(self, signed_request: bytes) -> bytes:
        self._line()
        self.secret_requests += 1
        message = verify_request(signed_request, lambda kid: self.world.broker.gate.public, at=self.world.clock())
        assert isinstance(message, EpochSecretsRequest)
        days = [EPOCH + timedelta(days=TODAY + n + 1, hours=1) for n in (-2, 0, 1)]
        secrets = tuple(
            EpochSecret(TODAY + n, bytes((n + 3,)) * 32, dies) for n, dies in zip((-2, 0, 1), days, strict=True)
        )
        return hpke.seal(encode_epoch_secrets(secrets), message.hpke_public, message.info(signed_request))

    def crossings(self, signed_report: bytes) -> Iterable[bytes]:
        self._line()
        message = verify_request(signed_report, lambda kid: self.world.broker.gate.public, at=self.world.clock())
        assert isinstance(message, CrossingReport)
        if any(event.event_id in self.refuses for event in message.events):
            raise BrokerRefused(Reason.MALFORMED_CLAIMS, "told to")
        self.held |= {event.event_id: event for event in message.events}
        if self.loses_answers:
            raise BrokerUnreachable("the answer was lost")
        return [event.event_id for event in message.events] if self.names is None else self.names


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "gate.db").stock()


@pytest.fixture
def books(world: World) -> Books:
    return Books(world, world.authority.trust_list(), {0: world.authority.status_list()})


@pytest.fixture
def ticks() -> SetClock:
    """The monotonic clock, which nobody can set."""
    return SetClock()


@pytest.fixture
def sync(world: World, books: Books, ticks: SetClock) -> Sync:
    records = GateRecords(world.db, world.clock_store, world.trust, world.outbox, world.spending)
    return Sync(
        records,
        books,
        world.identity,
        clock=world.clock,
        entropy=lambda n: bytes(n),
        monotonic=lambda: ticks().timestamp(),
    )


def cross(world: World, count: int = 1) -> None:
    lane = world.lane()
    for _ in range(count):
        assert lane.show_text(world.wallet().text(world.clock())) is None
        lane.look(FRAME)


def test_a_round_refreshes_everything_and_delivers(world: World, books: Books, sync: Sync) -> None:
    books.trust = world.authority.trust_list(version=2)
    books.status = {0: world.authority.status_list(9, version=4), 1: world.authority.status_list()}
    cross(world, 3)
    report = sync.run_once()
    assert (report.reached, report.trust_version, report.status_versions) == (True, 2, {0: 4})
    assert report.alarms == ["status_lists: malformed_claims: asked for list 1, got 0"]
    assert (report.epochs, report.delivered, report.waiting, len(books.held)) == ((TODAY, TODAY + 1), 3, 0, 3)
    assert world.trust.secret(TODAY, at=NOON) == b"\x03" * 32


def test_secrets_are_fetched_ahead_and_not_again(books: Books, sync: Sync) -> None:
    sync.run_once()
    sync.run_once()
    assert books.secret_requests == 1


def test_secrets_die_an_hour_after_their_day(world: World, sync: Sync, books: Books, ticks: SetClock) -> None:
    sync.run_once()
    books.reachable = False
    world.clock.at = ticks.at = EPOCH + timedelta(days=TODAY + 1, minutes=59)
    assert TODAY in sync.run_once().epochs
    world.clock.step(61)
    ticks.step(61)
    assert TODAY not in sync.run_once().epochs


def test_a_rolled_back_list_raises_an_alarm_and_changes_nothing(world: World, books: Books, sync: Sync) -> None:
    world.trust.accept_status_list(world.authority.status_list(9, version=4), 0, at=NOON)
    world.trust.accept_trust_list(world.authority.trust_list(version=4), at=NOON)
    cross(world)
    report = sync.run_once()
    assert [alarm.split(":")[1].strip() for alarm in report.alarms] == ["list_rolled_back"] * 2
    held = world.trust.status_list(0, at=NOON)
    assert held is not None and held.version == 4
    assert report.delivered == 1, "crossings do not wait for lists"


def test_without_a_line_everything_waits(world: World, books: Books, sync: Sync) -> None:
    books.reachable = False
    cross(world, 2)
    report = sync.run_once()
    assert (report.reached, report.delivered, report.waiting) == (False, 0, 2)
    books.reachable = True
    assert sync.deliver().delivered == 2


def test_a_lost_answer_is_resent_and_counted_once(world: World, books: Books, sync: Sync) -> None:
    cross(world, 2)
    books.loses_answers = True
    assert sync.deliver().waiting == 2
    books.loses_answers = False
    assert (sync.deliver().delivered, len(books.held)) == (2, 2)


def test_one_event_the_broker_refuses_holds_no_other_back(world: World, books: Books, sync: Sync) -> None:
    cross(world, 3)
    poison = world.outbox.pending()[1].event_id
    books.refuses = {poison}
    report = sync.deliver()
    assert (report.delivered, report.waiting) == (2, 1)
    assert poison.hex() in report.alarms[0]
    assert poison not in books.held and len(books.held) == 2
    assert [event.event_id for event in world.outbox.pending()] == [poison], "kept until somebody looked"


def test_only_what_the_broker_names_counts_as_delivered(world: World, books: Books, sync: Sync) -> None:
    cross(world, 3)
    first, *rest = (event.event_id for event in world.outbox.pending())
    books.names = [first, b"?" * 16]
    report = sync.deliver()
    assert (report.delivered, report.waiting) == (1, 2)
    assert [event.event_id for event in world.outbox.pending()] == rest
    books.names = None
    assert sync.deliver().delivered == 2


def test_drift_beyond_two_seconds_is_an_alarm(books: Books, sync: Sync) -> None:
    books.clock_offset = timedelta(seconds=1.9)
    assert sync.run_once().alarms == []
    books.clock_offset = timedelta(seconds=-2.1)
    report = sync.run_once()
    assert report.alarms == ["clock_drift: +2.1 s from the broker"]
    assert report.drift_seconds == pytest.approx(2.1)


def test_a_clock_that_once_ran_ahead_recovers_with_the_brokers_word(world: World, books: Books, sync: Sync) -> None:
    world.clock_store.observe(NOON + timedelta(days=300))
    lane = world.lane()
    refused = lane.show_text(world.wallet().text())
    assert refused is not None and refused.ruling.reasons == (Reason.CLOCK_DRIFT,)
    sync.run_once()
    assert lane.show_text(world.wallet().text()) is None


def test_a_wrong_clock_destroys_no_secret(world: World, books: Books, sync: Sync) -> None:
    sync.run_once()
    cross(world)
    books.reachable = False
    world.clock_store.observe(NOON + timedelta(days=300))
    assert sync.run_once().epochs == (TODAY, TODAY + 1)


def offline_pass_spent(world: World) -> WalletPass:
    wallet = world.authority.wallet(mode=PassMode.OFFLINE, secret=b"\x03" * 32)
    world.broker.reachable = False
    lane = world.lane()
    assert lane.show_text(wallet.text()) is None
    outcome = lane.look(FRAME)
    assert outcome is not None and outcome.opened
    return wallet


@pytest.mark.parametrize("reachable", [True, False])
def test_a_clock_that_jumps_ahead_makes_no_spent_pass_good_again(
    world: World, books: Books, sync: Sync, ticks: SetClock, reachable: bool
) -> None:
    sync.run_once()
    wallet = offline_pass_spent(world)
    world.clock.at = NOON + timedelta(days=3)
    books.clock_offset, books.reachable = -timedelta(days=3), reachable
    report = sync.run_once()
    assert report.epochs == (TODAY, TODAY + 1), "no secret is destroyed by a clock that the broker does not confirm"
    world.clock.at = NOON + timedelta(seconds=60)
    books.clock_offset, books.reachable = timedelta(0), True
    sync.run_once()
    refused = world.lane().show_text(wallet.text(world.clock()))
    assert refused is not None and refused.ruling.reasons == (Reason.ALREADY_SPENT,)


def test_even_with_the_brokers_word_a_spend_outlives_what_signed_lists_prove(
    world: World, books: Books, sync: Sync
) -> None:
    """A wrong time that gate and broker share (or that somebody tells both) is not enough to forget a spend."""
    sync.run_once()
    offline_pass_spent(world)
    world.clock.at = NOON + timedelta(days=3)
    assert sync.run_once().alarms == []
    assert world.db.execute("SELECT count(*) FROM spends").fetchone() == (1,)
    books.status = {0: world.authority.status_list(at=world.clock(), version=2)}
    sync.run_once()
    assert world.db.execute("SELECT count(*) FROM spends").fetchone() == (0,)


def test_a_gate_that_never_heard_the_brokers_time_destroys_nothing(world: World, books: Books, sync: Sync) -> None:
    world.trust.keep_secrets([EpochSecret(TODAY, bytes(32), NOON + timedelta(hours=1))])
    books.reachable = False
    world.clock.step(7200)
    assert sync.run_once().epochs == (TODAY,)


def test_while_gate_and_broker_disagree_nothing_is_destroyed(world: World, books: Books, sync: Sync) -> None:
    world.trust.keep_secrets([EpochSecret(TODAY - 1, bytes(32), NOON - timedelta(hours=1))])
    books.clock_offset = timedelta(seconds=-3)
    assert TODAY - 1 in sync.run_once().epochs
    books.clock_offset = timedelta(seconds=-1)
    assert TODAY - 1 not in sync.run_once().epochs


def test_without_a_line_secrets_die_by_the_time_that_passed_since_the_brokers(
    world: World, books: Books, sync: Sync, ticks: SetClock
) -> None:
    sync.run_once()
    books.reachable = False
    world.clock.at = EPOCH + timedelta(days=TODAY + 1, minutes=61)
    assert TODAY in sync.run_once().epochs, "the clock jumped"
    ticks.at = world.clock.at
    assert TODAY not in sync.run_once().epochs


def test_a_log_that_could_not_be_emptied_is_an_alarm_until_it_is(world: World, books: Books, sync: Sync) -> None:
    sync.run_once()
    reader = open_database(world.path)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM epoch_secrets").fetchall()
    world.clock.at = later = EPOCH + timedelta(days=TODAY + 1, minutes=61)
    books.trust = world.authority.trust_list(later)
    alarm = "a destroyed secret may still be in the write-ahead log"
    report = sync.run_once()
    assert TODAY not in report.epochs and report.alarms == [alarm]
    reader.execute("ROLLBACK")
    assert sync.run_once().alarms == []
    assert not any(b"\x03" * 32 in path.read_bytes() for path in world.path.parent.iterdir())
