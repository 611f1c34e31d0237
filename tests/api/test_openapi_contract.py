"""schemathesis over the partner API's OpenAPI document: whatever is sent, no failure of ours and no status that the
document does not name, in the very shape it names.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from broker.core.identity_release import Frequency
from tests.support.agency_world import AgencyClient, AgencyWorld
from tests.support.partner_world import opening
from tests.support.web_world import WebWorld

EXAMPLES = 40
REFUSALS = 3
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
HEADERS = {"dpop-nonce", "location", "retry-after", "www-authenticate"}
"""What a program acts on: where an answer has one, the document says so."""
OFTEN = Frequency(100, timedelta(hours=1))
CLAIMS = ("family_name", "birthdate", "over_18", "resident_of")

# What a partner's program sends when all is well: each operation has to be met beyond its refusals.
GOOD: dict[str, tuple[str, str, dict[str, Any]]] = {
    "keys": ("GET", "/jwks", {}),
    "claims": ("GET", "/claims", {}),
    "predicates": ("POST", "/predicates", {"json": {"predicates": ["over_18", "resident_of:HK"]}}),
    "verifications": ("POST", "/verifications", {"json": {"claims": {"family_name": "CHAN"}}}),
    "answers": ("POST", "/answers", {"json": {"document": {"number": "7"}, "claims": ["over_18"]}}),
    "grantStatus": ("POST", "/grants/status", {"json": {"grants": [str(uuid4())]}}),
    "askFormFill": ("POST", "/form-fills", {"json": {"fields": ["name"], "form": {"name": "F", "number": "1"}}}),
    "askSignature": ("POST", "/signatures", {"json": {"document": {"sha256": "ab" * 32, "name": "D"}}}),
    "formFill": ("GET", "/form-fills/{askFormFill}", {}),
    "signature": ("GET", "/signatures/{askSignature}", {}),
}


@pytest.fixture
def agencies(web: WebWorld) -> AgencyWorld:
    return AgencyWorld(web)


def _senders(agencies: AgencyWorld, http: Any) -> dict[str, Callable[[], AgencyClient]]:
    """By security scheme: a client whose token is fresh, for tokens outlive no long run."""
    traveller = agencies.person()
    release = opening(*CLAIMS, purpose="sign-in", frequency=OFTEN)
    _, grant = agencies.consented(http, traveller, release)
    return {
        "personToken": lambda: agencies.for_person(http, traveller, [release], consents=grant.consents)[0],
        "clientToken": lambda: agencies.agency(http),
    }


def test_whatever_is_sent_the_document_foretells_the_answer(agencies: AgencyWorld) -> None:
    seen: dict[str, set[int]] = defaultdict(set)
    with agencies.web.client() as http:
        senders = _senders(agencies, http)
        asked = _asked(agencies.agency(http))
        schema = schemathesis.openapi.from_dict(http.get("/agencies/v1/openapi.json").json())
        for found in schema.get_all_operations():
            operation = found.ok()
            raw = operation.definition.raw
            scheme = next(iter(raw.get("security", [{}])[0]), None)
            client = senders[scheme]() if scheme else agencies._client(http)
            name = str(raw["operationId"])
            if name in GOOD:
                method, path, arguments = GOOD[name]
                answer = client.call(method, f"/agencies/v1{path}".format(**asked), **arguments)
                seen[name].add(answer.status_code)
                assert answer.is_success, (name, answer.text)
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                _explore(operation, mode, client, seen[name], with_token=scheme is not None)
    assert seen.keys() == GOOD.keys()
    for name, statuses in seen.items():
        assert any(status < 300 for status in statuses), (name, statuses)
    posts = {name for name, (method, _, _) in GOOD.items() if method == "POST"}
    assert all(seen[name] & {400, 415, 422} for name in posts), dict(seen)


def test_without_a_token_that_is_good_for_it_nothing_is_answered_and_the_document_says_how(
    agencies: AgencyWorld,
) -> None:
    with agencies.web.client() as http:
        senders = _senders(agencies, http)
        schema = schemathesis.openapi.from_dict(http.get("/agencies/v1/openapi.json").json())
        met = set()
        for found in schema.get_all_operations():
            operation = found.ok()
            raw = operation.definition.raw
            scheme = next(iter(raw.get("security", [{}])[0]), None)
            proofs = [one for one in raw.get("parameters", []) if (one["name"], one["in"]) == ("DPoP", "header")]
            assert [one["required"] for one in proofs] == ([True] if scheme else [])
            if scheme is None:
                continue
            assert raw["responses"]["401"]["headers"]["WWW-Authenticate"]["required"]
            assert "Retry-After" in raw["responses"]["503"]["headers"]
            met.add(scheme)
            other = senders[{"personToken": "clientToken", "clientToken": "personToken"}[scheme]]()
            forged = replace(senders[scheme](), token="a.b.c")
            narrow = _narrow(agencies, http, scheme)
            for client, with_token, statuses in (
                (forged, False, {401}), (forged, True, {401}), (other, True, {401, 403}), (narrow, True, {403})
            ):  # fmt: skip
                seen: set[int] = set()
                _explore(operation, GenerationMode.POSITIVE, client, seen, with_token=with_token, examples=REFUSALS)
                assert seen, operation.label
                assert seen <= statuses, (operation.label, seen)
        assert met == set(senders)


def _narrow(agencies: AgencyWorld, http: Any, scheme: str) -> AgencyClient:
    """With a token that lacks the scope."""
    if scheme == "clientToken":
        return agencies.agency(http, scopes="openid")
    return agencies.for_person(http, agencies.person(), [], scopes=frozenset({"offline_access"}))[0]


def _asked(client: AgencyClient) -> dict[str, str]:
    """The ids of one request of each kind."""
    ids = {}
    for name in ("askFormFill", "askSignature"):
        _, path, arguments = GOOD[name]
        ids[name] = str(client.post(path, **arguments).json()["id"])
    return ids


def _explore(
    operation: Any,
    mode: GenerationMode,
    client: AgencyClient,
    seen: set[int],
    *,
    with_token: bool,
    examples: int = EXAMPLES,
) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def explore(case: Any) -> None:
        answer = _sent(case, client, with_token=with_token)
        seen.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)
        told = operation.definition.raw["responses"][str(answer.status_code)].get("headers", {})
        assert HEADERS & set(answer.headers) <= {name.lower() for name in told}, (operation.label, answer.status_code)

    try:
        explore()
    except Exception as error:
        if type(error).__name__ != "Unsatisfiable":  # an operation without parameters has no wrong requests
            raise


def _sent(case: Any, client: AgencyClient, *, with_token: bool) -> httpx.Response:
    arguments = case.as_transport_kwargs()
    path, method = str(case.formatted_path), str(arguments["method"])
    headers = {
        name: value
        for name, value in (arguments.get("headers") or {}).items()
        if name.lower() not in ("authorization", "dpop", "host")
    }
    sent: dict[str, Any] = {"headers": headers}
    for theirs, ours in (("params", "params"), ("json", "json"), ("data", "content")):
        if arguments.get(theirs) is not None:
            sent[ours] = arguments[theirs]
    if not with_token:
        return client.http.request(method, path, **sent)
    return client.call(method, path, **sent)
