"""Request objects (RFC 9101): only pushed, only signed by the client, and then nothing beside them counts."""

from typing import Any

import jwt
import pytest
from joserfc.jwk import ECKey

from tests.support.oidc_agency import CALLBACK, Agency
from tests.support.oidc_world import OidcWorld
from tests.support.relying_party import ASSERTION_TYPE


@pytest.fixture
def agency(world: OidcWorld) -> Agency:
    return Agency(world, require_signed_request=True)


def test_a_signed_request_is_the_whole_request(agency: Agency) -> None:
    agency.log_in()
    pushed = agency.push_object(state="inner", outside={"state": "outer", "prompt": "none", "scope": "nonsense"})
    assert pushed.status_code == 201, pushed.text
    answer = agency.visit(pushed.json()["request_uri"])
    assert answer["state"] == "inner"
    assert agency.redeem(answer["code"])["scope"] == "openid"


def test_numbers_and_objects_keep_their_meaning(agency: Agency) -> None:
    agency.log_in(ago=60)
    pushed = agency.push_object(max_age=30, claims={"id_token": {"acr": {"essential": True, "value": "x"}}})
    assert agency.visit(pushed.json()["request_uri"]) == {"page": "/login"}


def test_null_is_as_if_absent(agency: Agency) -> None:
    agency.log_in()
    pushed = agency.api.post(
        "http://broker.test/oauth/par",
        data={"request": agency.sign(_claims(agency, nonce=None)), **agency.credentials()},
    )
    assert pushed.status_code == 201, pushed.text
    token = agency.redeem(agency.visit(pushed.json()["request_uri"])["code"])["id_token"]
    assert "nonce" not in jwt.decode(token, options={"verify_signature": False})


def test_neither_stands_in_for_the_other(agency: Agency) -> None:
    """A request object is no client assertion, nor the other way round, though one key signs both."""
    for typ in ("oauth-authz-req+jwt", "dpop+jwt", "at+jwt"):
        value = agency.sign(_claims(agency, sub="agency-web", jti=typ), typ=typ)
        form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": value, "token": "t"}
        assert agency.api.post("http://broker.test/oauth/introspect", data=form).json()["error"] == "invalid_client"
    for typ in ("JWT", "jwt", "client-authentication+jwt"):
        value = agency.sign(_claims(agency, sub="agency-web", jti=typ), typ=typ)
        form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": value, "token": "t"}
        assert agency.api.post("http://broker.test/oauth/introspect", data=form).json() == {"active": False}
    asked = {**agency.request(), "sub": "agency-web"}
    answer = agency.push_object(**asked)
    assert answer.json()["error"] == "invalid_request_object"


def _claims(agency: Agency, **change: Any) -> dict[str, Any]:
    now = int(agency.world.clock.seconds())
    claims = {"iss": "agency-web", "aud": "http://broker.test", "iat": now, "exp": now + 60}
    return {**claims, **agency.request(), **change}


def test_an_unsigned_request_is_refused_where_signed_ones_are_required(agency: Agency) -> None:
    assert agency.push().json()["error"] == "invalid_request"


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "somebody"},
        {"iss": None},
        {"client_id": "somebody"},
        {"aud": "https://elsewhere.example"},
        {"aud": None},
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"nbf": 2**34},
        {"nbf": 1},
        {"request_uri": "urn:ietf:params:oauth:request_uri:x"},
        {"request": "e30.e30.AAAA"},
        {"state": "line\nbreak"},
        {"sub": "agency-web", "jti": "x"},  # it could pass for a client assertion (RFC 9101 10.8)
        {"nbf": None, "exp": 2**32},
        {"nbf": None, "iat": 1},
    ],
)
def test_what_a_request_object_may_not_be(agency: Agency, change: dict[str, Any]) -> None:
    answer = agency.push_object(**change)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request_object")


@pytest.mark.parametrize("header", [{"typ": "dpop+jwt"}, {"crit": ["x"], "x": 1}])
def test_another_kind_of_token_is_no_request_object(agency: Agency, header: dict[str, Any]) -> None:
    now = int(agency.world.clock.seconds())
    claims = {"iss": "agency-web", "aud": "http://broker.test", "nbf": now, "exp": now + 60, **agency.request()}
    sign = agency.sign
    if "crit" in header:
        token = sign(claims).split(".")
        token[0] = "eyJhbGciOiJFUzI1NiIsImNyaXQiOlsieCJdLCJ4IjoxfQ"
        value = ".".join(token)
    else:
        value = sign(claims, **header)
    answer = agency.api.post("http://broker.test/oauth/par", data={"request": value, **agency.credentials()})
    assert answer.json()["error"] == "invalid_request_object"


def test_a_strangers_signature(agency: Agency) -> None:
    own, agency.key = agency.key, ECKey.generate_key("P-256", {"kid": "1"}, private=True)
    now = int(agency.world.clock.seconds())
    value = agency.sign({"iss": "agency-web", "aud": "http://broker.test", "exp": now + 60, **agency.request()})
    agency.key = own
    answer = agency.api.post("http://broker.test/oauth/par", data={"request": value, **agency.credentials()})
    assert answer.json()["error"] == "invalid_request_object"


def test_a_request_object_does_not_come_by_the_browser(agency: Agency) -> None:
    agency.log_in()
    query = {"client_id": "agency-web", "redirect_uri": CALLBACK, "request": agency.sign(agency.request())}
    answer = agency.follow(agency.browser.get("http://broker.test/oauth/authorize", params=query))
    assert answer["error"] == "invalid_request"
