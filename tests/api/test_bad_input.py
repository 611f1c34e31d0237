"""Bad input over HTTP: a clear problem each, nothing half-written, and never a 500."""

import asyncio
import json
from collections.abc import Iterator
from html import unescape
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from broker.core.denial import Denied, Refusal
from broker.web import gates, wallet
from broker.web.bodies import DEFAULT_RULE, MIB, Bodies, BodyRule
from broker.web.problems import REGISTER, Problem, of_denial
from broker.wire.reasons import Reason
from tests.support.web_world import WALLET, WebWorld, problem

ENROL = "/gates/v1/enrolments"


def test_an_unknown_address_is_a_problem(bare: TestClient) -> None:
    answer = bare.get("/nothing/here")
    assert problem(answer)["type"] == "/problems/not-found"
    assert answer.status_code == 404
    assert answer.headers["x-request-id"] in answer.json()["instance"]


def test_a_wrong_method_is_a_problem_that_names_the_right_one(bare: TestClient) -> None:
    answer = bare.put(ENROL)
    assert problem(answer)["type"] == "/problems/method-not-allowed"
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize(
    "body", [b"{", b'{"code": "ABCD",}', b"\xff\xfe", b"[" * 30_000, b'{"a":' * 5_000, b"nul", b'"\\ud800'[:3]]
)
def test_broken_json_is_400(bare: TestClient, body: bytes) -> None:
    answer = bare.post(ENROL, content=body[:4000], headers={"content-type": "application/json"})
    assert problem(answer)["type"] == "/problems/malformed-request"


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "text",
        None,
        {"code": "ABCD"},
        {"code": "ABCD", "public_key": "AAAA", "admin": True},
        {"code": 7, "public_key": "AAAA"},
        {"code": "A\x00B", "public_key": "AAAA"},
        {"code": "\ud800", "public_key": "AAAA"},
        {"code": "ABCD", "public_key": "AA=="},
        {"code": "ABCD", "public_key": "A"},
        {"code": "ABCD", "public_key": "AAAA"},
    ],
)
def test_json_without_meaning_is_422_and_never_echoed(bare: TestClient, body: Any) -> None:
    answer = bare.post(ENROL, content=json.dumps(body), headers={"content-type": "application/json"})
    document = problem(answer)
    assert document["type"] == "/problems/invalid-request"
    assert "ABCD" not in answer.text


@pytest.mark.parametrize("given", ["text/plain", "multipart/form-data; boundary=x", "", "application/cose", "a" * 500])
def test_a_wrong_content_type_is_415_and_names_the_right_one(bare: TestClient, given: str) -> None:
    answer = bare.post(ENROL, content=b"{}", headers={"content-type": given})
    assert problem(answer)["accepted"] == ["application/json"]
    assert answer.status_code == 415


def test_an_oversized_body_is_refused_by_its_announcement(bare: TestClient) -> None:
    answer = bare.post(ENROL, content=b"x" * 5000, headers={"content-type": "application/json"})
    assert problem(answer)["limit"] == 4096
    assert answer.status_code == 413


def test_an_oversized_body_without_announcement_is_refused_while_it_arrives(bare: TestClient) -> None:
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1024
            yield b" " * 1024

    answer = bare.post(ENROL, content=chunks(), headers={"content-type": "application/json"})
    assert problem(answer)["type"] == "/problems/content-too-large"


def test_reading_stops_at_the_limit() -> None:
    """The middleware itself: not one chunk more is taken than is needed to know."""
    taken = 0

    async def receive() -> Message:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b"x" * 100, "more_body": True}

    status, reached = _run_bodies(receive, limit=250)
    assert (status, taken, reached) == (413, 3, False)


def test_a_body_that_never_ends_is_408() -> None:
    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    assert _run_bodies(receive, limit=250, seconds=0.02)[0] == 408


def test_bodies_together_have_a_budget_that_is_given_back() -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"x" * 100, "more_body": False}

    async def scenario() -> list[int]:
        release = asyncio.Event()
        entered = asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            entered.set()
            await release.wait()
            await _done(scope, receive, send)

        bodies = Bodies(slow, rules=_rules(250, together=150))
        first = asyncio.create_task(_status(bodies, receive))
        await entered.wait()
        second = await _status(bodies, receive)
        release.set()
        return [await first, second, await _status(bodies, receive)]

    assert asyncio.run(scenario()) == [200, 503, 200]


