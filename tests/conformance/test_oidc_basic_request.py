"""OpenID Connect Basic, profile oidc_basic: what a request may say, and codes."""

import re

import httpx

from tests.conformance.modules import basic
from tests.support.relying_party import VERIFIER, RelyingParty, challenge_of, refused
from tests.support.sandbox_world import BASIC_POST, ISSUER, SandboxWorld, redirect_uri


def error_of(answer: httpx.Response | dict[str, str], asked: dict[str, str], *errors: str) -> None:
    """An error response at the redirect URI (RFC 6749 4.1.2.1, RFC 9207)."""
    assert isinstance(answer, dict), (answer.status_code, answer.text[:2000])
    assert answer["error"] in errors, answer
    assert answer.get("state") == asked.get("state")
    assert answer["iss"] == ISSUER
    assert answer.keys() <= {"error", "error_description", "error_uri", "state", "iss"}


def page(answer: httpx.Response | dict[str, str], status: int = 200) -> httpx.Response:
    """A page, and no redirect."""
    assert isinstance(answer, httpx.Response), answer
    assert answer.status_code == status, answer.text[:2000]
    assert answer.headers["content-type"].startswith("text/html")
    return answer


@basic("oidcc-display-page")
def test_oidcc_display_page(basic_client: RelyingParty) -> None:
    basic_client.tokens(basic_client.request(display="page"))
    assert basic_client.browser.seen == ["login"]


@basic("oidcc-display-popup")
def test_oidcc_display_popup(basic_client: RelyingParty) -> None:
    basic_client.tokens(basic_client.request(display="popup"))
    assert basic_client.browser.seen == ["login"]


@basic("oidcc-prompt-login")
def test_oidcc_prompt_login(basic_client: RelyingParty, sandbox: SandboxWorld) -> None:
    first = basic_client.tokens(basic_client.request(max_age="100"))
    sandbox.clock.forward(seconds=2)
    second = basic_client.tokens(basic_client.request(prompt="login", max_age="100"))
    assert basic_client.browser.seen == ["login", "login"]
    assert second.id_token["sub"] == first.id_token["sub"]
    assert second.id_token["auth_time"] == first.id_token["auth_time"] + 2


@basic("oidcc-prompt-none-not-logged-in")
def test_oidcc_prompt_none_not_logged_in(basic_client: RelyingParty) -> None:
    asked = basic_client.request(prompt="none")
    error_of(basic_client.authorize(asked), asked, "login_required", "interaction_required")
    assert basic_client.browser.seen == []


@basic("oidcc-prompt-none-logged-in")
def test_oidcc_prompt_none_logged_in(basic_client: RelyingParty, sandbox: SandboxWorld) -> None:
    first = basic_client.tokens(basic_client.request(max_age="1000"))
    sandbox.clock.forward(seconds=2)
    second = basic_client.tokens(basic_client.request(prompt="none", max_age="1000"))
    assert basic_client.browser.seen == ["login"]
    assert second.id_token["sub"] == first.id_token["sub"]
    assert second.id_token["auth_time"] == first.id_token["auth_time"]
    # What was not agreed to is not asked for silently either (OpenID Connect Core 3.1.2.6).
    asked = basic_client.request(prompt="none", scope="openid profile")
    error_of(basic_client.authorize(asked), asked, "consent_required", "interaction_required")


@basic("oidcc-max-age-1")
def test_oidcc_max_age_1(basic_client: RelyingParty, sandbox: SandboxWorld) -> None:
    first = basic_client.tokens()
    sandbox.clock.forward(seconds=2)
    second = basic_client.tokens(basic_client.request(max_age="1"))
    assert basic_client.browser.seen == ["login", "login"]
    assert second.id_token["auth_time"] == int(sandbox.clock.seconds())
    assert second.id_token["sub"] == first.id_token["sub"]


@basic("oidcc-max-age-10000")
def test_oidcc_max_age_10000(basic_client: RelyingParty, sandbox: SandboxWorld) -> None:
    first = basic_client.tokens(basic_client.request(max_age="10000"))
    sandbox.clock.forward(seconds=2)
    second = basic_client.tokens(basic_client.request(max_age="10000"))
    assert basic_client.browser.seen == ["login"]
    assert second.id_token["auth_time"] == first.id_token["auth_time"]


@basic("oidcc-ensure-request-with-unknown-parameter-succeeds")
def test_oidcc_ensure_request_with_unknown_parameter_succeeds(basic_client: RelyingParty) -> None:
    basic_client.tokens(basic_client.request(extra="foobar"))


@basic("oidcc-id-token-hint")
def test_oidcc_id_token_hint(basic_client: RelyingParty, sandbox: SandboxWorld) -> None:
    first = basic_client.tokens()
    hint = first.body["id_token"]
    second = basic_client.tokens(basic_client.request(prompt="none", id_token_hint=hint))
    assert second.id_token["sub"] == first.id_token["sub"]
    # Somebody else is logged in: an error, never that other person's code (OpenID Connect Core 3.1.2.1).
    basic_client.browser.person = "bea"
    sandbox.clock.forward(seconds=1)
    basic_client.tokens(basic_client.request(prompt="login"))
    asked = basic_client.request(prompt="none", id_token_hint=hint)
    error_of(basic_client.authorize(asked), asked, "login_required")


@basic("oidcc-login-hint")
def test_oidcc_login_hint(basic_client: RelyingParty) -> None:
    basic_client.tokens(basic_client.request(login_hint="bob@example.com"))


