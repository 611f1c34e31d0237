"""Input that means harm, at every endpoint of the authorization server: an answer of the endpoint's own shape, never a
failure.
"""

import json
from base64 import b64encode
from collections.abc import Iterator
from itertools import product
from typing import Any, Final

import httpx
import pytest

from broker.flows.unavailable import DatabaseUnavailable
from tests.support.relying_party import ASSERTION_TYPE, RelyingParty, without_none
from tests.support.sandbox_world import AGENCY, BASIC, ISSUER, RSA_AGENCY, SandboxWorld
from tests.support.wallet_client import b64url

NUL, LONE = "a\x00b", "\ud800"
HOSTILE_JSON: Final = (
    '{"id_token":{"sub":{"value":["x"]}}}',
    '{"id_token":{"sub":{"value":{"a":1}}}}',
    '{"id_token":{"sub":{"value":7}}}',
    '{"id_token":{"sub":{"values":[["x"]]}}}',
    '{"id_token":{"sub":{"value":"a\\u0000b"}}}',
    '{"userinfo":{"sub":{"value":"\\ud800"}}}',
    '{"userinfo":{"a\\u0000":null}}',
    '{"userinfo":{"\\udfff":null}}',
    '{"userinfo":{"name":{"value":NaN}}}',
    '{"userinfo":{"name":{"value":1e999}}}',
    '{"id_token":{"acr":{"value":"\\u0000"}}}',
    '{"id_token":{"acr":{"values":["\\ud800"]}}}',
    '{"id_token":{"acr":{"values":[{"a":1}],"essential":true}}}',
    '{"userinfo":{"verified_claims":{"verification":{"trust_framework":{"values":5}},"claims":{"name":null}}}}',
    '{"userinfo":{"verified_claims":{"verification":{"trust_framework":{"values":"abc"}},"claims":{"name":null}}}}',
    '{"userinfo":{"verified_claims":{"verification":{"time":{"max_age":"1"}},"claims":{"name":null}}}}',
    '{"userinfo":{"verified_claims":{"verification":{"time":{"essential":1}},"claims":{"name":null}}}}',
    '{"userinfo":{"verified_claims":{"verification":{"trust_framework":null},"claims":{"name":7}}}}',
    '{"userinfo":' * 400 + "{}" + "}" * 400,
    "[" * 4000,
    "9" * 5000,
)
HOSTILE_TEXT: Final = (NUL, "é" * 300, "\u202e", "x" * 9000, "%00", "a.b.c", "..", "{}", "[]", "null", "-1", "9" * 30)


@pytest.fixture
def basic(sandbox: SandboxWorld) -> RelyingParty:
    return RelyingParty(sandbox, BASIC)


def told(answer: httpx.Response) -> str:
    """The error of RFC 6749 5.2. An answer of another shape is a failure."""
    assert answer.status_code in (400, 401, 413), (answer.status_code, answer.text)
    assert answer.headers["content-type"].startswith("application/json")
    return str(answer.json()["error"])


def forged(claims: dict[str, Any], **header: Any) -> str:
    """A JWT whose signature is nothing."""
    parts = ({"alg": "ES256", "typ": "JWT", **header}, claims)
    return ".".join([*(b64url(json.dumps(part).encode()) for part in parts), b64url(bytes(64))])


