"""FAPI 2.0 Security Profile, profile fapi2: pushed requests that must fail, or must not be changed on the way."""

import httpx

from tests.conformance.modules import fapi2
from tests.support.relying_party import VERIFIER, RelyingParty, refused
from tests.support.sandbox_world import ISSUER, random_string
from tests.support.wallet_client import DpopKey


def page(answer: httpx.Response | dict[str, str]) -> None:
    """An error page; nothing went back to the client."""
    assert isinstance(answer, httpx.Response), answer
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")


def pushed_object(agency: RelyingParty, asked: dict[str, str], **outside: str) -> str:
    """A signed request object pushed with other parameters beside it, and opened with those beside its address."""
    uri = agency.pushed({**agency.request_object(asked), **outside})
    return agency.url_of_pushed(uri, **outside)


@fapi2("ensure-different-nonce-inside-and-outside-request-object")
def test_ensure_different_nonce_inside_and_outside_request_object(agency: RelyingParty) -> None:
    asked = agency.request()
    url = pushed_object(agency, asked, nonce="outside", scope="openid", response_type="code")
    answer = agency.browser.go(url, back_at=agency.redirect_uri)
    assert isinstance(answer, dict)
    agency.checked(agency.redeem(answer["code"]), nonce=asked["nonce"])


@fapi2("ensure-different-state-inside-and-outside-request-object")
def test_ensure_different_state_inside_and_outside_request_object(agency: RelyingParty) -> None:
    asked = agency.request()
    answer = agency.browser.go(pushed_object(agency, asked, state="outside"), back_at=agency.redirect_uri)
    assert isinstance(answer, dict)
    assert answer["state"] == asked["state"]
    agency.checked(agency.redeem(answer["code"]), nonce=asked["nonce"])


@fapi2("state-only-outside-request-object-not-used")
def test_state_only_outside_request_object_not_used(agency: RelyingParty) -> None:
    asked = agency.request(state=None)
    answer = agency.browser.go(pushed_object(agency, asked, state="outside"), back_at=agency.redirect_uri)
    assert isinstance(answer, dict)
    assert "state" not in answer
    tokens = agency.checked(agency.redeem(answer["code"]), nonce=asked["nonce"])
    assert "s_hash" not in tokens.id_token


@fapi2("ensure-authorization-request-with-long-nonce")
def test_ensure_authorization_request_with_long_nonce(agency: RelyingParty) -> None:
    agency.tokens(agency.request(nonce=random_string(384)))


@fapi2("ensure-authorization-request-with-long-state")
def test_ensure_authorization_request_with_long_state(agency: RelyingParty) -> None:
    agency.tokens(agency.request(state=random_string(1000)))


@fapi2("ensure-request-object-without-redirect-uri-fails")
def test_ensure_request_object_without_redirect_uri_fails(agency: RelyingParty) -> None:
    refused(agency.push(agency.request(redirect_uri=None)), "invalid_request", "invalid_request_object")


@fapi2("ensure-redirect-uri-in-authorization-request")
def test_ensure_redirect_uri_in_authorization_request(agency: RelyingParty) -> None:
    # Beside the pushed request it would be too late as well.
    answer = agency.push(agency.request(redirect_uri=""))
    refused(answer, "invalid_request", "invalid_request_object")


@fapi2("plain-fapi-tolerate-unregistered-redirect-uri")
def test_plain_fapi_tolerate_unregistered_redirect_uri(agency: RelyingParty) -> None:
    for wrong in (f"{agency.redirect_uri}/x", f"{agency.redirect_uri}?x=y", agency.redirect_uri.upper()):
        refused(agency.push(agency.request(redirect_uri=wrong)), "invalid_request", "invalid_request_object")


@fapi2("ensure-unsigned-authorization-request-without-using-par-fails")
def test_ensure_unsigned_authorization_request_without_using_par_fails(agency: RelyingParty) -> None:
    asked = agency.request()
    answer = agency.browser.go(agency.url(asked), back_at=agency.redirect_uri)
    if isinstance(answer, dict):
        assert answer["error"] == "invalid_request"
        assert answer["state"] == asked["state"]
        assert answer["iss"] == ISSUER
        assert "code" not in answer
    else:
        page(answer)
    assert agency.browser.seen in ([], ["page"])


