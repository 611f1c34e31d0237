"""A withdrawal that committed first always wins: real threads, real row locks, ordered by barriers and lock waits."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from broker.core.denial import Denied
from broker.core.purpose import E_CHANNEL, FACE_ENROLMENT, OFFLINE_PASS
from broker.flows.release_template import Released, release_template
from broker.flows.withdraw_consent import Withdrawn, withdraw_consent
from broker.wire.reasons import Reason
from broker.wire.registry import KeyUse
from broker.wire.travel_pass import PassMode
from tests.support.broker_world import ZONE, World
from tests.support.lock_waits import AwaitLockWait
from tests.support.lock_waits import await_lock_wait as await_lock_wait
from tests.support.real_world import real_world as real_world

PURPOSES = [(FACE_ENROLMENT, None), (E_CHANNEL, ZONE), (OFFLINE_PASS, ZONE)]


def consent_of(world: World, traveller: UUID, purpose: str, zone: str | None) -> UUID:
    given = world.consent(traveller, purpose, zone)
    assert not given.new
    return given.record.consent_id


@pytest.mark.parametrize(("purpose", "zone"), PURPOSES)
def test_a_release_that_comes_during_a_withdrawal_waits_and_is_denied(
    real_world: World, await_lock_wait: AwaitLockWait, purpose: str, zone: str | None
) -> None:
    world = real_world
    traveller = world.ready(offline=True)
    minted = world.one_pass(traveller, PassMode.OFFLINE)
    request = world.lane().request(world.phone.code(minted, world.at), world.at)[1]
    consent = consent_of(world, traveller, purpose, zone)

    with ThreadPoolExecutor(1) as pool:
        with world.begin() as work:
            withdraw_consent(
                work, keys=world.keys, status_signer=world.signers[KeyUse.STATUS], traveller=traveller,
                consent_id=consent, at=world.at, entropy=world.entropy,
            )  # fmt: skip
            release = pool.submit(world.release, request)
            await_lock_wait(release)
        answer = release.result()

    assert isinstance(answer, Denied)
    assert answer.reason is Reason.CONSENT_WITHDRAWN


@pytest.mark.parametrize(("purpose", "zone"), PURPOSES)
def test_a_withdrawal_that_comes_during_a_release_waits_for_it_and_binds_the_next(
    real_world: World, await_lock_wait: AwaitLockWait, purpose: str, zone: str | None
) -> None:
    world = real_world
    traveller = world.ready(offline=True)
    minted = world.mint(traveller, world.phone.new_keys(2), PassMode.OFFLINE)
    assert isinstance(minted, tuple)
    lane = world.lane()
    first, second = (lane.request(world.phone.code(one, world.at), world.at)[1] for one in minted)
    consent = consent_of(world, traveller, purpose, zone)

    with ThreadPoolExecutor(1) as pool:
        with world.begin() as work:
            released = release_template(
                work, keys=world.keys, rulebook=world.rulebook, trust_list=world.trust_list, request=first,
                at=world.at, entropy=world.entropy,
            )  # fmt: skip
            withdrawal = pool.submit(world.withdraw, traveller, consent)
            await_lock_wait(withdrawal)
        withdrawn = withdrawal.result()

    assert isinstance(released, Released)
    assert isinstance(withdrawn, Withdrawn)
    assert withdrawn.revoked_passes == 2
    answer = world.release(second)
    assert isinstance(answer, Denied)
    assert answer.reason is Reason.CONSENT_WITHDRAWN


def test_after_the_withdrawal_has_committed_no_release_of_a_storm_succeeds(real_world: World) -> None:
    world, threads, each = real_world, 8, 6
    traveller = world.ready()
    codes = []
    for _ in range(threads * each // 12):
        minted = world.mint(traveller, world.phone.new_keys(12))
        assert isinstance(minted, tuple)
        codes += [world.phone.code(one, world.at) for one in minted]
    lanes = [world.lane() for _ in range(threads)]
    requests = [lanes[i % threads].request(code, world.at)[1] for i, code in enumerate(codes)]
    consent = consent_of(world, traveller, E_CHANNEL, ZONE)
    start, committed = threading.Barrier(threads + 1), threading.Event()

    def gate(number: int) -> list[tuple[bool, Released | Denied]]:
        start.wait()
        answers = []
        for request in requests[number::threads]:
            began_after = committed.is_set()
            answers.append((began_after, world.release(request)))
        return answers

    with ThreadPoolExecutor(threads) as pool:
        gates = [pool.submit(gate, number) for number in range(threads)]
        start.wait()
        withdrawn = world.withdraw(traveller, consent)
        committed.set()
        answers = [answer for lane in gates for answer in lane.result()]

    assert isinstance(withdrawn, Withdrawn)
    assert not [answer for began_after, answer in answers if began_after and isinstance(answer, Released)]
    denials = {answer.reason for _, answer in answers if isinstance(answer, Denied)}
    assert denials <= {Reason.CONSENT_WITHDRAWN}
    # Whatever was released is in the journal as released, and nothing else is.
    with world.begin() as work:
        uses = work.journal.of_traveller(traveller, key=world.keys.key(traveller), limit=200, before=None)
    kinds = [use.kind for use in uses]
    released = sum(isinstance(answer, Released) for _, answer in answers)
    assert kinds.count("gate:template:released") == released
    assert kinds.count("gate:template:refused") == len(answers) - released
    # In the journal every release precedes the withdrawal, because both transactions held the consent's lock.
    assert "gate:template:released" not in kinds[: kinds.index("traveller:consent:withdrawn")]
