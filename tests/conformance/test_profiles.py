"""specs/authorization-server.md 1: a client has one profile, and oidc_basic exists in a sandbox alone."""

from pathlib import Path

import httpx

from tests.support.relying_party import RelyingParty, refused
from tests.support.sandbox_world import AGENCY, BASIC, BASIC_POST, sandbox_world


def test_1_oidc_basic_is_refused_outside_a_sandbox(sandbox_home: Path, database_url: str) -> None:
    with sandbox_world(sandbox_home, database_url, sandbox=False) as world:
        for client_id in (BASIC, BASIC_POST):
            client = RelyingParty(world, client_id)
            page = client.authorize()
            assert isinstance(page, httpx.Response)
            assert page.status_code == 400
            assert client.browser.seen == []
            refused(client.redeem("x" * 43), "invalid_client")
            refused(client.push(client.request()), "invalid_client")
        methods = world.metadata()["token_endpoint_auth_methods_supported"]
        assert not {"client_secret_basic", "client_secret_post"} & set(methods)
        # The others are served as ever.
        RelyingParty(world, AGENCY).tokens()


def test_1_a_profile_cannot_be_chosen_by_the_request(agency: RelyingParty) -> None:
    """A fapi2 client that behaves like an oidc_basic one: no PAR, no key, no proof."""
    code = agency.code()
    refused(agency.redeem(code, form={"client_id": agency.client_id, "client_secret": "guess"}), "invalid_client")
    tokens = agency.tokens()
    assert tokens.body["token_type"] == "DPoP"
    assert agency.api.post("/oauth/userinfo", data={"access_token": tokens.access_token}).status_code == 401
