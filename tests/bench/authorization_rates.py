"""How fast the authorization server answers agencies: durable (fsync on), one worker process, over HTTP.

`python -m tests.bench.authorization_rates [--seconds 5] [--threads 8]`. Every request is signed beforehand, so that the
client costs next to nothing: client_credentials carries a client assertion and a DPoP proof, introspection an
assertion, userinfo a proof over a token. CPU is that of the worker process alone, and of PostgreSQL beside it.
"""

import argparse
import itertools
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey

from broker.core.authorization import Grant
from broker.core.client import Authentication, Client, Profile
from broker.oidc.client_auth.assertion import ASSERTION_TYPE
from broker.oidc.jws import b64url
from broker.oidc.token.issue import issue_tokens
from broker.stores.migrate import migrate
from broker.stores.postgres import EmbeddedPostgres
from broker.stores.work import Works
from tests.bench.figures import Figures
from tests.support.running_broker import RunningBroker, running_broker

CLIENT_ID = "bench-agency"
# What npm oidc-provider 9.13.3 does on one core of a like machine, in memory; the test compares in one run.
PEER = 1400
_FASTEST = 3000  # requests a second nobody reaches here; as many are signed beforehand
_TICKS = os.sysconf("SC_CLK_TCK")


class Agency:
    """One client with its two keys, and the requests it signs."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.signing, self.proving = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        self.jkt = ECKey.import_key(self.proving.public_key()).thumbprint()
        self.jwk = ECKey.import_key(self.proving.public_key()).as_dict(private=False)
        self.nonce: str | None = None
        self._numbers = itertools.count()

    def client(self) -> Client:
        public = ECKey.import_key(self.signing.public_key()).as_dict(private=False)
        return Client(
            client_id=CLIENT_ID,
            profile=Profile.FAPI2,
            redirect_uris=frozenset({"https://agency.example/callback"}),
            scopes=frozenset({"openid", "partner"}),
            sector="agency.example",
            partner_id="agency",
            auth=Authentication.PRIVATE_KEY_JWT,
            jwks={"keys": [{**public, "kid": "1", "use": "sig", "alg": "ES256"}]},
        )

    def assertion(self) -> dict[str, str]:
        now = int(time.time())
        claims = {"iss": CLIENT_ID, "sub": CLIENT_ID, "aud": self.issuer, "iat": now, "exp": now + 300}
        token = jwt.encode(claims | {"jti": self._jti()}, self.signing, algorithm="ES256", headers={"kid": "1"})
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token}

    def proof(self, method: str, path: str, *, token: str | None = None) -> str:
        claims = {"jti": self._jti(), "htm": method, "htu": self.issuer + path, "iat": int(time.time())}
        if self.nonce is not None:
            claims["nonce"] = self.nonce
        if token is not None:
            claims["ath"] = b64url(sha256(token.encode()).digest())
        return jwt.encode(claims, self.proving, algorithm="ES256", headers={"typ": "dpop+jwt", "jwk": self.jwk})

    def _jti(self) -> str:
        return f"{next(self._numbers)}-{os.getpid()}"


def message(method: str, path: str, headers: dict[str, str], form: dict[str, str] | None = None) -> bytes:
    """One HTTP/1.1 request."""
    body = urlencode(form).encode() if form is not None else b""
    lines = {"Host": "127.0.0.1", **headers}
    if form is not None:
        lines |= {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def exchange(connection: socket.socket, request: bytes) -> bytes:
    """Send; the whole response. Raises AssertionError unless it is a 200."""
    connection.sendall(request)
    got = bytearray()
    while (end := got.find(b"\r\n\r\n")) < 0:
        got += connection.recv(65536)
    head = bytes(got[:end]).lower()
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(got) < end + 4 + length:
        got += connection.recv(65536)
    assert got.startswith(b"HTTP/1.1 200"), bytes(got[:600])
    return bytes(got)


def drive(
    address: tuple[str, int], requests: list[bytes], *, seconds: float, threads: int
) -> tuple[float, list[float]]:
    """Requests a second over `threads` kept connections, and milliseconds each."""
    supply, lock, latencies = iter(requests), threading.Lock(), list[float]()
    begun = time.perf_counter()

    def loop() -> None:
        own = []
        with socket.create_connection(address) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while (start := time.perf_counter()) < begun + seconds:
                with lock:
                    request = next(supply, None)
                if request is None:
                    break
                exchange(connection, request)
                own.append((time.perf_counter() - start) * 1000)
        with lock:
            latencies.extend(own)

    workers = [threading.Thread(target=loop) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return len(latencies) / (time.perf_counter() - begun), latencies


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def person_token(broker: RunningBroker, agency: Agency, client: Client) -> str:
    """An access token of a grant without releases: userinfo answers `sub`."""
    scopes, at = frozenset({"openid"}), datetime.now(UTC)
    server = broker.ports.authorization
    with server.open_unit() as unit:
        grant = Grant(
            uuid4(), CLIENT_ID, uuid4(), uuid4().hex, "iamsmart", "urn:tongguan:acr:high", at, scopes,
            agency.jkt, at, at + timedelta(days=1),
        )  # fmt: skip
        unit.add_grant(grant)
        token: str = issue_tokens(server, unit, grant, scopes, at, nonce=None, client=client)["access_token"]
    return token


def kinds(agency: Agency, token: str) -> Iterator[tuple[str, Callable[[], bytes]]]:
    def credentials() -> bytes:
        form = {"grant_type": "client_credentials", "scope": "partner", **agency.assertion()}
        return message("POST", "/oauth/token", {"DPoP": agency.proof("POST", "/oauth/token")}, form)

    def introspection() -> bytes:
        return message("POST", "/oauth/introspect", {}, {"token": token, **agency.assertion()})

    def userinfo() -> bytes:
        proof = agency.proof("GET", "/oauth/userinfo", token=token)
        return message("GET", "/oauth/userinfo", {"Authorization": f"DPoP {token}", "DPoP": proof})

    yield "client_credentials", credentials
    yield "introspection", introspection
    yield "userinfo", userinfo


def bench(figures: Figures, broker: RunningBroker, seconds: float, threads: int) -> None:
    agency = Agency(broker.settings.issuer)
    client = agency.client()
    with Works(broker.database).begin() as work:
        work.clients.add(client)
    token = person_token(broker, agency, client)
    parts = urlsplit(broker.url)
    address = (parts.hostname or "", parts.port or 80)
    for what, sign in kinds(agency, token):
        with httpx.Client() as http:
            form = {"grant_type": "client_credentials", **agency.assertion()}
            asked = http.post(
                f"{broker.url}/oauth/token", data=form, headers={"DPoP": agency.proof("POST", "/oauth/token")}
            )
            agency.nonce = asked.headers["dpop-nonce"]
        drive(address, [sign() for _ in range(200)], seconds=10, threads=threads)  # connections, prepared statements
        requests = [sign() for _ in range(int(seconds * _FASTEST))]
        before = cpu_seconds(broker.process.pid)
        rate, latencies = drive(address, requests, seconds=seconds, threads=threads)
        spent = (cpu_seconds(broker.process.pid) - before) / len(latencies) * 1000
        figures.add(f"{what}, {threads} at once", rate, "/s")
        figures.add_latencies(what, latencies)
        figures.add(f"{what}: CPU of the worker", spent, "ms a request")
        figures.add(f"{what}: per core of the worker", 1000 / spent, "/s", target=(">=", PEER / 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--threads", type=int, default=8)
    options = parser.parse_args()
    figures = Figures("authorization_rates")
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "pg") as server:
        migrate(server.url)
        home = Path(folder) / "home"
        home.mkdir()
        with running_broker(home, server.url) as broker:
            bench(figures, broker, options.seconds, options.threads)
    figures.write()


if __name__ == "__main__":
    main()
