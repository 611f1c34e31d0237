"""The kiosk's HTTP server: loopback, standard library, five fixed files, one event stream."""

import hmac
import json
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from threading import Event, Thread
from urllib.parse import parse_qs, urlsplit

from gate_client.kiosk.board import Board

HEARTBEAT_SECONDS = 10.0

_FILES = {
    "/": ("traveller.html", "text/html; charset=utf-8"),
    "/kiosk.css": ("kiosk.css", "text/css; charset=utf-8"),
    "/traveller.js": ("traveller.js", "text/javascript; charset=utf-8"),
    "/officer.js": ("officer.js", "text/javascript; charset=utf-8"),
    "/messages.json": ("messages.json", "application/json"),
}
_HEADERS = {
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class Kiosk:
    """Serves a board on 127.0.0.1. `officer_key` guards the officer's pages; `officer_done` is their button."""

    def __init__(self, board: Board, *, port: int, officer_key: str, officer_done: Callable[[], None]) -> None:
        self.closing = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self, board, officer_key, officer_done))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, name="kiosk", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@cache
def _file(name: str) -> bytes:
    return resources.files("gate_client.kiosk").joinpath(name).read_bytes()


def _handler(
    kiosk: Kiosk, board: Board, officer_key: str, officer_done: Callable[[], None]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "tongguan-kiosk"
        sys_version = ""
        timeout = 30

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if not self._loopback():
                self._answer(HTTPStatus.MISDIRECTED_REQUEST, b"")
            elif url.path in _FILES:
                name, kind = _FILES[url.path]
                self._answer(HTTPStatus.OK, _file(name), kind)
            elif url.path == "/events":
                self._events()
            elif url.path == "/officer" and self._is_officer(parse_qs(url.query).get("key", [""])[0]):
                self._answer(HTTPStatus.OK, _file("officer.html"), "text/html; charset=utf-8")
            elif url.path == "/decisions" and self._is_officer(self.headers.get("x-officer-key", "")):
                self._answer(HTTPStatus.OK, json.dumps(board.decisions()).encode(), "application/json")
            else:
                self._answer(HTTPStatus.NOT_FOUND, b"")

        def do_POST(self) -> None:
            # A custom header cannot be sent across origins without asking, so no other page can press the button.
            if not self._loopback():
                self._answer(HTTPStatus.MISDIRECTED_REQUEST, b"")
            elif self.path == "/officer/done" and self._is_officer(self.headers.get("x-officer-key", "")):
                officer_done()
                self._answer(HTTPStatus.NO_CONTENT, b"")
            else:
                self._answer(HTTPStatus.NOT_FOUND, b"")

        def _loopback(self) -> bool:
            """A page elsewhere that points its name at this address is not answered."""
            return self.headers.get("host", "") in {f"127.0.0.1:{kiosk.port}", f"localhost:{kiosk.port}"}

        def _is_officer(self, key: str) -> bool:
            return hmac.compare_digest(key.encode(), officer_key.encode())

        def _answer(self, status: HTTPStatus, body: bytes, kind: str = "text/plain") -> None:
            self.send_response(status)
            for name, value in _HEADERS.items():
                self.send_header(name, value)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            if self.command == "POST":
                self.send_header("connection", "close")  # its body, if any, was not read
            self.end_headers()
            self.wfile.write(body)

        def _events(self) -> None:
            screen = board.follow()
            if screen is None:
                self._answer(HTTPStatus.SERVICE_UNAVAILABLE, b"")
                return
            try:
                self.send_response(HTTPStatus.OK)
                for name, value in _HEADERS.items():
                    self.send_header(name, value)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                while not kiosk.closing.is_set():
                    update = screen.next(HEARTBEAT_SECONDS)
                    # A comment keeps the line alive and finds out whether anybody still listens.
                    text = f"data: {json.dumps(update)}\n\n" if update is not None else ": here\n\n"
                    self.wfile.write(text.encode())
                    self.wfile.flush()
            except OSError:
                self.close_connection = True
            finally:
                board.leave(screen)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
            """Requests are not logged: the officer's key is in one of them."""

    return Handler
