"""npm clients against the broker's processes, each a process itself, over TLS."""

import json
from typing import Any
from urllib.parse import urlencode

from tests.conformance.modules import implementation
from tests.support.html_forms import forms_of, submit
from tests.support.node import NODE_HOME, node
from tests.support.sandbox_stage import BASIC_CLIENT, FAPI2_CLIENT, PARTNER, SandboxStage

DETAILS = [
    {
        "type": "identity_release",
        "claims": ["over_18"],
        "purpose": "age-check",
        "recipient": PARTNER,
        "retention": "P1D",
        "frequency": {"times": 5, "per": "P1D"},
    }
]


def script(name: str) -> list[str]:
    return [node(), str(NODE_HOME / name)]


def verified_by_jose(
    stage: SandboxStage, result: dict[str, Any], client_id: str, audience: str = "/oauth/userinfo"
) -> dict[str, Any]:
    """The claims of both tokens, after npm jose verified them under the published keys."""
    given = {
        "issuer": stage.broker_url,
        "client_id": client_id,
        "audience": f"{stage.broker_url}{audience}",
        **{name: result[name] for name in ("nonce", "id_token", "access_token")},
    }
    verified = stage.run_to_end(script("verify_tokens.mjs"), json.dumps(given))
    assert verified["id_token"]["sub"] == verified["access_token"]["sub"]
    return verified


@implementation(
    "openid-client",
    "fapi2",
    "private_key_jwt, JAR in PAR, PKCE, DPoP, RAR, userinfo, introspection, refresh, revocation, client_credentials",
)
def test_openid_client_fapi2(sandbox_stage: SandboxStage) -> None:
    order = sandbox_stage.order(FAPI2_CLIENT, details=DETAILS)
    browser = sandbox_stage.browser()
    result = sandbox_stage.drive(script("openid_client_fapi2.mjs"), order, browser)
    assert browser.seen == ["login", "consent"]
    assert result["token_type"] == "dpop"
    assert result["userinfo"] == {"sub": result["claims"]["sub"], "over_18": True}
    assert result["introspected"]["active"] is True
    assert result["introspected"]["client_id"] == FAPI2_CLIENT
    assert result["same_refresh_token"] is True
    assert result["afterwards"] == 401
    verified = verified_by_jose(sandbox_stage, result, FAPI2_CLIENT)
    assert verified["access_token"]["cnf"]["jkt"]
    assert result["own_access_token"] != result["access_token"]


@implementation("openid-client", "oidc_basic", "client_secret_basic, code flow with PKCE, userinfo, rotation, logout")
def test_openid_client_oidc_basic(sandbox_stage: SandboxStage) -> None:
    browser = sandbox_stage.browser()
    order = sandbox_stage.order(BASIC_CLIENT)
    result = sandbox_stage.drive(script("openid_client_basic.mjs"), order, browser)
    assert result["token_type"] == "bearer"
    assert result["userinfo"]["family_name"]
    assert result["rotated"] is True
    verified_by_jose(sandbox_stage, result, BASIC_CLIENT)
    # RP-initiated logout: the person is asked, and the browser is logged out afterwards.
    page = browser.http.get(result["logout"])
    form = next(form for form in forms_of(page) if form.action.endswith("/oauth/logout/decision"))
    gone = submit(browser.http, page, form, press=form.buttons[0])
    assert gone.status_code in (200, 303)
    browser.person = None
    quiet = {"response_type": "code", "client_id": BASIC_CLIENT, "redirect_uri": order["redirect_uri"]}
    url = f"{sandbox_stage.broker_url}/oauth/authorize?{urlencode({**quiet, 'scope': 'openid', 'prompt': 'none'})}"
    answer = browser.go(url, back_at=order["redirect_uri"])
    assert isinstance(answer, dict)
    assert answer["error"] == "login_required"


@implementation("oauth4webapi", "fapi2", "private_key_jwt, PAR with DPoP, PKCE, claims parameter, userinfo")
def test_oauth4webapi_fapi2(sandbox_stage: SandboxStage) -> None:
    order = sandbox_stage.order(FAPI2_CLIENT, claims={"userinfo": {"birthdate": {"essential": True}}})
    browser = sandbox_stage.browser()
    browser.person = "macau-lei"  # whom this partner never met
    result = sandbox_stage.drive(script("oauth4webapi_fapi2.mjs"), order, browser)
    assert browser.seen == ["login", "consent"]
    assert result["userinfo"].keys() == {"sub", "birthdate"}
    verified_by_jose(sandbox_stage, result, FAPI2_CLIENT)
