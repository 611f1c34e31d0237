"""Pushed requests are limited by the client that proved itself; whoever proves nothing, by their address."""

from dataclasses import replace

import pytest

from tests.support.oidc_agency import Agency
from tests.support.oidc_world import ISSUER, OidcWorld


@pytest.fixture
def world(world: OidcWorld) -> OidcWorld:
    world.app.state.oidc = world.server = replace(world.server, pushes_per_minute=2)
    return world


def test_a_clients_limit_is_its_own(world: OidcWorld) -> None:
    """One address, as behind a proxy: an agency that pushes too much stops nobody else."""
    busy, other = Agency(world, "busy-web"), Agency(world, "other-web")
    assert [busy.push().status_code for _ in range(4)] == [201, 201, 429, 429]
    refused = busy.push()
    assert refused.json()["error"] == "temporarily_unavailable"
    assert 0 < int(refused.headers["retry-after"]) <= 30
    assert refused.headers["dpop-nonce"]
    assert other.push().status_code == 201


def test_strangers_use_up_their_address_and_no_clients_limit(world: OidcWorld) -> None:
    agency = Agency(world)
    form = {"client_id": agency.client.client_id, "client_assertion": "x", **agency.request()}
    assert [agency.api.post(f"{ISSUER}/oauth/par", data=form).status_code for _ in range(4)] == [401, 401, 429, 429]
    assert agency.push().status_code == 201


def test_a_public_client_is_limited_by_address(world: OidcWorld) -> None:
    """Its name proves nothing: by it anybody could shut everybody's wallet out."""
    form = {"client_id": "tongguan-wallet", "response_type": "code"}
    answers = [world.client().post(f"{ISSUER}/oauth/par", data=form).status_code for _ in range(3)]
    assert answers == [400, 400, 429]
