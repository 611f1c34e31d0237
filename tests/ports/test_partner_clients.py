"""One client of a partner: stopped by itself, changed beneath the ceilings, given another secret."""

import pytest

from broker.core.authorization import digest
from broker.core.client import Authentication, Client, ClientStatus, Profile
from broker.core.denial import InvalidInput
from broker.core.partner import Ceilings
from broker.flows.change_client import change_client, replace_secret, resume_client, suspend_client
from broker.flows.suspend_partner import resume_partner, suspend_partner
from tests.support.broker_world import World
from tests.support.partner_world import BANK, PartnerWorld, client_of

ONE, OTHER = "counter", "branch"
CEILINGS = Ceilings(frozenset({"openid", "partner"}), frozenset({"age-check"}), frozenset({"over_18"}))


@pytest.fixture
def world(world: World) -> World:
    PartnerWorld(world)
    own = {"scopes": CEILINGS.scopes, "purposes": CEILINGS.purposes, "claims": CEILINGS.claims}
    with world.begin() as work:
        work.partners.set_ceilings(BANK, CEILINGS)
        for name in (ONE, OTHER):
            work.clients.add(client_of(world, client_id=name, **own))
    return world


def found(world: World, client_id: str = ONE) -> Client:
    with world.begin() as work:
        client = work.clients.find(client_id)
    assert client is not None
    return client


def test_a_client_stopped_by_itself_stays_so_when_its_partner_goes_on(world: World) -> None:
    how = {"at": world.at, "entropy": world.entropy}
    with world.begin() as work:
        suspend_client(work, client_id=ONE, **how)
        suspend_client(work, client_id=ONE, **how)
    assert (found(world).status, found(world).version) == (ClientStatus.SUSPENDED, 2)
    assert found(world, OTHER).active
    with world.begin() as work:
        suspend_partner(work, partner_id=BANK, **how)
    assert not found(world, OTHER).active
    with world.begin() as work:
        resume_partner(work, partner_id=BANK, **how)
    assert (found(world).active, found(world, OTHER).active) == (False, True)
    before = found(world).version
    with world.begin() as work:
        resume_client(work, client_id=ONE, **how)
    assert (found(world).active, found(world).version) == (True, before + 1)


def test_a_client_does_not_go_on_before_its_partner(world: World) -> None:
    how = {"at": world.at, "entropy": world.entropy}
    with world.begin() as work:
        suspend_client(work, client_id=ONE, **how)
        suspend_partner(work, partner_id=BANK, **how)
        resume_client(work, client_id=ONE, **how)
    assert not found(world).active
    with world.begin() as work:
        resume_partner(work, partner_id=BANK, **how)
    assert found(world).active


def test_a_change_stays_beneath_the_ceilings_and_leaves_the_rest(world: World) -> None:
    how = {"client_id": ONE, "at": world.at, "entropy": world.entropy}
    moved = frozenset({"https://bank.example/new"})
    with world.begin() as work:
        change_client(work, **how, redirect_uris=moved, claims=frozenset())
    client = found(world)
    assert (client.redirect_uris, client.claims, client.purposes) == (moved, frozenset(), CEILINGS.purposes)
    assert client.version == 2
    for above in ({"claims": {"birthdate"}}, {"scopes": {"wallet"}}, {"redirect_uris": {"http://bank.example/cb"}}):
        named = {name: frozenset(values) for name, values in above.items()}
        with pytest.raises(InvalidInput), world.begin() as work:
            change_client(work, **how, **named)
    assert found(world) == client


def test_a_new_secret_ends_the_former_one(world: World) -> None:
    how = {"at": world.at, "entropy": world.entropy}
    by_secret = {
        "profile": Profile.OIDC_BASIC, "auth": Authentication.CLIENT_SECRET_BASIC, "jwks": None,
        "secret_hash": digest("old"), "scopes": frozenset({"openid"}), "purposes": frozenset(), "claims": frozenset(),
    }  # fmt: skip
    with world.begin() as work:
        work.clients.add(client_of(world, client_id="try", **by_secret))
        replace_secret(work, client_id="try", secret="new", **how)
    client = found(world, "try")
    assert (client.secret_matches("new"), client.secret_matches("old"), client.version) == (True, False, 2)
    for name in (ONE, "nobody"):
        with pytest.raises(InvalidInput), world.begin() as work:
            replace_secret(work, client_id=name, secret="new", **how)
