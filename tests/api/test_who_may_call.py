"""Who may call what: every address of the application, and everyone else refused.

An address that is not in the table fails the test: whoever adds one says here who it is for.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import Enum
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from broker.oidc.token.issue import client_access_token
from broker.web.fields import to_base64url
from broker.wire import gate_api
from broker.wire.keys import LocalSigner
from broker.wire.registry import KeyUse
from tests.support.agency_world import AgencyWorld
from tests.support.partner_world import BANK, opening
from tests.support.web_world import ISSUER, RETURN, WebWorld

ANYONE, BROWSER, GATE, CLIENT = "anyone", "a browser with a session", "a gate that signs", "a client that proves itself"
STAFF = "a member of staff who is signed in"


class Token(Enum):
    """Access tokens that exist, by what they were issued for."""

    WALLET = "wallet of a person"
    WALLET_BARE = "wallet of a person, without the scope wallet"
    PERSON = "agency, for a person"
    PERSON_BARE = "agency, for a person, without the scope openid"
    AGENCY = "agency, for itself"
    AGENCY_BARE = "agency, for itself, without the scope partner"
    GRANT_QUERY = "agency, for itself, scope grant_management_query"
    GRANT_REVOKE = "agency, for itself, scope grant_management_revoke"


W, P, A = {Token.WALLET}, {Token.PERSON}, {Token.AGENCY}

TABLE: Mapping[tuple[str, str], str | set[Token]] = {
    ("GET", "/"): ANYONE,
    ("GET", "/problems/{slug}"): ANYONE,
    ("GET", "/healthz"): ANYONE,
    ("GET", "/readyz"): ANYONE,
    ("GET", "/developers"): ANYONE,
    ("GET", "/developers/{name}"): ANYONE,
    ("GET", "/precheck"): ANYONE,
    ("POST", "/transfers/precheck"): ANYONE,
    ("GET", "/transfers"): ANYONE,
    ("GET", "/transfers.json"): ANYONE,
    ("GET", "/journal/v1/checkpoint"): ANYONE,
    ("GET", "/journal/v1/proofs/{leaf}"): ANYONE,
    # What people see: a browser without a session is sent to log in, and posts nothing.
    ("GET", "/consent"): BROWSER,
    ("POST", "/consent"): BROWSER,
    ("GET", "/consent/authorize/{handle}"): ANYONE,  # says only that no such request waits
    ("POST", "/consent/authorize/{handle}"): BROWSER,
    ("GET", "/approvals/{request_id}"): ANYONE,  # likewise
    ("GET", "/approvals/{provider}/callback"): BROWSER,
    ("GET", "/login"): ANYONE,
    ("POST", "/login/{provider}"): ANYONE,
    ("GET", "/login/{provider}/callback"): ANYONE,
    ("POST", "/login/{provider}/callback"): ANYONE,
    ("GET", "/oauth/logout"): ANYONE,
    ("POST", "/oauth/logout"): ANYONE,
    ("POST", "/oauth/logout/decision"): ANYONE,
    ("GET", "/identities"): BROWSER,
    ("POST", "/identities/add"): BROWSER,
    ("POST", "/identities/take"): BROWSER,
    ("POST", "/identities/unlink"): BROWSER,
    ("GET", "/rights"): BROWSER,
    ("GET", "/rights/log"): BROWSER,
    ("GET", "/rights/log/{leaf}"): BROWSER,
    ("GET", "/rights/guardians"): BROWSER,
    ("POST", "/rights/guardians/invitations"): BROWSER,
    ("POST", "/rights/guardians/confirmations"): BROWSER,
    ("POST", "/rights/guardians/endings"): BROWSER,
    ("POST", "/rights/guardians/withdrawals"): BROWSER,
    ("GET", "/rights/guardians/{guardianship_id}/consents/{consent_id}"): BROWSER,
    ("POST", "/rights/guardians/{guardianship_id}/consents/{consent_id}"): BROWSER,
    ("GET", "/rights/notices"): BROWSER,
    ("GET", "/rights/requests"): BROWSER,
    ("GET", "/rights/reviews/new"): BROWSER,
    ("POST", "/rights/reviews"): BROWSER,
    ("GET", "/rights/corrections"): BROWSER,
    ("POST", "/rights/corrections"): BROWSER,
    ("GET", "/staff/reviews"): STAFF,
    ("GET", "/staff/reviews/{request_id}"): STAFF,
    ("POST", "/staff/reviews/{request_id}"): STAFF,
    ("GET", "/rights/export"): BROWSER,
    ("POST", "/rights/export"): BROWSER,
    ("GET", "/rights/erasure"): BROWSER,
    ("POST", "/rights/erasure"): BROWSER,
    ("GET", "/rights/certificates/{token}"): ANYONE,  # the link is the secret
    ("POST", "/rights/certificates/{token}"): ANYONE,
    ("GET", "/providers/status"): ANYONE,
    # Providers call back; their connector verifies what they send.
    ("POST", "/providers/{provider}/callback"): ANYONE,
    # The wallet.
    ("GET", "/wallet/v1/me"): W,
    ("GET", "/wallet/v1/purposes"): W,
    ("GET", "/wallet/v1/consents"): W,
    ("POST", "/wallet/v1/consents/{consent_id}/withdraw"): W,
    ("POST", "/wallet/v1/consents/{consent_id}/pause"): W,
    ("POST", "/wallet/v1/consents/{consent_id}/resume"): W,
    ("POST", "/wallet/v1/enrolment"): W,
    ("DELETE", "/wallet/v1/enrolment"): W,
    ("POST", "/wallet/v1/passes"): W,
    ("POST", "/wallet/v1/passes/{pass_id}/revoke"): W,
    ("GET", "/wallet/v1/uses"): W,
    ("GET", "/wallet/v1/identities"): W,
    ("DELETE", "/wallet/v1/identities/{identity}"): W,
    ("DELETE", "/wallet/v1/account"): W,
    # Staff.
    ("GET", "/staff/sign-in"): ANYONE,
    ("GET", "/staff/enter"): ANYONE,  # says only that the link is over
    ("POST", "/staff/enter"): ANYONE,  # likewise
    ("POST", "/staff/v1/challenges"): ANYONE,
    ("POST", "/staff/v1/sign-ins"): CLIENT,
    ("GET", "/staff"): STAFF,
    ("GET", "/staff/assessments"): STAFF,
    ("GET", "/staff/assessments/{assessment_id}"): STAFF,
    ("GET", "/staff/assessments/{assessment_id}/record.json"): STAFF,
    ("GET", "/staff/assessments/{assessment_id}/record.pdf"): STAFF,
    ("GET", "/staff/filings"): STAFF,
    ("GET", "/staff/filings/calendar.ics"): STAFF,
    ("POST", "/staff/sign-out"): STAFF,
    ("GET", "/console"): STAFF,
    ("GET", "/console/flows"): STAFF,
    ("GET", "/console/bands"): STAFF,
    ("GET", "/console/counters"): STAFF,
    ("GET", "/console/changes"): STAFF,
    ("GET", "/console/alarms"): STAFF,
    ("GET", "/console/data/{name}"): STAFF,
    ("GET", "/console/journal"): STAFF,
    ("GET", "/console/journal/checkpoint.txt"): STAFF,
    ("GET", "/console/journal/journal.jsonl"): STAFF,
    ("GET", "/console/journal/journal_verify.py"): STAFF,
    ("GET", "/console/samples"): STAFF,
    ("GET", "/console/samples/{release}"): STAFF,
    ("POST", "/console/samples/next"): STAFF,
    ("POST", "/console/samples/{release}/claim"): STAFF,
    ("POST", "/console/samples/{release}/open"): STAFF,
    ("POST", "/console/samples/{release}/finding"): STAFF,
    ("POST", "/console/samples/{release}/settle"): STAFF,
    ("GET", "/staff/changes"): STAFF,
    ("GET", "/staff/changes/{change_id}"): STAFF,
    ("GET", "/staff/changes/{change_id}/statement"): STAFF,
    ("POST", "/staff/changes/{change_id}/sign"): STAFF,
    # Gates.
    ("POST", "/gates/v1/enrolments"): GATE,
    ("GET", "/gates/v1/trust-list"): ANYONE,
    ("GET", "/gates/v1/status-lists"): ANYONE,
    ("GET", "/gates/v1/status-lists/{number}"): ANYONE,
    ("GET", "/gates/v1/time"): ANYONE,
    ("POST", "/gates/v1/releases"): GATE,
    ("POST", "/gates/v1/epoch-secrets"): GATE,
    ("POST", "/gates/v1/crossings"): GATE,
    # Partner agencies.
    ("GET", "/agencies/v1/openapi.json"): ANYONE,
    ("GET", "/agencies/v1/jwks"): ANYONE,
    ("GET", "/agencies/v1/claims"): P,
    ("POST", "/agencies/v1/predicates"): P,
    ("POST", "/agencies/v1/verifications"): P,
    ("POST", "/agencies/v1/answers"): P,
    ("POST", "/agencies/v1/grants/status"): A,
    ("POST", "/agencies/v1/form-fills"): A,
    ("POST", "/agencies/v1/signatures"): A,
    ("GET", "/agencies/v1/form-fills/{request_id}"): A,
    ("GET", "/agencies/v1/signatures/{request_id}"): A,
    # The authorization server.
    ("GET", "/.well-known/openid-configuration"): ANYONE,
    ("GET", "/.well-known/oauth-authorization-server"): ANYONE,
    ("GET", "/oauth/jwks"): ANYONE,
    ("GET", "/oauth/authorize"): ANYONE,
    ("POST", "/oauth/authorize"): ANYONE,
    ("GET", "/oauth/continue/{handle}"): ANYONE,
    ("POST", "/oauth/par"): CLIENT,
    ("POST", "/oauth/token"): CLIENT,
    ("POST", "/oauth/revoke"): CLIENT,
    ("POST", "/oauth/introspect"): CLIENT,
    ("GET", "/oauth/userinfo"): P,
    ("POST", "/oauth/userinfo"): P,
    ("GET", "/oauth/grants"): {Token.GRANT_QUERY},
    ("GET", "/oauth/grants/{grant_id}"): {Token.GRANT_QUERY},
    ("DELETE", "/oauth/grants/{grant_id}"): {Token.GRANT_REVOKE},
}

_REFUSED = {"/problems/not-authenticated", "/problems/forbidden"}
_FORMS = ("/oauth/", "/login/", "/consent", "/providers/", "/staff/", "/console/", "/rights")


def addresses(app: FastAPI) -> set[tuple[str, str]]:
    found = set()
    for route in iter_route_contexts(app.routes):
        original = getattr(route, "original_route", None) or getattr(route, "starlette_route", None) or route
        if isinstance(original, Mount) or not getattr(route, "methods", None):
            continue
        found |= {(method, str(route.path)) for method in route.methods or () if method != "HEAD"}
    return found


def _filled(path: str) -> str:
    values = {
        "slug": "not-found", "name": "tongguan_agency.py", "leaf": "00" * 32, "handle": "h" * 32, "number": "0",
        "provider": "iamsmart", "pass_id": "0" * 32, "change_id": "0" * 32, "release": "0" * 64, "token": "h" * 43,
    }  # fmt: skip
    for name in ("request_id", "consent_id", "grant_id", "identity", "assessment_id", "guardianship_id"):
        values[name] = str(uuid4())
    return path.format(**values)


def _bodies(agencies: AgencyWorld, *, signed_by: LocalSigner | None) -> dict[tuple[str, str], dict[str, Any]]:
    """What would be answered, if only it came from whom the address is for. `signed_by`: who signs for the gate that is
    enrolled; None: that gate itself.
    """
    world = agencies.web.world
    lane = world.lane()
    lane = lane if signed_by is None else replace(lane, signer=signed_by)
    _, release = lane.request(world.phone.code(world.one_pass(world.ready(uuid4().hex)), world.at), world.at)
    epochs = gate_api.EpochSecretsRequest(
        lane.entropy(16), lane.gate.gate_id, lane.gate.zone, lane.key.public_bytes(), world.at
    )
    client = agencies.clients[BANK]
    token = client_access_token(agencies.web.server, client, frozenset({"partner"}), "k" * 43, world.at)
    said = {"client_id": client.client_id}
    pushed = said | {
        "response_type": "code", "redirect_uri": sorted(client.redirect_uris)[0], "scope": "openid",
        "code_challenge": "c" * 43, "code_challenge_method": "S256",
    }  # fmt: skip
    consent = {"purpose": "face-enrolment", "return_to": RETURN, "traveller": "somebody"}
    signed = {
        "releases": release,
        "epoch-secrets": gate_api.sign_request(epochs, lane.signer),
        "crossings": lane.report(lane.crossed(None, world.at)),
    }
    proof = {"staff_id": "nobody", "challenge": to_base64url(b"c" * 32), "signature": to_base64url(b"s" * 64)}
    key = to_base64url(LocalSigner.generate(KeyUse.GATE).public.to_cose_key())
    return {
        **{
            ("POST", f"/gates/v1/{name}"): {"content": body, "headers": {"content-type": "application/cose"}}
            for name, body in signed.items()
        },
        ("POST", "/gates/v1/enrolments"): {"json": {"code": "AAAA-BBBB-CCCC-DDDD", "public_key": key}},
        ("POST", "/oauth/introspect"): {"data": said | {"token": token}},
        ("POST", "/oauth/revoke"): {"data": said | {"token": token}},
        ("POST", "/oauth/token"): {"data": said | {"grant_type": "client_credentials"}},
        ("POST", "/oauth/par"): {"data": pushed},
        ("POST", "/staff/v1/sign-ins"): {"json": proof},
        ("GET", "/consent"): {"params": consent},
        ("POST", "/consent"): {"data": consent | {"decision": "agree", "agree": "yes", "days": "30", "csrf": "x"}},
    }


def _body(method: str, path: str) -> dict[str, Any]:
    """For addresses that look at who asks before they look at this."""
    if method != "POST":
        return {}
    if path == "/wallet/v1/enrolment":
        return {"content": b"\xff\xd8\xff", "headers": {"content-type": "image/jpeg"}}
    if path.startswith(_FORMS) and not path.startswith("/staff/v1/"):
        return {"data": {"some": "field"}}
    if path.startswith("/staff/v1/"):
        return {"json": {"staff_id": "nobody"}}
    return {"json": {"code": "ABC", "public_key": "AA"}}


def _turned_away(answer: httpx.Response) -> bool:
    """Refused for who asks, and not for what was asked."""
    if answer.status_code not in (401, 403):
        return False
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        return answer.json()["type"] in _REFUSED
    return "error" in answer.json()


def _kept_out(answer: httpx.Response, whose: str) -> bool:
    """Whether somebody without session, signature or proof was refused for that, or sent to log in."""
    if whose == BROWSER and answer.status_code == 303:
        return answer.headers["location"].startswith(f"{ISSUER}/login")
    return answer.status_code in (401, 403)


def test_every_address_is_in_the_table(web: WebWorld) -> None:
    with web.client() as http:
        assert isinstance(http.app, FastAPI)
        mounted = addresses(http.app)
    assert mounted - TABLE.keys() == set(), "say in the table who may call these"
    assert TABLE.keys() - mounted == set(), "these are gone"


def test_everyone_else_is_refused(web: WebWorld) -> None:
    agencies = AgencyWorld(web)
    person = agencies.person()
    bodies = _bodies(agencies, signed_by=LocalSigner.generate(KeyUse.GATE))
    failures = []
    with web.client() as http:
        tokens = {token.value: call for token, call in _callers(agencies, http, person).items()}
        callers = {"nobody": _sent(http), "a made-up token": _sent(http, authorization="Bearer x")} | tokens
        for (method, path), whose in sorted(TABLE.items(), key=lambda entry: entry[0]):
            body = bodies.get((method, path)) or _body(method, path)
            if whose == ANYONE:
                nobody = callers["nobody"](method, _filled(path), body)
                # 503: no trust list was published in this world.
                if nobody.status_code >= 500 and nobody.status_code != 503:
                    failures.append(f"{method} {path} fails with {nobody.status_code}")
                if _turned_away(nobody) and "/login" not in path:
                    failures.append(f"{method} {path} is for anyone, and refuses")
                continue
            meant = set() if isinstance(whose, str) else {token.value for token in whose}
            for who, call in callers.items():
                answer = call(method, _filled(path), body)
                refused = _kept_out(answer, whose) if isinstance(whose, str) else _turned_away(answer)
                if refused is (who in meant):
                    failures.append(f"{method} {path} answers {answer.status_code} to: {who}")
    assert not failures, "\n".join(failures)


def test_what_strangers_were_refused_with_is_good_from_the_gate(web: WebWorld) -> None:
    """So that the refusals above are for the signature alone."""
    bodies = _bodies(AgencyWorld(web), signed_by=None)
    with web.client() as http:
        for name in ("releases", "epoch-secrets", "crossings"):
            answer = _sent(http)("POST", f"/gates/v1/{name}", bodies["POST", f"/gates/v1/{name}"])
            assert answer.status_code == 200, (name, answer.text)


Call = Callable[[str, str, dict[str, Any]], httpx.Response]


def _sent(http: httpx.Client, **headers: str) -> Call:
    def call(method: str, path: str, body: dict[str, Any]) -> httpx.Response:
        return http.request(method, path, **{**body, "headers": {**body.get("headers", {}), **headers}})

    return call


def _callers(agencies: AgencyWorld, http: Any, person: Any) -> dict[Token, Call]:
    """One function a kind of token. Each call gets a fresh token: one of them ends the account it is for."""
    release = opening("over_18")

    def wallet(scopes: frozenset[str]) -> Any:
        return lambda: agencies.web.wallet(http, agencies.person(), scopes=scopes)

    # Somebody else: the wallet's person ends their account on the way.
    agreed = agencies.person("somebody-else")
    _, grant = agencies.consented(http, agreed, release)

    def for_person(scopes: frozenset[str]) -> Any:
        return lambda: agencies.for_person(http, agreed, [release], scopes=scopes, consents=grant.consents)[0]

    def agency(scopes: str) -> Any:
        return lambda: agencies.agency(http, scopes=scopes)

    made = {
        Token.WALLET: wallet(frozenset({"openid", "wallet"})),
        Token.WALLET_BARE: wallet(frozenset({"openid"})),
        Token.PERSON: for_person(frozenset({"openid"})),
        Token.PERSON_BARE: for_person(frozenset({"profile"})),
        Token.AGENCY: agency("partner"),
        Token.AGENCY_BARE: agency("openid"),
        Token.GRANT_QUERY: agency("grant_management_query"),
        Token.GRANT_REVOKE: agency("grant_management_revoke"),
    }

    def caller(make: Any) -> Call:
        def call(method: str, path: str, body: dict[str, Any]) -> httpx.Response:
            answer: httpx.Response = make().call(method, path, **body)
            return answer

        return call

    return {token: caller(make) for token, make in made.items()}