def test_one_address_full_of_slow_senders_leaves_the_others_alone() -> None:
    """Whoever stalls uploads to one address must not cut gates, nor delay releases by stalling reports."""
    paths = sorted({"/somewhere/else"} | {path for _, path in {**wallet.RULES, **gates.RULES}})

    async def stalled() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def small() -> Message:
        return {"type": "http.request", "body": b"x", "more_body": False}

    async def scenario(full: str) -> dict[str, int]:
        bodies = Bodies(_done, rules={**wallet.RULES, **gates.RULES})
        rule = bodies.rules.get(("POST", full), DEFAULT_RULE)
        senders = []
        for _ in range(rule.together // rule.limit):
            messages = iter([{"type": "http.request", "body": bytes(rule.limit), "more_body": True}])

            async def receive(messages: Iterator[Message] = messages) -> Message:
                first = next(messages, None)
                return await stalled() if first is None else first

            senders.append(asyncio.create_task(_status(bodies, receive, full)))
        await asyncio.sleep(0)
        found = {path: await _status(bodies, small, path) for path in paths}
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
        return found

    for full in paths:
        expected = dict.fromkeys(paths, 200) | {full: 503}
        assert asyncio.run(scenario(full)) == expected, full


@pytest.mark.parametrize("given", [[], [b"Bearer x"], [b"DPoP"], [b"DPoP "], [b""], [b"DPoP x", b"DPoP y"]])
def test_a_photograph_from_nobody_is_not_read(given: list[bytes]) -> None:
    async def receive() -> Message:
        raise AssertionError("the body was asked for")

    bodies = Bodies(_done, rules=wallet.RULES)
    headers = [(b"authorization", value) for value in given]
    assert asyncio.run(_status(bodies, receive, "/wallet/v1/enrolment", headers)) == 401


def test_a_photograph_from_nobody_is_answered_as_elsewhere(bare: TestClient) -> None:
    answer = bare.post("/wallet/v1/enrolment", content=b"\xff\xd8\xff", headers={"content-type": "image/jpeg"})
    assert problem(answer)["type"] == "/problems/not-authenticated"
    assert answer.headers["www-authenticate"].startswith("DPoP ")
    assert answer.headers["connection"] == "close"


def _rules(limit: int, together: int = MIB) -> dict[tuple[str, str], BodyRule]:
    return {("POST", "/x"): BodyRule(frozenset({"text/plain"}), limit, together=together)}


async def _done(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def _status(
    bodies: Bodies, receive: Receive, path: str = "/x", headers: list[tuple[bytes, bytes]] | None = None
) -> int:
    seen: list[int] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            seen.append(message["status"])

    kind = min(bodies.rules.get(("POST", path), DEFAULT_RULE).media_types).encode()
    authorized = [(b"authorization", b"DPoP x")] if headers is None else headers
    scope = {"type": "http", "method": "POST", "path": path, "headers": [(b"content-type", kind), *authorized]}
    await bodies(scope, receive, send)
    return seen[0]


def _run_bodies(receive: Receive, *, limit: int, seconds: float = 5) -> tuple[int, bool]:
    reached = False

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal reached
        reached = True
        await _done(scope, receive, send)

    status = asyncio.run(_status(Bodies(app, rules=_rules(limit), seconds=seconds), receive))
    return status, reached


@pytest.mark.parametrize("path", ["releases", "epoch-secrets", "crossings"])
@pytest.mark.parametrize("body", [b"", b"\x00", b"\xd2\x84", b"\xff" * 200, bytes(range(256)) * 60])
def test_bytes_that_no_gate_signed_are_401_or_less(http: TestClient, path: str, body: bytes) -> None:
    answer = http.post(f"/gates/v1/{path}", content=body, headers={"content-type": "application/cose"})
    document = problem(answer)
    assert answer.status_code == 401
    assert Reason(document["reason"])


@pytest.mark.parametrize("number", ["-1", "x", "4096", "9" * 400, "%00"])
def test_a_status_list_number_that_is_none(http: TestClient, number: str) -> None:
    assert problem(http.get(f"/gates/v1/status-lists/{number}"))["status"] in (404, 422)


def test_every_denial_has_its_problem() -> None:
    for reason in [*Refusal, *Reason]:
        assert of_denial(Denied(reason)).slug in REGISTER


def test_the_page_behind_each_problem_type(bare: TestClient) -> None:
    for slug, kind in REGISTER.items():
        page = bare.get(Problem(slug).document()["type"])
        assert page.status_code == 200
        assert kind.title in unescape(page.text)
    assert bare.get("/problems/none").status_code == 404


def test_a_person_reads_a_page_and_a_program_a_document(bare: TestClient) -> None:
    page = bare.get("/nowhere", headers={"accept": "text/html,application/xhtml+xml;q=0.9", "accept-language": "pt-PT"})
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert '<html lang="pt">' in page.text
    api = bare.get("/wallet/v1/me", headers={"accept": "text/html"})
    assert problem(api)["type"] == "/problems/not-authenticated"


def test_only_the_wallet_may_read_across_origins(bare: TestClient) -> None:
    asked = {"origin": WALLET, "access-control-request-method": "POST", "access-control-request-headers": "dpop"}
    allowed = bare.options("/wallet/v1/passes", headers=asked)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == WALLET
    refused = bare.options("/wallet/v1/passes", headers={**asked, "origin": "https://evil.example"})
    assert "access-control-allow-origin" not in refused.headers
    # A problem is readable too, with what a wallet needs of it; cookies never take part.
    me = bare.get("/wallet/v1/me", headers={"origin": WALLET})
    assert me.headers["access-control-allow-origin"] == WALLET
    assert "dpop-nonce" in me.headers["access-control-expose-headers"].lower()
    assert "access-control-allow-credentials" not in me.headers
    assert "access-control-allow-origin" not in bare.get("/", headers={"origin": WALLET}).headers


def test_every_answer_carries_the_protective_headers(bare: TestClient) -> None:
    for path in ("/", "/healthz", "/nothing", "/wallet/v1/me", "/login"):
        headers = bare.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


def _passes(zone: Any = "HK-SZB", mode: Any = "online", keys: Any = ("AAAA",)) -> dict[str, Any]:
    return {"zone": zone, "mode": mode, "device_keys": keys}


@pytest.mark.parametrize(
    "order",
    [
        _passes(keys=[]),
        _passes(keys=["AAAA"]),
        _passes(keys=["A" * 44] * 21),
        _passes(keys="AAAA"),
        _passes(keys=[None]),
        _passes(keys=["Av" + "_" * 41 + "8"]),
        _passes(mode="both"),
        _passes(mode=0),
        _passes(zone="hk"),
        _passes(zone="'; --"),
        {**_passes(), "traveller": "somebody-else"},
    ],
)
def test_orders_of_passes_that_mean_nothing(web: WebWorld, http: TestClient, order: dict[str, Any]) -> None:
    wallet = web.wallet(http, web.world.ready())
    assert problem(wallet.post("/passes", json=order))["type"] == "/problems/invalid-request"


@pytest.mark.parametrize("bad", ["x", "0" * 31, "0" * 33, "G" * 32])
def test_pass_ids_that_are_none(web: WebWorld, http: TestClient, bad: str) -> None:
    wallet = web.wallet(http, web.world.link().traveller)
    answer = wallet.call("POST", f"/wallet/v1/passes/{bad}/revoke")
    assert problem(answer)["status"] in (404, 422)


@pytest.mark.parametrize("given", ["image/gif", "image/svg+xml", "application/json", "multipart/form-data"])
def test_a_photograph_of_another_type_is_415(web: WebWorld, http: TestClient, given: str) -> None:
    wallet = web.wallet(http, web.world.link().traveller)
    answer = wallet.post("/enrolment", content=b"GIF89a", headers={"content-type": given})
    assert problem(answer)["accepted"] == ["image/jpeg", "image/png"]


def test_a_photograph_too_large_is_413(web: WebWorld, http: TestClient) -> None:
    wallet = web.wallet(http, web.world.link().traveller)
    answer = wallet.post("/enrolment", content=b"\xff" * (8 * 1024 * 1024 + 1), headers={"content-type": "image/jpeg"})
    assert problem(answer)["type"] == "/problems/content-too-large"


def test_the_client_sees_its_own_fault_and_not_ours(http: TestClient) -> None:
    with pytest.raises(KeyError):
        Problem("no-such-slug").status  # noqa: B018  a slug outside the register is a defect
    answer: httpx.Response = http.get("/readyz")
    assert answer.json() == {"status": "ready"}


def test_one_address_begins_so_many_logins_a_minute_and_no_more(web: WebWorld) -> None:
    web.settings = web.settings.model_copy(update={"logins_per_minute": 2})
    with web.client() as http:
        answers = [http.get("/oauth/authorize", params={"client_id": "x"}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [400, 400, 429]
        assert problem(answers[2])["type"] == "/problems/too-many-requests"
        assert answers[2].headers["retry-after"] == "30"
        assert http.get("/healthz").status_code == 200