def strangers() -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Ways to say that one is a client of a name no database can hold: form and headers."""
    for name in (NUL, LONE, "\x00", "é", "x" * 300, "\u202e"):
        yield {"client_assertion_type": ASSERTION_TYPE, "client_assertion": forged({"iss": name, "sub": name})}, {}
        if name.isprintable():
            yield {"client_id": name}, {}
        raw = name.encode(errors="surrogatepass")
        yield {}, {"Authorization": f"Basic {b64encode(raw + b':secret').decode()}"}
    yield {}, {"Authorization": f"Basic {b64encode(b'%00%ff:%00').decode()}"}


@pytest.mark.parametrize("path", ["token", "par", "introspect", "revoke"])
def test_a_name_that_no_client_can_have(sandbox: SandboxWorld, path: str) -> None:
    api = sandbox.http()
    for form, headers in strangers():
        asked = {"grant_type": "client_credentials", "token": "t", **form}
        answer = api.post(f"{ISSUER}/oauth/{path}", data=asked, headers=headers)
        assert told(answer) == "invalid_client", (form, headers)


def test_whether_a_client_exists_is_told_to_nobody_who_is_not_it(sandbox: SandboxWorld) -> None:
    api, said = sandbox.http(), set()
    for name in (AGENCY, RSA_AGENCY, BASIC, "nobody"):
        for claims in ({"iss": name, "sub": name}, {"sub": name}, {"iss": name, "sub": name, "aud": ISSUER, "exp": 1}):
            form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": forged(claims), "token": "t"}
            said.add(api.post("/oauth/introspect", data=form).text)
    assert len(said) == 1


@pytest.mark.parametrize(("unknown", "error"), [(False, "temporarily_unavailable"), (True, "server_error")])
def test_a_database_that_is_gone(
    sandbox: SandboxWorld, monkeypatch: pytest.MonkeyPatch, unknown: bool, error: str
) -> None:
    def gone(_: str) -> None:
        raise DatabaseUnavailable("the wire was cut", outcome_unknown=unknown)

    monkeypatch.setattr(sandbox.server.clients, "_find_stored", gone)
    form = {"grant_type": "client_credentials", "token": "t", "client_id": "somebody", "client_secret": "s"}
    for path in ("token", "par", "introspect", "revoke"):
        answer = sandbox.http().post(f"/oauth/{path}", data=form)
        assert (answer.status_code, answer.json()["error"]) == (503, error)
        assert answer.headers["retry-after"]
        assert "wire" not in answer.text
    assert sandbox.http().get("/oauth/authorize?client_id=x").json()["type"].startswith("/problems/")


def test_json_of_a_request(agency: RelyingParty, basic: RelyingParty) -> None:
    for name, error in (("claims", "invalid_request"), ("authorization_details", "invalid_authorization_details")):
        for hostile in HOSTILE_JSON:
            assert told(agency.push(agency.request(**{name: hostile}))) == error, hostile
            answer = basic.authorize(basic.request(**{name: hostile}))
            assert isinstance(answer, dict), hostile
            assert answer["error"] == error, hostile


def test_every_parameter_of_a_request(agency: RelyingParty, basic: RelyingParty) -> None:
    names = {*agency.request(), "prompt", "max_age", "acr_values", "id_token_hint", "dpop_jkt", "grant_id"}
    names |= {"grant_management_action", "ui_locales", "display", "request", "request_uri", "response_mode", "claims"}
    for name in sorted(names):
        for text in HOSTILE_TEXT:
            answer = agency.push(agency.request(**{name: text}))
            assert answer.status_code == 201 or told(answer), (name, text)
            page = basic.browser.http.get(basic.url(basic.request(**{name: text})))
            assert page.status_code in (200, 303, 400, 414), (name, text, page.text)


def test_a_proof(agency: RelyingParty) -> None:
    assert agency.token(grant_type="client_credentials").status_code == 400  # the nonce is known now
    values = (LONE, NUL, 7, None, [], {}, 1e308, -1, "é" * 40, 2**70, True)
    for claim, value in product(("jti", "nonce", "htu", "htm", "iat", "ath"), values):
        proof = agency.dpop.proof("POST", f"{ISSUER}/oauth/token", **{"nonce": agency.nonce, claim: value})
        fields, _ = agency.authentication()
        form = {"grant_type": "authorization_code", "code": "x", **fields}
        assert told(agency.api.post("/oauth/token", data=form, headers={"DPoP": proof})) in (
            "invalid_dpop_proof", "use_dpop_nonce", "invalid_grant",
        ), (claim, value)  # fmt: skip


def test_tokens_that_are_none(agency: RelyingParty) -> None:
    tokens = (forged({"sub": LONE}), forged({"exp": 2**70}, kid=LONE), forged({}, kid=[1]), "x" * 5000, NUL, "é")
    for token in tokens:
        fields, _ = agency.authentication()
        introspected = agency.api.post("/oauth/introspect", data={"token": token, **fields})
        assert introspected.status_code == 400 or introspected.json() == {"active": False}
        fields, _ = agency.authentication()
        assert agency.api.post("/oauth/revoke", data={"token": token, **fields}).status_code in (200, 400)
        if token.isascii() and token.isprintable():
            answer = agency.userinfo(token, proof=[])
            assert answer.status_code == 401
            assert answer.headers["content-type"] == "application/problem+json"
        for method in ("GET", "POST"):
            sent = {"params" if method == "GET" else "data": {"id_token_hint": token, "client_id": AGENCY}}
            page = agency.api.request(method, "/oauth/logout", **sent)  # type: ignore[arg-type]  httpx's own union
            assert page.status_code == 400
            assert page.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("path", ["token", "par", "introspect", "revoke", "authorize", "logout", "userinfo"])
def test_bodies_that_are_no_forms(sandbox: SandboxWorld, path: str) -> None:
    api = sandbox.http()
    kinds = ("application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x", "")
    for kind in kinds:
        for body in (b"", b"\xff\xfe", b"a=%ff", b"a=%00", b"&" * 100, b"a=1&a=2", b"a=" + b"x" * 20_000):
            answer = api.post(f"/oauth/{path}", content=body, headers=without_none({"content-type": kind or None}))
            assert answer.status_code in (200, 400, 401, 413, 414, 415), (kind, body[:20], answer.text)
