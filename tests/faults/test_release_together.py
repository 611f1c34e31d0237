"""Many releases in one transaction: one order's trouble is nobody else's, and every use is counted once."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import pytest

from broker.core.authorization import AdmissionQuestion
from broker.core.denial import Denied, Refusal, UnknownTraveller
from broker.core.identity_release import IdentityRelease, ReleasedClaims
from broker.flows.pause_consent import pause_consent
from broker.flows.release_claims import ClaimOrder, release_together
from broker.flows.unavailable import DatabaseUnavailable
from broker.stores.admissions import admit_together
from broker.stores.database import Database
from broker.stores.oidc_store import OidcStorage
from broker.wire.registry import KeyUse
from tests.support.broker_world import World
from tests.support.lock_waits import AwaitLockWait
from tests.support.lock_waits import await_lock_wait as await_lock_wait
from tests.support.partner_world import PartnerWorld, client_of, opening
from tests.support.real_world import real_world as real_world

ASKED = opening("name")


@pytest.fixture
def agency(real_world: World) -> PartnerWorld:
    return PartnerWorld(real_world)


def together(world: World, people: Sequence[UUID], asked: IdentityRelease = ASKED, begin: Any = None) -> list[Any]:
    """The answers; what went aside is awaited."""
    client = client_of(world)
    orders = [ClaimOrder(person, client, (asked,), None) for person in people]
    with ThreadPoolExecutor(2) as aside:
        answers = release_together(
            begin or world.begin, orders, keys=world.keys, rulebook=world.rulebook, clock=lambda: world.at,
            entropy=world.entropy, aside=aside.submit,
        )  # fmt: skip
    return [one if not isinstance(one, Future) else one.exception() or one.result() for one in answers]


def some_people(agency: PartnerWorld, number: int) -> list[UUID]:
    people = [agency.world.link(f"person {one}").traveller for one in range(number)]
    for person in people:
        agency.agree(person, ASKED)
    return people


def test_each_gets_the_answer_that_is_theirs(agency: PartnerWorld) -> None:
    world = agency.world
    people = some_people(agency, 3)
    stranger, unasked = uuid4(), world.link("nobody asked").traveller
    answers = together(world, [people[0], unasked, people[1], people[2]])
    assert [isinstance(answer, ReleasedClaims) for answer in answers] == [True, False, True, True]
    assert isinstance(answers[1], Denied)
    assert answers[1].reason is Refusal.CONSENT_MISSING
    for person, answer in zip([people[0], people[1], people[2]], [answers[0], *answers[2:]], strict=True):
        assert agency.journal(person)[0].leaf_hash == answer.journal_leaves[0]
    # An order that fails takes its own way and ends nobody else's.
    mixed = together(world, [people[0], stranger, people[1]])
    assert isinstance(mixed[1], UnknownTraveller)
    assert [isinstance(answer, ReleasedClaims) for answer in (mixed[0], mixed[2])] == [True, True]
    assert [use.kind for use in agency.journal(people[0])].count("partner:claims:released") == 2


def test_an_order_that_has_to_wait_holds_nobody_up(agency: PartnerWorld, await_lock_wait: AwaitLockWait) -> None:
    """A pause under way: the others are answered, the one waits for it and is denied."""
    world = agency.world
    paused, *others = some_people(agency, 4)
    consent = agency.agree(paused, ASKED).record.consent_id
    with ThreadPoolExecutor(1) as pool:
        with world.begin() as work:
            pause_consent(
                work, keys=world.keys, status_signer=world.signers[KeyUse.STATUS], traveller=paused,
                consent_id=consent, at=world.at, entropy=world.entropy,
            )  # fmt: skip
            answers = pool.submit(together, world, [paused, *others])
            await_lock_wait(answers)
            # The batch has committed: the others' entries are there while the pause still holds its lock.
            assert all(agency.journal(person)[0].kind == "partner:claims:released" for person in others)
        first, *rest = answers.result(timeout=60)
    assert isinstance(first, Denied)
    assert first.reason is Refusal.CONSENT_PAUSED
    assert all(isinstance(answer, ReleasedClaims) for answer in rest)


def test_a_transaction_whose_end_is_unknown_is_not_tried_again(agency: PartnerWorld) -> None:
    """It may have been committed: a second try could count twice."""
    people, world = some_people(agency, 3), agency.world
    begun = []

    class LostAtCommit:
        def __enter__(self) -> Any:
            begun.append(1)
            self.real = world.begin()
            return self.real.__enter__()

        def __exit__(self, *error: Any) -> None:
            self.real.__exit__(*error)
            raise DatabaseUnavailable("the connection broke")

    answers = together(world, people, begin=LostAtCommit)
    assert [type(answer) for answer in answers] == [DatabaseUnavailable] * 3
    assert len(begun) == 1
    assert [use.kind for use in agency.journal(people[0])].count("partner:claims:released") == 1


def test_admissions_in_one_statement_are_as_one_after_the_other(database: Database) -> None:
    at = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
    soon = at + timedelta(minutes=1)
    mark = (sha256(b"proof").digest(), soon)
    token = sha256(b"token").digest()
    with OidcStorage(database).unit() as unit:
        unit.revoke_token(token, soon)
    asked = [
        AdmissionQuestion((mark,), "nobody", uuid4()),
        AdmissionQuestion((mark, (sha256(b"other").digest(), soon)), None, None, token),
        AdmissionQuestion(()),
    ]
    first, second, third = admit_together(database.engine, asked)
    assert (first.fresh, first.grant, first.client_version, first.token_revoked) == (True, None, None, False)
    assert (second.replayed, second.token_revoked) == (frozenset({mark[0]}), True)
    assert third.fresh
    again = admit_together(database.engine, asked[:1])[0]
    assert again.replayed == {mark[0]}


def test_the_same_marks_from_two_sides_in_opposite_order_end(database: Database) -> None:
    """Replays of one batch in another order: one side has each mark, and neither waits for ever."""
    soon = datetime(2026, 11, 21, 8, 1, tzinfo=UTC)
    marks = [(sha256(str(one).encode()).digest(), soon) for one in range(40)]
    forth = [AdmissionQuestion((mark,)) for mark in marks]
    with ThreadPoolExecutor(4) as pool:
        sides = [pool.submit(admit_together, database.engine, forth[:: (-1) ** side]) for side in range(4)]
        found = [one for side in sides for one in side.result(timeout=60)]
    assert sum(one.fresh for one in found) == len(marks)
