"""Claims under contention: a frequency is exact however many ask at once, and a withdrawal that committed first wins.
Real threads and row locks, ordered by barriers and observed lock waits.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from broker.core.denial import Denied, Refusal
from broker.core.identity_release import Frequency, ReleasedClaims
from broker.desk import Desk
from broker.flows.answer_release import Answer, answer_release
from broker.flows.pause_consent import pause_consent
from broker.flows.release_claims import release_claims
from broker.flows.withdraw_consent import withdraw_consent
from broker.oidc.ports import Settled
from broker.wire.registry import KeyUse
from tests.support.broker_world import World
from tests.support.lock_waits import AwaitLockWait
from tests.support.lock_waits import await_lock_wait as await_lock_wait
from tests.support.partner_world import PartnerWorld, client_of, opening
from tests.support.real_world import real_world as real_world

CALLERS = 50


@pytest.fixture
def agency(real_world: World) -> PartnerWorld:
    return PartnerWorld(real_world)


@pytest.mark.parametrize("times", [1, 3])
def test_of_fifty_at_once_exactly_as_many_are_answered_as_were_agreed_to(agency: PartnerWorld, times: int) -> None:
    world = agency.world
    person = world.link().traveller
    asked = opening("name", frequency=None if times == 1 else Frequency(times, timedelta(days=1)))
    agency.agree(person, asked)
    start = threading.Barrier(CALLERS)

    def ask() -> ReleasedClaims | Denied:
        start.wait(timeout=60)
        return agency.release(person, asked)

    with ThreadPoolExecutor(CALLERS) as pool:
        answers = [future.result(timeout=120) for future in [pool.submit(ask) for _ in range(CALLERS)]]

    assert len([one for one in answers if isinstance(one, ReleasedClaims)]) == times
    assert {one.reason for one in answers if isinstance(one, Denied)} == {Refusal.OVER_FREQUENCY}
    kinds = [use.kind for use in agency.journal(person)]
    assert kinds.count("partner:claims:released") == times
    assert kinds.count("partner:claims:refused") == CALLERS - times


def test_a_release_that_comes_during_a_withdrawal_waits_and_is_denied(
    agency: PartnerWorld, await_lock_wait: AwaitLockWait
) -> None:
    world = agency.world
    person = world.link().traveller
    consent = agency.agree(person, opening("name")).record.consent_id

    with ThreadPoolExecutor(1) as pool:
        with world.begin() as work:
            withdraw_consent(
                work, keys=world.keys, status_signer=world.signers[KeyUse.STATUS], traveller=person,
                consent_id=consent, at=world.at, entropy=world.entropy,
            )  # fmt: skip
            release = pool.submit(agency.release, person, opening("name"))
            await_lock_wait(release)
        answer = release.result(timeout=60)

    assert isinstance(answer, Denied)
    assert answer.reason is Refusal.CONSENT_MISSING


def test_a_release_that_comes_during_a_pause_waits_and_is_denied(
    agency: PartnerWorld, await_lock_wait: AwaitLockWait
) -> None:
    world = agency.world
    person = world.link().traveller
    consent = agency.agree(person, opening("name")).record.consent_id

    with ThreadPoolExecutor(1) as pool:
        with world.begin() as work:
            pause_consent(
                work, keys=world.keys, status_signer=world.signers[KeyUse.STATUS], traveller=person,
                consent_id=consent, at=world.at, entropy=world.entropy,
            )  # fmt: skip
            release = pool.submit(agency.release, person, opening("name"))
            await_lock_wait(release)
        answer = release.result(timeout=60)

    assert isinstance(answer, Denied)
    assert answer.reason is Refusal.CONSENT_PAUSED


def test_a_withdrawal_that_comes_during_a_release_waits_for_it_and_binds_the_next(
    agency: PartnerWorld, await_lock_wait: AwaitLockWait
) -> None:
    world = agency.world
    person = world.link().traveller
    consent = agency.agree(person, opening("name")).record.consent_id

    with ThreadPoolExecutor(1) as pool:
        with world.begin() as work:
            told = release_claims(
                work, keys=world.keys, rulebook=world.rulebook, traveller=person, client=client_of(world),
                releases=[opening("name")], wanted=None, at=world.at, entropy=world.entropy,
            )  # fmt: skip
            withdrawal = pool.submit(world.withdraw, person, consent)
            await_lock_wait(withdrawal)
        withdrawal.result(timeout=60)

    assert isinstance(told, ReleasedClaims)
    assert isinstance(agency.release(person, opening("name")), Denied)
    kinds = [use.kind for use in agency.journal(person)]
    assert kinds.index("traveller:consent:withdrawn") < kinds.index("partner:claims:released")  # newest first


def test_a_withdrawal_waits_for_a_code_that_is_being_redeemed_and_ends_its_grant(
    agency: PartnerWorld, await_lock_wait: AwaitLockWait
) -> None:
    world = agency.world
    person = world.link().traveller
    asked = opening("name")
    consent = agency.agree(person, asked).record.consent_id
    code = agency.code(person, [asked], [consent])

    with ThreadPoolExecutor(1) as pool:
        with world.begin() as work:
            work.logins.spend_code(code.code_hash, world.at)  # type: ignore[attr-defined]
            withdrawal = pool.submit(world.withdraw, person, consent)
            await_lock_wait(withdrawal)
            # Claims in the ID token lock the consent while the code is held: the withdrawal must not hold it by now.
            told = release_claims(
                work, keys=world.keys, rulebook=world.rulebook, traveller=person, client=client_of(world),
                releases=[asked], wanted=None, at=world.at, entropy=world.entropy,
            )  # fmt: skip
            work.logins.add_grant(agency.grant(person, [asked], [consent], code.grant_id))  # type: ignore[attr-defined]
        withdrawal.result(timeout=60)

    assert isinstance(told, ReleasedClaims)
    with world.begin() as work:
        grant = work.logins.grant(code.grant_id)
    assert grant is not None
    assert grant.revoked_at == world.at
    [(name, body)] = agency.events()
    assert (name, body["grants"]) == ("consent.withdrawn", [str(code.grant_id)])


def test_no_code_is_issued_on_a_consent_that_is_being_withdrawn(
    agency: PartnerWorld, await_lock_wait: AwaitLockWait
) -> None:
    world = agency.world
    person = world.link().traveller
    asked = opening("name")
    consent = agency.agree(person, asked).record.consent_id

    def settle() -> Settled:
        with world.begin() as work:
            desk = Desk(lambda _: work, world.keys, world.rulebook, world.entropy)
            return desk.settle(
                None, handle_hash=b"h" * 32, traveller=person, client=client_of(world), releases=[asked], at=world.at  # type: ignore[arg-type]
            )  # fmt: skip

    with ThreadPoolExecutor(1) as pool:
        with world.begin() as work:
            withdraw_consent(
                work, keys=world.keys, status_signer=world.signers[KeyUse.STATUS], traveller=person,
                consent_id=consent, at=world.at, entropy=world.entropy,
            )  # fmt: skip
            settling = pool.submit(settle)
            await_lock_wait(settling)
        settled = settling.result(timeout=60)

    assert (settled.consents, settled.outstanding) == ((), (asked,))


def test_after_the_withdrawal_has_committed_no_release_of_a_storm_succeeds(agency: PartnerWorld) -> None:
    world, threads, each = agency.world, 8, 12
    person = world.link().traveller
    asked = opening("name", purpose="sign-in", frequency=Frequency(100, timedelta(hours=1)))
    consent = agency.agree(person, asked).record.consent_id
    start, committed = threading.Barrier(threads + 1), threading.Event()

    def ask() -> list[tuple[bool, ReleasedClaims | Denied]]:
        start.wait(timeout=60)
        return [(committed.is_set(), agency.release(person, asked)) for _ in range(each)]

    with ThreadPoolExecutor(threads) as pool:
        asking = [pool.submit(ask) for _ in range(threads)]
        start.wait(timeout=60)
        world.withdraw(person, consent)
        committed.set()
        answers = [answer for one in asking for answer in one.result(timeout=120)]

    assert not [one for began_after, one in answers if began_after and isinstance(one, ReleasedClaims)]
    kinds = [use.kind for use in agency.journal(person)]
    assert kinds.count("partner:claims:released") == sum(isinstance(one, ReleasedClaims) for _, one in answers)
    assert "partner:claims:released" not in kinds[: kinds.index("traveller:consent:withdrawn")]


def test_a_form_sent_many_times_at_once_is_answered_once(agency: PartnerWorld) -> None:
    world = agency.world
    person = world.link().traveller
    asked = opening("name")
    read = agency.read(person, asked)
    start = threading.Barrier(8)

    def send(number: int) -> object:
        start.wait(timeout=60)
        answer = Answer(frozenset(), 30, "en", read) if number % 2 else Answer(None)
        with world.begin() as work:
            return answer_release(
                work, keys=world.keys, rulebook=world.rulebook, receipt_signer=world.signers[KeyUse.RECEIPT],
                issuer="https://broker.example", handle_hash=b"h" * 32, traveller=person,
                recipient=agency.recipient(work, asked.recipient), release=asked, answer=answer, at=world.at,
                entropy=world.entropy,
            )  # fmt: skip

    with ThreadPoolExecutor(8) as pool:
        outcomes = {future.result(timeout=60) for future in [pool.submit(send, number) for number in range(8)]}

    assert len(outcomes) == 1
    with world.begin() as work:
        assert len(work.consents.of(person)) == (0 if outcomes == {None} else 1)
