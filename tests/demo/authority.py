"""The local authority's certificate for a phone: one file over plain HTTP, because nothing is trusted yet."""

from __future__ import annotations

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

PATH = "/ca.pem"
MEDIA_TYPE = "application/x-x509-ca-cert"


def fingerprint(certificate: Path) -> str:
    """SHA-256 of the certificate as phones show it: pairs of hex digits. Plain HTTP proves nothing, this can."""
    return x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(SHA256()).hex(":").upper()


class AuthorityDownload:
    """A context manager that serves `certificate`, and nothing else, under PATH on a free port of `bind`."""

    def __init__(self, certificate: Path, *, bind: str) -> None:
        self._server = ThreadingHTTPServer((bind, 0), _handler(certificate.read_bytes()))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, name="authority", daemon=True)
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def _handler(certificate: bytes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version = "tongguan-demo"
        sys_version = ""
        timeout = 10

        def do_GET(self) -> None:
            known = self.path == PATH
            self.send_response(HTTPStatus.OK if known else HTTPStatus.NOT_FOUND)
            body = certificate if known else b""
            self.send_header("content-type", MEDIA_TYPE if known else "text/plain")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
            """The terminal belongs to the addresses and the gate's decisions."""

    return Handler
