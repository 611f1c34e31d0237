"""Grant Management for OAuth 2.0 (draft 03), and what the consents behind a grant do to its tokens: whole flows of an
agency, through the consent pages, over PostgreSQL.
"""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from broker.core.authorization import Grant
from broker.flows.withdraw_consent import withdraw_consent
from broker.wire.keys import LocalSigner
from broker.wire.registry import KeyUse
from tests.support.relying_party import RelyingParty, Tokens, refused
from tests.support.sandbox_world import ISSUER, SandboxWorld

QUERY, REVOKE = "grant_management_query", "grant_management_revoke"


def detail(*claims: str, purpose: str = "account-opening", recipient: str = "harbour-bank") -> dict[str, Any]:
    return {
        "type": "identity_release",
        "claims": sorted(claims),
        "purpose": purpose,
        "recipient": recipient,
        "retention": "P30D",
        "frequency": {"times": 3, "per": "P1D"},
    }


def tokens(party: RelyingParty, *details: dict[str, Any], **parameters: str) -> Tokens:
    return party.tokens(party.request(authorization_details=json.dumps(details), **parameters))


def managing(party: RelyingParty) -> RelyingParty:
    """The same client, which may manage its grants."""
    with party.world.ports.services.begin() as work:
        client = work.clients.find(party.client_id)
        assert client is not None
        work.clients.change(replace(client, scopes=client.scopes | {QUERY, REVOKE}))
    return party


def client_token(party: RelyingParty, scope: str) -> str:
    answer = party.token(grant_type="client_credentials", scope=scope)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def call(party: RelyingParty, method: str, grant: str, token: str) -> httpx.Response:
    url = f"{ISSUER}/oauth/grants/{grant}"
    for _ in range(2):
        proof = party.dpop.proof(method, url, nonce=party.nonce, access_token=token)
        answer = party.api.request(method, url, headers={"Authorization": f"DPoP {token}", "DPoP": proof})
        party.nonce = answer.headers.get("dpop-nonce", party.nonce)
        if "use_dpop_nonce" not in answer.headers.get("www-authenticate", ""):
            break
    return answer


def stored(world: SandboxWorld, grant: str) -> Grant:
    with world.server.open_unit() as unit:
        found = unit.grant(UUID(grant))
    assert found is not None
    return found


def test_the_token_response_names_the_grant_and_the_client_can_look_at_it(agency: RelyingParty) -> None:
    managing(agency)
    made = tokens(agency, detail("name", "over_18"), grant_management_action="create")
    grant = made.body["grant_id"]

    answer = call(agency, "GET", grant, client_token(agency, QUERY))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["scopes"] == [{"scope": "openid"}]
    assert body["claims"] == ["name", "over_18"]
    assert body["authorization_details"] == [detail("name", "over_18")]
    assert [UUID(consent) for consent in body["consents"]] == list(stored(agency.world, grant).consents)


def test_metadata_says_what_can_be_done(sandbox: SandboxWorld) -> None:
    document = sandbox.metadata()
    assert document["grant_management_endpoint"] == f"{ISSUER}/oauth/grants"
    assert set(document["grant_management_actions_supported"]) == {"query", "revoke", "create", "merge", "replace"}
    assert document["grant_management_action_required"] is False


def test_merging_adds_and_keeps_the_grant(agency: RelyingParty) -> None:
    first = tokens(agency, detail("name"), grant_management_action="create")
    grant = first.body["grant_id"]
    second = tokens(
        agency, detail("birthdate"), detail("over_18", purpose="age-check"), grant_management_action="merge",
        grant_id=grant,
    )  # fmt: skip

    assert second.body["grant_id"] == grant
    assert second.id_token["sub"] == first.id_token["sub"]
    details = second.body["authorization_details"]
    assert {one["purpose"]: one["claims"] for one in details} == {
        "account-opening": ["birthdate", "name"], "age-check": ["over_18"],
    }  # fmt: skip
    told = agency.userinfo(second.access_token).json()
    assert {"name", "birthdate", "over_18"} <= told.keys()