@basic("oidcc-ui-locales")
def test_oidcc_ui_locales(basic_client: RelyingParty) -> None:
    basic_client.browser.person = None
    shown = page(basic_client.authorize(basic_client.request(ui_locales="se pt en")))
    assert re.search(r'<html lang="pt"', shown.text)
    basic_client.browser.person = "ann"
    basic_client.tokens(basic_client.request(ui_locales="se"))


@basic("oidcc-claims-locales")
def test_oidcc_claims_locales(basic_client: RelyingParty) -> None:
    basic_client.tokens(basic_client.request(claims_locales="se"))


@basic("oidcc-ensure-request-with-acr-values-succeeds")
def test_oidcc_ensure_request_with_acr_values_succeeds(basic_client: RelyingParty) -> None:
    known = basic_client.world.metadata()["acr_values_supported"]
    tokens = basic_client.tokens(basic_client.request(acr_values="urn:tongguan:acr:substantial 1 2"))
    assert tokens.id_token["acr"] in known


def reused(client: RelyingParty, seconds: float) -> None:
    """The same code again after that time: invalid_grant, and what the first use gave is dead (RFC 6749 4.1.2)."""
    asked = client.request()
    code = client.code(asked)
    tokens = client.checked(client.redeem(code), nonce=asked["nonce"])
    assert client.userinfo(tokens.access_token).status_code == 200
    client.world.clock.forward(seconds=seconds)
    refused(client.redeem(code), "invalid_grant", status=(400,))
    assert client.userinfo(tokens.access_token).status_code == 401


@basic("oidcc-codereuse")
def test_oidcc_codereuse(basic_client: RelyingParty) -> None:
    reused(basic_client, 0)


@basic("oidcc-codereuse-30seconds")
def test_oidcc_codereuse_30seconds(basic_client: RelyingParty) -> None:
    reused(basic_client, 30)


@basic("oidcc-ensure-registered-redirect-uri")
def test_oidcc_ensure_registered_redirect_uri(basic_client: RelyingParty) -> None:
    registered = basic_client.redirect_uri
    for wrong in (f"{registered}/x", f"{registered}?x=y", f"{registered}#f", "https://evil.example/callback", None):
        answer = basic_client.authorize(basic_client.request(redirect_uri=wrong))
        page(answer, 400)
    assert basic_client.browser.seen == []


@basic("oidcc-ensure-post-request-succeeds")
def test_oidcc_ensure_post_request_succeeds(basic_client: RelyingParty) -> None:
    asked = basic_client.request()
    answer = basic_client.browser.post(f"{ISSUER}/oauth/authorize", asked, back_at=basic_client.redirect_uri)
    assert isinstance(answer, dict)
    basic_client.checked(basic_client.redeem(answer["code"]), nonce=asked["nonce"])


@basic(
    "oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported",
    note="the suite skips it for clients that are not registered dynamically",
)
def test_oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(basic_client: RelyingParty) -> None:
    assert basic_client.world.metadata()["request_uri_parameter_supported"] is False
    asked = basic_client.request()
    beside = {**asked, "request_uri": "https://basic.example/request.jwt"}
    answer = basic_client.browser.go(basic_client.url(beside), back_at=basic_client.redirect_uri)
    if isinstance(answer, dict):
        error_of(answer, asked, "request_uri_not_supported", "invalid_request_uri")
    else:
        page(answer, 400)


@basic("oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported")
def test_oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(
    basic_client: RelyingParty,
) -> None:
    announced = basic_client.world.metadata().get("request_object_signing_alg_values_supported", [])
    assert "none" not in announced
    # {"alg":"none"} . {"nonce":"inside"} .
    unsigned = "eyJhbGciOiJub25lIn0.eyJub25jZSI6Imluc2lkZSJ9."
    asked = basic_client.request(request=unsigned)
    page(basic_client.authorize(asked), 400)  # nothing in it can be believed, a redirect URI least of all
    # A client without keys cannot send any, and hears so.
    other = RelyingParty(basic_client.world, BASIC_POST)
    asked = other.request(request=unsigned)
    error_of(other.authorize(asked), asked, "request_not_supported")


@basic("oidcc-ensure-request-object-with-redirect-uri", note="signed here: unsigned request objects are refused")
def test_oidcc_ensure_request_object_with_redirect_uri(basic_client: RelyingParty, sandbox: SandboxWorld) -> None:
    inside, now = redirect_uri("basic", "other"), int(sandbox.clock.seconds())
    asked = basic_client.request()
    claims = {**asked, "redirect_uri": inside, "iss": "basic", "aud": ISSUER, "exp": now + 60, "nbf": now, "jti": "1"}
    signed = basic_client.sign(claims, typ="oauth-authz-req+jwt")
    answer = basic_client.browser.go(basic_client.url({**asked, "request": signed}), back_at=inside)
    assert isinstance(answer, dict), (answer.status_code, answer.text[:2000])
    basic_client.checked(basic_client.redeem(answer["code"], redirect_uri=inside), nonce=asked["nonce"])


@basic("oidcc-ensure-request-with-valid-pkce-succeeds")
def test_oidcc_ensure_request_with_valid_pkce_succeeds(basic_client: RelyingParty) -> None:
    pkce = {"code_challenge": challenge_of(VERIFIER), "code_challenge_method": "S256"}
    basic_client.tokens(basic_client.request(**pkce), code_verifier=VERIFIER)
    for wrong in ("w" * 43, None):
        code = basic_client.code(basic_client.request(**pkce))
        refused(basic_client.redeem(code, code_verifier=wrong), "invalid_grant", "invalid_request")
    # A verifier for a code without a challenge: somebody took the challenge out (RFC 9700 4.8.2).
    refused(basic_client.redeem(basic_client.code(), code_verifier=VERIFIER), "invalid_grant", "invalid_request")
