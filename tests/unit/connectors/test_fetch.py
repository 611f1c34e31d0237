"""One client for every traveller's login: it keeps nothing of one for another, and nobody holds it up by dripping."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import pytest

from broker.wire.identity_connector import ConnectorError, ProviderFault
from connectors.fetch import Fetcher, Timeouts
from connectors.transport import provider_client

DEADLINE = 0.6
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
Serve = Callable[[socket.socket, threading.Event], None]


@contextmanager
def server(serve: Serve) -> Iterator[str]:
    """A loopback server that treats each connection as told; its `threading.Event` says that the test is over."""
    over = threading.Event()

    def accept(listener: socket.socket) -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    serve(connection, over)
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, args=(listener,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def dripping(before: bytes, drop: bytes) -> Serve:
    def serve(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(before)
        while not over.wait(0.05):
            connection.sendall(drop)

    return serve


@pytest.mark.parametrize(
    ("before", "drop"),
    [(b"", b"H"), (HEAD + b"X-Long: ", b"y"), (HEAD + b"Content-Length: 100000\r\n\r\n", b" "), (HEAD, b"")],
    ids=["status line", "headers", "body", "silence"],
)
def test_an_exchange_ends_at_its_deadline_whatever_drips(before: bytes, drop: bytes) -> None:
    with server(dripping(before, drop)) as url, provider_client(ssl.create_default_context()) as http:
        begun = monotonic()
        with pytest.raises(ConnectorError) as given_up:
            Fetcher("iamsmart", http, Timeouts(exchange=DEADLINE)).send("GET", url)
        assert given_up.value.fault is ProviderFault.UNREACHABLE
        assert monotonic() - begun < DEADLINE + 0.5


def test_a_handshake_that_drips_ends_at_the_deadline_too() -> None:
    hello = b"\x16\x03\x03\x3f\xff\x02"  # a TLS record of 16 KiB, announced
    with server(dripping(hello, b"\0")) as url, provider_client(ssl.create_default_context()) as http:
        begun = monotonic()
        with pytest.raises(ConnectorError):
            Fetcher("iamsmart", http, Timeouts(exchange=DEADLINE)).send("GET", url.replace("http:", "https:"))
        assert monotonic() - begun < DEADLINE + 0.5


def test_nothing_a_provider_sets_for_one_traveller_is_sent_for_the_next() -> None:
    asked: list[bytes] = []

    def serve(connection: socket.socket, over: threading.Event) -> None:
        while request := connection.recv(65536):
            asked.append(request)
            cookies = b"Set-Cookie: session=one; Path=/\r\nSet-Cookie: b=2; Domain=127.0.0.1; Max-Age=900\r\n"
            connection.sendall(HEAD + cookies + b"Content-Length: 2\r\n\r\n{}")

    with server(serve) as url, provider_client(ssl.create_default_context()) as http:
        fetcher = Fetcher("iamsmart", http)
        assert fetcher.json(url) == {}
        assert fetcher.json(url) == {}
        assert not list(http.cookies.jar)
    assert len(asked) == 2
    assert not any(b"cookie" in request.lower() for request in asked)