def test_two_merges_that_were_asked_for_before_either_was_redeemed_both_count(agency: RelyingParty) -> None:
    grant = tokens(agency, detail("name"), grant_management_action="create").body["grant_id"]
    change = {"grant_management_action": "merge", "grant_id": grant}
    codes = [
        agency.code(agency.request(authorization_details=json.dumps([asked]), **change))
        for asked in (detail("birthdate"), detail("over_18", purpose="age-check"))
    ]
    for code in codes:
        assert agency.redeem(code).status_code == 200
    assert {release.purpose: release.claims for release in stored(agency.world, grant).releases} == {
        "account-opening": {"name", "birthdate"}, "age-check": {"over_18"},
    }  # fmt: skip


def test_replacing_leaves_what_was_agreed_to_now(agency: RelyingParty) -> None:
    first = tokens(agency, detail("name"), grant_management_action="create")
    grant = first.body["grant_id"]
    second = tokens(agency, detail("over_18", purpose="age-check"), grant_management_action="replace", grant_id=grant)

    assert second.body["grant_id"] == grant
    assert second.body["authorization_details"] == [detail("over_18", purpose="age-check")]
    told = agency.userinfo(second.access_token).json()
    assert told["over_18"] is True
    assert "name" not in told
    # The tokens of before see what the grant is about now.
    assert "name" not in agency.userinfo(first.access_token).json()


def test_giving_a_grant_back_ends_its_tokens_and_its_consents(agency: RelyingParty) -> None:
    managing(agency)
    made = tokens(agency, detail("name"), grant_management_action="create")
    grant, manage = made.body["grant_id"], client_token(agency, REVOKE)

    assert call(agency, "DELETE", grant, manage).status_code == 204
    assert agency.userinfo(made.access_token).status_code == 401
    refused(agency.token(grant_type="refresh_token", refresh_token=made.body["refresh_token"]), "invalid_grant")
    assert call(agency, "DELETE", grant, manage).status_code == 404
    kept = stored(agency.world, grant)
    with agency.world.ports.services.begin() as work:
        assert {record.status.value for record, _ in work.consents.of(kept.traveller_id)} == {"withdrawn"}
    # The person is asked again.
    agency.browser.seen.clear()
    tokens(agency, detail("name"))
    assert "consent" in agency.browser.seen


def test_a_consent_that_another_grant_rests_on_stays(agency: RelyingParty) -> None:
    managing(agency)
    first = tokens(agency, detail("name"), grant_management_action="create")
    agency.browser.seen.clear()
    second = tokens(agency, detail("name"), grant_management_action="create")
    assert "consent" not in agency.browser.seen
    assert second.body["grant_id"] != first.body["grant_id"]

    assert call(agency, "DELETE", first.body["grant_id"], client_token(agency, REVOKE)).status_code == 204
    assert agency.userinfo(second.access_token).json()["name"]


def test_the_scope_decides_and_a_persons_token_does_nothing_here(agency: RelyingParty) -> None:
    managing(agency)
    made = tokens(agency, detail("name"))
    grant = made.body["grant_id"]
    assert call(agency, "DELETE", grant, client_token(agency, QUERY)).status_code == 403
    assert call(agency, "GET", grant, client_token(agency, REVOKE)).status_code == 403
    assert call(agency, "GET", grant, made.access_token).status_code == 401
    assert agency.api.get(f"/oauth/grants/{grant}").status_code == 401


