"""Linking when many come at once: unique keys and the traveller's lock decide, and nobody waits for ever."""

from broker.core.denial import Denied
from broker.core.linking import Held, Linked, NotLinked
from broker.flows.confirm_identity import confirm_identity
from broker.flows.take_notice import take_notice
from broker.flows.unlink_identity import unlink_identity
from broker.wire.approval_connector import ProviderNotice, Withdrawal
from tests.faults.test_concurrency import together
from tests.support.arrivals import CHAN, WONG, arrival
from tests.support.broker_world import LINK_SECRET, World
from tests.support.real_world import real_world as real_world

BROWSER = b"b" * 32


def test_first_logins_of_one_person_at_three_providers_make_one_person(real_world: World) -> None:
    """The same document at the same moment: one is the person, the others wait for a confirmation."""
    grants = [arrival(real_world, provider, "chan") for provider in ("ctid", "iamsmart", "macau")] * 2

    outcomes = together(*[lambda grant=grant: real_world.arrive(grant) for grant in grants])

    linked = [outcome for outcome in outcomes if isinstance(outcome, Linked)]
    held = [outcome.held for outcome in outcomes if isinstance(outcome, Held)]
    assert len(linked) + len(held) == 6
    assert len({one.traveller for one in linked} | {one.traveller for one in held}) == 1
    assert sum(one.first for one in linked) == 1
    with real_world.begin() as work:
        assert len(work.identities.of(linked[0].traveller)) == 1
        assert len(work.identities.held_for(linked[0].traveller, real_world.at)) == 2


def test_one_identity_raced_by_two_people_reaches_one(real_world: World) -> None:
    """Two people, each logged in, add the same upstream account at the same moment."""
    shared = arrival(real_world, "macau", "shared", CHAN)
    first = real_world.arrive(arrival(real_world, "iamsmart", "chan", CHAN))
    assert isinstance(first, Linked)
    second = real_world.arrive(arrival(real_world, "ctid", "wong", WONG))
    assert isinstance(second, Linked)
    other = arrival(real_world, "macau", "shared", WONG)

    outcomes = together(
        *[lambda: real_world.arrive(shared, onto=first.traveller)] * 4,
        *[lambda: real_world.arrive(other, onto=second.traveller)] * 4,
    )

    winners = {outcome.traveller for outcome in outcomes if isinstance(outcome, Linked)}
    assert len(winners) == 1
    assert sum(isinstance(outcome, NotLinked) for outcome in outcomes) == 4


def test_two_unlinkings_at_the_same_moment_leave_one_identity(real_world: World) -> None:
    outcome = real_world.arrive(arrival(real_world, "iamsmart", "chan"))
    assert isinstance(outcome, Linked)
    traveller = outcome.traveller
    real_world.arrive(arrival(real_world, "macau", "chan-mo"), onto=traveller)
    with real_world.begin() as work:
        links = [link.link_id for link in work.identities.of(traveller)]

    def unlink(link_id: object) -> object:
        with real_world.begin() as work:
            return unlink_identity(
                work, keys=real_world.keys, traveller=traveller, link_id=link_id, at=real_world.at,  # type: ignore[arg-type]
                entropy=real_world.entropy,
            )  # fmt: skip

    results = together(*[lambda link_id=link_id: unlink(link_id) for link_id in links])

    assert sum(isinstance(result, Denied) for result in results) == 1
    with real_world.begin() as work:
        assert len(work.identities.of(traveller)) == 1


def test_a_held_identity_is_taken_once(real_world: World) -> None:
    outcome = real_world.arrive(arrival(real_world, "iamsmart", "chan"))
    assert isinstance(outcome, Linked)
    waits = real_world.arrive(arrival(real_world, "macau", "chan-mo"), browser=BROWSER)
    assert isinstance(waits, Held)

    def confirm() -> object:
        with real_world.begin() as work:
            return confirm_identity(
                work, keys=real_world.keys, traveller=outcome.traveller, held_id=waits.held.held_id, browser=BROWSER,
                auth_time=real_world.at, at=real_world.at, entropy=real_world.entropy,
            )  # fmt: skip

    results = together(*[confirm] * 6)
    assert sum(not isinstance(result, Denied) for result in results) == 1


def test_a_callback_that_comes_many_times_at_once_counts_once(real_world: World) -> None:
    outcome = real_world.arrive(arrival(real_world, "macau", "chan"))
    assert isinstance(outcome, Linked)
    notice = ProviderNotice("n-1", "withdrawal", Withdrawal("https://macau.example", "chan"))

    def take() -> bool:
        with real_world.begin() as work:
            return take_notice(
                work, keys=real_world.keys, link_secret=LINK_SECRET, provider="macau", notice=notice, approvals=None,
                at=real_world.at, entropy=real_world.entropy,
            )  # fmt: skip

    assert sum(together(*[take] * 8)) == 1
