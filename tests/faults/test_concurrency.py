"""Many at once: each thing that must happen once happens once, nobody waits for ever, nothing is half-written."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from sqlalchemy import text

from broker.core.denial import Denied
from broker.core.purpose import E_CHANNEL
from broker.flows.enrol_gate import enrol_gate, invite_gate
from broker.flows.epoch_secrets import open_epoch
from broker.flows.publish_trust_list import publish_trust_list
from broker.flows.record_crossing import Recorded, record_crossing
from broker.flows.release_template import Released
from broker.flows.revoke_pass import Revoked, revoke_pass
from broker.stores.database import DatabaseUnavailable
from broker.stores.work import SqlWork
from broker.wire import status_list, travel_pass
from broker.wire.keys import LocalSigner
from broker.wire.reasons import Reason
from broker.wire.registry import KeyUse
from broker.wire.travel_pass import PassMode
from tests.support.broker_world import ZONE, Lane, World
from tests.support.postgres import Cluster
from tests.support.real_world import real_world as real_world

T = TypeVar("T")


def together(*tasks: Callable[[], T]) -> list[T]:
    """Run all at the same moment, a thread each; their results in order."""
    start = threading.Barrier(len(tasks))

    def run(task: Callable[[], T]) -> T:
        start.wait()
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(run, tasks))


def test_first_logins_at_the_same_moment_make_one_traveller(real_world: World) -> None:
    linked = together(*[real_world.link] * 8)

    assert len({one.traveller for one in linked}) == 1
    assert sum(one.first for one in linked) == 1
    real_world.keys.key(linked[0].traveller)


def test_agreeing_twice_at_the_same_moment_is_agreeing_once(real_world: World) -> None:
    traveller = real_world.link().traveller

    given = together(*[lambda: real_world.consent(traveller, E_CHANNEL, ZONE)] * 8)

    assert sum(one.new for one in given) == 1
    assert len({one.receipt for one in given}) == 1


@pytest.mark.parametrize("mode", list(PassMode))
def test_minting_for_the_same_keys_at_the_same_moment_gives_the_same_passes(real_world: World, mode: PassMode) -> None:
    traveller = real_world.ready(offline=True)
    keys = real_world.phone.new_keys(5)

    answers = together(*[lambda: real_world.mint(traveller, keys, mode)] * 6)

    assert len(set(answers)) == 1
    assert isinstance(answers[0], tuple)


def test_one_code_at_one_gate_many_times_is_answered_once(real_world: World) -> None:
    traveller = real_world.ready()
    lane, code = real_world.lane(), real_world.phone.code(real_world.one_pass(traveller), real_world.at)
    requests = [lane.request(code, real_world.at)[1] for _ in range(8)]

    answers = together(*[lambda request=request: real_world.release(request) for request in requests])

    assert sum(isinstance(answer, Released) for answer in answers) == 1
    assert {answer.reason for answer in answers if isinstance(answer, Denied)} == {Reason.ALREADY_RELEASED}


def test_one_code_at_many_gates_is_answered_at_one_of_them(real_world: World) -> None:
    traveller = real_world.ready()
    code = real_world.phone.code(real_world.one_pass(traveller), real_world.at)
    requests = [real_world.lane().request(code, real_world.at)[1] for _ in range(6)]

    answers = together(*[lambda request=request: real_world.release(request) for request in requests])

    assert sum(isinstance(answer, Released) for answer in answers) == 1
    assert {answer.reason for answer in answers if isinstance(answer, Denied)} == {Reason.ALREADY_RESERVED}


def report(world: World, lane: Lane, raw: bytes) -> Recorded:
    with world.begin() as work:
        recorded = record_crossing(work, keys=world.keys, report=raw, at=world.at, entropy=world.entropy)
    assert isinstance(recorded, Recorded)
    return recorded


def test_two_gates_that_opened_on_one_pass_are_both_kept_and_one_is_flagged(real_world: World) -> None:
    world = real_world
    traveller = world.ready()
    passes = world.mint(traveller, world.phone.new_keys(10))
    assert isinstance(passes, tuple)
    lanes = [world.lane(), world.lane()]
    forwards, backwards = [list(passes), list(reversed(passes))]
    reports = [
        lane.report(*[lane.crossed(one.pass_id, world.at) for one in order])
        for lane, order in zip(lanes, (forwards, backwards), strict=True)
    ]

    both = together(*[lambda i=i: report(world, lanes[i], reports[i]) for i in (0, 1)])
    again = together(*[lambda i=i: report(world, lanes[i], reports[i]) for i in (0, 1)])

    assert sum(len(one.conflicts) for one in both) == 10
    assert all(len(one.accepted) == 10 for one in both)
    assert [one.accepted for one in again] == [one.accepted for one in both]
    assert not any(one.conflicts for one in again)


def test_revocations_at_the_same_moment_lose_no_bit_and_no_version(real_world: World) -> None:
    world = real_world
    traveller = [world.ready(f"person-{n}") for n in range(6)]
    passes = [world.one_pass(person) for person in traveller]

    def revoke(number: int) -> Revoked | Denied:
        with world.begin() as work:
            return revoke_pass(
                work, keys=world.keys, status_signer=world.signers[KeyUse.STATUS], traveller=traveller[number],
                pass_id=passes[number].pass_id, at=world.at, entropy=world.entropy,
            )  # fmt: skip

    answers = together(*[lambda n=n: revoke(n) for n in range(6)])

    assert all(isinstance(answer, Revoked) for answer in answers)
    with world.begin() as work:
        published = work.status.published(0)
    assert published is not None
    assert published.version == 6
    bits = status_list.verify(published.raw, world.trust_list, at=world.at)
    for one in passes:
        shown = travel_pass.verify(one.pass_bytes, world.trust_list, at=world.at, expected_zone=ZONE)
        assert bits.status(shown.claims.status_index)
    assert sum(byte.bit_count() for byte in bits.bits) == 6


def test_one_invitation_enrols_one_gate(real_world: World) -> None:
    world = real_world
    with world.begin() as work:
        invited = invite_gate(work, rulebook=world.rulebook, zone=ZONE, at=world.at, entropy=world.entropy)

    def join() -> object:
        public = LocalSigner.generate(KeyUse.GATE).public.to_cose_key()
        with world.begin() as work:
            return enrol_gate(work, code=invited.code, public_key=public, at=world.at, entropy=world.entropy)

    answers = together(*[join] * 6)

    assert sum(isinstance(answer, Denied) for answer in answers) == 5


def test_lists_and_secrets_asked_for_at_the_same_moment_are_made_once(real_world: World) -> None:
    world = real_world

    def trust() -> int:
        with world.begin() as work:
            keys, root = world.trusted_keys, world.signers[KeyUse.ROOT]
            return publish_trust_list(work, root=root, keys=keys, at=world.at).version

    def secret() -> bytes:
        with world.begin() as work:
            return open_epoch(work, world.keys, zone=ZONE, epoch=20_000)

    assert set(together(*[trust] * 6)) == {1}
    assert len(set(together(*[secret] * 6))) == 1


def test_two_hundred_callers_at_once_neither_stall_nor_fail(real_world: World) -> None:
    world, callers = real_world, 200
    people = [world.ready(f"person-{n}") for n in range(20)]
    lane = world.lane()

    def cross(number: int) -> bool:
        minted = world.mint(people[number % 20], world.phone.new_keys(1))
        assert isinstance(minted, tuple)
        released = world.release(lane.request(world.phone.code(minted[0], world.at), world.at)[1])
        return isinstance(released, Released)

    # As many threads at work as a web worker has; the rest wait their turn as requests do.
    with ThreadPoolExecutor(40) as pool:
        assert all(pool.map(cross, range(callers)))


def test_a_database_that_goes_away_in_the_middle_leaves_nothing_half_written(
    real_world: World, cluster: Cluster
) -> None:
    world = real_world
    traveller = world.ready()
    keys = world.phone.new_keys(20)

    def counts() -> tuple[int, ...]:
        with world.begin() as work:
            assert isinstance(work, SqlWork)
            tables = ("passes", "status_entries", "traveller_entries", "journal_inbox")
            found = [work.uow.session.execute(text(f"SELECT count(*) FROM {table}")) for table in tables]  # noqa: S608
            return tuple(result.scalar_one() for result in found)

    with world.begin() as work:
        assert isinstance(work, SqlWork)
        here = work.uow.session.execute(text("SELECT current_database()")).scalar_one()
    before, calls = counts(), 0

    def entropy(size: int) -> bytes:
        # The entropy for the tenth journal entry: by then passes and status entries are written.
        nonlocal calls
        calls += 1
        if calls == 20 + 20 + 10:
            with cluster.admin() as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = %s AND state = 'idle in transaction'",
                    (here,),
                )
        return kept(size)

    kept, world.entropy = world.entropy, entropy  # type: ignore[assignment]
    with pytest.raises(DatabaseUnavailable):
        world.mint(traveller, keys)
    world.entropy = kept

    assert counts() == before
    minted = world.mint(traveller, keys)
    assert isinstance(minted, tuple)
    assert len(minted) == 20
