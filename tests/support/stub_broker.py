"""The gate side of a broker over real HTTP, without a database: for gate journeys, faults and benchmarks."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

from broker.wire import hpke
from broker.wire.fields import EPOCH
from broker.wire.gate_api import (
    CrossingEvent,
    CrossingReport,
    EpochSecret,
    EpochSecretsRequest,
    ReleaseRequest,
    encode_epoch_secrets,
    verify_request,
)
from broker.wire.keys import PublicKey
from broker.wire.qr_payload import parse_qr
from broker.wire.reasons import Reason
from broker.wire.registry import KeyUse
from broker.wire.sealed_template import TemplatePayload
from gate_client.home import from_base64url, to_base64url
from tests.support.gate_world import ZONE, Authority

DAY = timedelta(days=1)
SECRET = bytes(range(32))


@dataclass
class StubBroker:
    """Serves on an ephemeral loopback port while the context is open. Every code enrols."""

    authority: Authority = field(default_factory=Authority)
    templates: dict[bytes, TemplatePayload] = field(default_factory=dict)
    crossings: dict[bytes, CrossingEvent] = field(default_factory=dict)
    refuses: Reason | None = None
    revoked: tuple[int, ...] = ()
    version: int = 1

    def __post_init__(self) -> None:
        self.lock = Lock()
        self.gates: dict[bytes, PublicKey] = {}
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                self._answer(*stub.get(self.path))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self._answer(*stub.post(self.path, body))

            def _answer(self, status: int, body: bytes) -> None:
                head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n\r\n".encode()
                self.wfile.write(head + body)

            def log_message(self, *args: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> StubBroker:
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def get(self, path: str) -> tuple[int, bytes]:
        now = datetime.now(UTC)
        match path:
            case "/gates/v1/time":
                return 200, json.dumps({"now": now.isoformat()}).encode()
            case "/gates/v1/trust-list":
                return 200, self.authority.trust_list(now)
            case "/gates/v1/status-lists":
                return 200, b'{"lists": [0]}'
            case "/gates/v1/status-lists/0":
                return 200, self.authority.status_list(*self.revoked, at=now, version=self.version)
        return 404, b"{}"

    def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        now = datetime.now(UTC)
        if path == "/gates/v1/enrolments":
            return 201, self._enrol(body, now)
        with self.lock:
            message = verify_request(body, self.gates.__getitem__, at=now)
            if isinstance(message, CrossingReport):
                self.crossings |= {event.event_id: event for event in message.events}
                accepted = [event.event_id.hex() for event in message.events]
                return 200, json.dumps({"accepted": accepted}).encode()
        if isinstance(message, EpochSecretsRequest):
            today = (now - EPOCH) // DAY
            secrets = [EpochSecret(today + n, SECRET, EPOCH + (today + n + 1) * DAY + DAY / 24) for n in (0, 1)]
            return 200, hpke.seal(encode_epoch_secrets(tuple(secrets)), message.hpke_public, message.info(body))
        assert isinstance(message, ReleaseRequest)
        if self.refuses is not None:
            return 403, json.dumps({"reason": self.refuses, "title": "Refused"}).encode()
        raw = parse_qr(message.qr).pass_bytes
        payload = next(payload for pass_id, payload in self.templates.items() if pass_id in raw)
        return 200, hpke.seal(payload.encode(), message.hpke_public, message.info(body))

    def _enrol(self, body: bytes, now: datetime) -> bytes:
        key = PublicKey.from_cose_key(from_base64url(json.loads(body)["public_key"]), KeyUse.GATE)
        self.gates[key.kid] = key
        answer = {
            "gate_id": "gate-1",
            "zone": ZONE,
            "root_key": to_base64url(self.authority.root.public.to_cose_key()),
            "trust_list": to_base64url(self.authority.trust_list(now)),
        }
        return json.dumps(answer).encode()
