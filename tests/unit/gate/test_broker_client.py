"""A refusal is a decision, a silence is none, and no answer is taken on trust."""

import contextlib
import socket
import ssl
from collections.abc import Callable
from threading import Event, Thread
from time import monotonic
from typing import Any

import httpcore
import httpx
import pytest

from broker.wire.reasons import Reason
from gate_client.broker_client import MAX_ANSWER, BrokerClient, BrokerRefused, BrokerUnreachable
from gate_client.deadline import Deadline
from tests.support.stub_broker import StubBroker

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


@pytest.mark.parametrize("scheme", ["https", "HTTPS", "Https", "http"])
def test_certificates_are_verified_however_the_scheme_is_written(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    contexts: list[ssl.SSLContext] = []
    pool = httpcore.ConnectionPool

    def watched(**keywords: Any) -> httpcore.ConnectionPool:
        contexts.append(keywords["ssl_context"])
        return pool(**keywords)

    monkeypatch.setattr(httpcore, "ConnectionPool", watched)
    BrokerClient(f"{scheme}://broker.test").close()
    assert contexts
    assert all(context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname for context in contexts)


class DrippingServer:
    """Answers one connection: `head` at once, then `drip` every 20 ms until told to stop."""

    def __init__(self, head: bytes, drip: bytes) -> None:
        self._parts = head, drip
        self._stop = Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "DrippingServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._socket.close()
        self._thread.join(5)

    def _serve(self) -> None:
        head, drip = self._parts
        connection, _ = self._socket.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(head)
            for _ in range(200):  # four seconds at most
                if self._stop.wait(0.02):
                    return
                connection.sendall(drip)


@pytest.mark.parametrize(
    ("head", "drip"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nx-slow: ", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b""),
    ],
    ids=["body", "chunks", "headers", "interim answers", "silence"],
)
def test_an_answer_that_drips_is_given_up_at_the_deadline(head: bytes, drip: bytes) -> None:
    with DrippingServer(head, drip) as server:
        slow = BrokerClient(server.url, deadline_seconds=0.4)
        began = monotonic()
        with pytest.raises(BrokerUnreachable):
            slow.release(b"signed")
        assert monotonic() - began < 2.0, "a byte now and then does not hold the lane"
        slow.close()


def test_every_exchange_has_a_deadline_of_its_own() -> None:
    now = [0.0]
    deadline = Deadline(3.0, lambda: now[0])
    deadline.begin()
    now[0] = 2.0
    assert (deadline.cap(5.0), deadline.cap(0.5), deadline.cap(None)) == (1.0, 0.5, 1.0)
    now[0] = 3.0
    with pytest.raises(httpcore.ReadTimeout):
        deadline.cap(5.0)
    deadline.begin()
    assert deadline.cap(5.0) == 3.0


def test_a_client_that_was_idle_has_its_whole_time_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("gate_client.broker_client.monotonic", lambda: now[0])
    with StubBroker() as broker:
        patient = BrokerClient(broker.url)
        patient.time()
        now[0] = 60.0
        patient.time()
        patient.close()