@fapi2("ensure-response-type-code-idtoken-fails")
def test_ensure_response_type_code_idtoken_fails(agency: RelyingParty) -> None:
    answer = agency.push(agency.request(response_type="code id_token"))
    refused(answer, "unsupported_response_type", "unauthorized_client", "invalid_request")


@fapi2("ensure-response-type-token-fails")
def test_ensure_response_type_token_fails(agency: RelyingParty) -> None:
    answer = agency.push(agency.request(response_type="token"))
    refused(answer, "unsupported_response_type", "unauthorized_client", "invalid_request")


@fapi2("par-attempt-reuse-request_uri")
def test_par_attempt_reuse_request_uri(agency: RelyingParty) -> None:
    asked = agency.request()
    url = agency.url_of_pushed(agency.pushed(asked))
    answer = agency.browser.go(url, back_at=agency.redirect_uri)
    assert isinstance(answer, dict)
    agency.checked(agency.redeem(answer["code"]), nonce=asked["nonce"])
    page(agency.browser.go(url, back_at=agency.redirect_uri))


@fapi2("par-attempt-to-use-expired-request_uri")
def test_par_attempt_to_use_expired_request_uri(agency: RelyingParty) -> None:
    pushed = agency.push(agency.request()).json()
    agency.world.clock.forward(seconds=pushed["expires_in"])
    page(agency.browser.go(agency.url_of_pushed(pushed["request_uri"]), back_at=agency.redirect_uri))
    # Opened in time and left at the login page: the address is as old as it is, whatever waits behind it.
    pushed = agency.push(agency.request()).json()
    url = agency.url_of_pushed(pushed["request_uri"])
    agency.browser.person = None
    opened = agency.browser.go(url, back_at=agency.redirect_uri)
    assert isinstance(opened, httpx.Response)
    assert opened.status_code == 200
    agency.world.clock.forward(seconds=pushed["expires_in"])
    agency.browser.person = "ann"
    page(agency.browser.go(url, back_at=agency.redirect_uri))


@fapi2("par-attempt-to-use-request_uri-for-different-client")
def test_par_attempt_to_use_request_uri_for_different_client(agency: RelyingParty, other_agency: RelyingParty) -> None:
    uri = agency.pushed(agency.request())
    page(other_agency.browser.go(other_agency.url_of_pushed(uri), back_at=agency.redirect_uri))
    # and the attempt took nothing from its owner
    assert isinstance(agency.browser.go(agency.url_of_pushed(uri), back_at=agency.redirect_uri), dict)


@fapi2("par-authorization-request-containing-request_uri-form-param")
def test_par_authorization_request_containing_request_uri_form_param(agency: RelyingParty) -> None:
    inner = agency.pushed(agency.request())
    refused(agency.push(agency.request(request_uri=inner)), "invalid_request")


@fapi2("par-attempt-invalid-http-method")
def test_par_attempt_invalid_http_method(agency: RelyingParty) -> None:
    fields, _ = agency.authentication()
    for method in ("PUT", "GET", "DELETE"):
        answer = agency.api.request(method, "/oauth/par", data={**agency.request(), **fields})
        assert answer.status_code == 405  # RFC 9126 2.3


@fapi2("par-ensure-pkce-required")
def test_par_ensure_pkce_required(agency: RelyingParty) -> None:
    answer = agency.push(agency.request(code_challenge=None, code_challenge_method=None))
    refused(answer, "invalid_request")


@fapi2("par-plain-pkce-rejected")
def test_par_plain_pkce_rejected(agency: RelyingParty) -> None:
    for method in ("plain", None):  # absent means plain (RFC 7636 4.3)
        asked = agency.request(code_challenge=VERIFIER, code_challenge_method=method)
        refused(agency.push(asked), "invalid_request")


@fapi2("ensure-mismatched-dpop-jkt-fails")
def test_ensure_mismatched_dpop_jkt_fails(agency: RelyingParty) -> None:
    stranger = DpopKey(agency.world.clock.seconds)
    answer = agency.push(agency.request(dpop_jkt=stranger.jkt), proof_by=agency.dpop)
    refused(answer, "invalid_request", "invalid_dpop_proof", status=(400,))