def test_anothers_grant_does_not_exist(agency: RelyingParty, other_agency: RelyingParty) -> None:
    managing(agency)
    managing(other_agency)
    grant = tokens(agency, detail("name")).body["grant_id"]
    for unknown in (grant, str(uuid4()), "x"):
        assert call(other_agency, "GET", unknown, client_token(other_agency, QUERY)).status_code == 404
        assert call(other_agency, "DELETE", unknown, client_token(other_agency, REVOKE)).status_code == 404
    assert stored(agency.world, grant).revoked_at is None


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"grant_management_action": "merge"}, "invalid_request"),
        ({"grant_management_action": "update", "grant_id": str(uuid4())}, "invalid_request"),
        ({"grant_id": str(uuid4())}, "invalid_request"),
        ({"grant_management_action": "create", "grant_id": str(uuid4())}, "invalid_request"),
        ({"grant_management_action": "replace", "grant_id": "not-a-grant"}, "invalid_grant_id"),
    ],
)
def test_an_action_that_has_no_meaning_is_refused(agency: RelyingParty, parameters: dict[str, str], error: str) -> None:
    refused(agency.push(agency.request(**parameters)), error)


def test_only_the_clients_own_live_grant_of_that_person_can_be_changed(
    agency: RelyingParty, other_agency: RelyingParty
) -> None:
    managing(agency)
    grant = tokens(agency, detail("name")).body["grant_id"]
    others = other_agency.request(
        authorization_details=json.dumps([detail("name", recipient="corner-shop")]),
        grant_management_action="merge",
        grant_id=grant,
    )
    answer = other_agency.authorize(others)
    assert isinstance(answer, dict)
    assert answer["error"] == "invalid_grant_id"

    assert call(agency, "DELETE", grant, client_token(agency, REVOKE)).status_code == 204
    ended = agency.request(
        authorization_details=json.dumps([detail("name")]), grant_management_action="replace", grant_id=grant
    )
    answer = agency.authorize(ended)
    assert isinstance(answer, dict)
    assert answer["error"] == "invalid_grant_id"


def test_a_code_does_not_raise_a_grant_that_ended_meanwhile(agency: RelyingParty) -> None:
    managing(agency)
    grant = tokens(agency, detail("name")).body["grant_id"]
    code = agency.code(
        agency.request(
            authorization_details=json.dumps([detail("name")]), grant_management_action="merge", grant_id=grant
        )
    )
    assert call(agency, "DELETE", grant, client_token(agency, REVOKE)).status_code == 204
    refused(agency.redeem(code), "invalid_grant")


def test_the_wallets_profiles_manage_nothing(basic_client: RelyingParty) -> None:
    answer = basic_client.authorize(basic_client.request(grant_management_action="create"))
    assert isinstance(answer, dict)
    assert answer["error"] == "invalid_request"


def test_a_withdrawal_by_the_person_ends_what_rests_on_the_consent(agency: RelyingParty) -> None:
    made = tokens(agency, detail("name"))
    services = agency.world.ports.services
    grant = stored(agency.world, made.body["grant_id"])
    with services.begin() as work:
        withdraw_consent(
            work, keys=services.keys, status_signer=LocalSigner.generate(KeyUse.STATUS),
            traveller=grant.traveller_id, consent_id=grant.consents[0], at=agency.world.clock(),
            entropy=services.entropy,
        )  # fmt: skip

    assert agency.userinfo(made.access_token).status_code == 401
    refused(agency.token(grant_type="refresh_token", refresh_token=made.body["refresh_token"]), "invalid_grant")


def test_who_refuses_everything_is_not_asked_for_a_reason(agency: RelyingParty) -> None:
    agency.browser.agrees = False
    asked = agency.request(authorization_details=json.dumps([detail("name")]))
    answer = agency.authorize(asked)
    assert isinstance(answer, dict)
    assert (answer["error"], answer["state"]) == ("access_denied", asked["state"])


def test_prompt_none_never_shows_a_page(agency: RelyingParty) -> None:
    tokens(agency, detail("name"))
    again = agency.request(authorization_details=json.dumps([detail("name")]), prompt="none")
    assert "code" in agency.authorize(again)
    wider = agency.request(authorization_details=json.dumps([detail("name", "birthdate")]), prompt="none")
    answer = agency.authorize(wider)
    assert isinstance(answer, dict)
    assert answer["error"] == "consent_required"
