"""A refusal is a decision, a silence is none, and no answer is taken on trust."""

from collections.abc import Callable
from threading import Event

import httpx
import pytest

from broker.wire.reasons import Reason
from gate_client.broker_client import MAX_ANSWER, BrokerClient, BrokerRefused, BrokerUnreachable

Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer, network: Event | None = None) -> BrokerClient:
    return BrokerClient("http://broker.test", transport=httpx.MockTransport(answer), network=network)


def always(response: httpx.Response) -> Answer:
    return lambda request: response


def problem(reason: object, status: int = 403) -> httpx.Response:
    return httpx.Response(status, json={"title": "No", "reason": reason})


def test_a_release_is_sent_as_cose_and_comes_back_as_bytes() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=b"sealed")

    assert client(answer).release(b"signed") == b"sealed"
    assert (seen[0].url.path, seen[0].content) == ("/gates/v1/releases", b"signed")
    assert seen[0].headers["content-type"] == "application/cose"


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (problem("consent_withdrawn"), Reason.CONSENT_WITHDRAWN),
        (problem("already_released", 409), Reason.ALREADY_RELEASED),
        (problem("a reason of tomorrow"), Reason.RELEASE_REFUSED),
        (problem(["revoked"]), Reason.RELEASE_REFUSED),
        (httpx.Response(404, text="<html>"), Reason.RELEASE_REFUSED),
        (httpx.Response(413, json=[]), Reason.RELEASE_REFUSED),
    ],
)
def test_a_refusal_keeps_its_reason(response: httpx.Response, reason: Reason) -> None:
    with pytest.raises(BrokerRefused) as refused:
        client(always(response)).release(b"")
    assert refused.value.reason is reason


@pytest.mark.parametrize("status", [301, 408, 429, 500, 502, 503])
def test_a_broker_in_trouble_has_decided_nothing(status: int) -> None:
    with pytest.raises(BrokerUnreachable):
        client(always(httpx.Response(status, json={"reason": "revoked"}))).release(b"")


def test_a_broken_connection_is_a_silence() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(BrokerUnreachable):
        client(refuse).release(b"")


def test_an_answer_is_read_no_further_than_its_bound() -> None:
    with pytest.raises(BrokerUnreachable, match="bound"):
        client(always(httpx.Response(200, content=bytes(MAX_ANSWER + 1)))).trust_list()


def test_a_cut_line_sends_nothing() -> None:
    network = Event()
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, content=b"list")

    cut = client(answer, network)
    with pytest.raises(BrokerUnreachable):
        cut.trust_list()
    assert not sent
    network.set()
    assert cut.trust_list() == b"list"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"lists": [-1]}', b'{"lists": [true]}', b'{"lists": "0"}', b"[" * 99999]
)
def test_status_list_numbers_are_numbers(body: bytes) -> None:
    with pytest.raises(BrokerUnreachable):
        client(always(httpx.Response(200, content=body))).status_list_numbers()


@pytest.mark.parametrize("now", ["", "noon", "2026-11-21T12:00:00", None, 5])
def test_a_time_is_a_time_with_a_zone(now: object) -> None:
    with pytest.raises(BrokerUnreachable):
        client(always(httpx.Response(200, json={"now": now}))).time()


@pytest.mark.parametrize("accepted", [["zz"], [5], "ab c", 7])
def test_accepted_events_are_ids(accepted: object) -> None:
    with pytest.raises(BrokerUnreachable):
        client(always(httpx.Response(200, json={"accepted": accepted}))).crossings(b"")


def test_only_web_addresses_are_taken() -> None:
    with pytest.raises(ValueError, match="http"):
        BrokerClient("file:///etc")
