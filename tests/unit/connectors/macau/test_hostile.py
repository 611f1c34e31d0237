"""Any answer at all, at any endpoint, is a grant or a ConnectorError."""

import json

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.wire.identity_connector import ConnectorError
from tests.support.macau_world import CALLBACK, MacauWorld

ENDPOINTS = ["/.well-known/openid-configuration", "/par", "/token", "/jwks", "/packet", "/bureau/jwks"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from(
    ["issuer", "keys", "request_uri", "access_token", "id_token", "token_type", "recipients", "kid"]
)


@pytest.mark.parametrize("path", ENDPOINTS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    status=st.sampled_from([200, 201, 301, 400, 403, 500]),
    body=st.binary(max_size=200) | (JSON | st.dictionaries(WORDS, JSON)).map(lambda value: json.dumps(value).encode()),
)
def test_any_answer_at_all(macau: MacauWorld, path: str, status: int, body: bytes) -> None:
    macau.spoiler.answers[path] = lambda _: httpx.Response(status, content=body)
    for guarded in (macau.connector.flow.fetch,):
        object.__setattr__(guarded, "guard", type(guarded.guard)())  # a failing provider is left alone after a while
    try:
        begun = macau.connector.begin(macau.start())
        macau.connector.finish(
            {"code": "x", "iss": "http://macau.test"}, memory=begun.memory, redirect_uri=CALLBACK, at=macau.clock.at
        )
    except ConnectorError:
        return
    raise AssertionError("nobody logged in, and yet there is a grant")


@given(
    answer=st.dictionaries(
        st.sampled_from(["code", "state", "iss", "error", "error_description"]), st.text(max_size=40), max_size=5
    )
)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_callback_at_all(macau: MacauWorld, answer: dict[str, str]) -> None:
    begun = macau.connector.begin(macau.start())
    assert macau.connector.state_of(answer) == answer.get("state")
    with pytest.raises(ConnectorError):
        macau.connector.finish(answer, memory=begun.memory, redirect_uri=CALLBACK, at=macau.clock.at)


def test_redirects_are_not_followed(macau: MacauWorld) -> None:
    answer = macau.answer()
    macau.spoiler.answers["/packet"] = lambda _: httpx.Response(302, headers={"Location": "http://evil.test/"})
    with pytest.raises(ConnectorError):
        macau.finish(answer)
    assert {request.url.host for request in macau.spoiler.asked} == {"macau.test"}
