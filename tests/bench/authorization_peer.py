"""The authorization server beside npm `oidc-provider` on the same machine, in the same run, under the same load.

`python -m tests.bench.authorization_peer [--requests 1500] [--connections 16]`. Ours is `tongguan broker run` with one
worker, durable in PostgreSQL (fsync on); theirs is one Node process with its storage in memory. Both get the same kind
of client (private_key_jwt, ES256) and DPoP proofs, prepared beforehand and sent by a third process. The rate per core
divides requests by the processor time of the server's own process; ours is also given with PostgreSQL's time added.
"""

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from joserfc.jwk import ECKey

from broker.core.authorization import Grant
from broker.core.client import Client
from broker.core.identity_release import Frequency, IdentityRelease
from broker.oidc.token.issue import issue_tokens
from broker.stores.driver import run
from broker.stores.migrate import migrate
from broker.stores.postgres import EmbeddedPostgres
from broker.wire.registry import KeyUse
from tests.bench.figures import SKIPPED, Figures, percentile
from tests.support.broker_world import World
from tests.support.node import NODE_HOME, node
from tests.support.partner_world import BANK, PartnerWorld, client_of
from tests.support.running_broker import RunningBroker, running_broker

RATIO = 0.5
PEOPLE = 80
ROUNDS = 4
"""Each server in turn, so that a machine that slows down for some seconds slows down both."""
_TICK = os.sysconf("SC_CLK_TCK")


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Caller:
    """A client with its keys: what it signs."""

    client_id: str
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", parameters={"kid": "c1", "alg": "ES256"}))

    def __post_init__(self) -> None:
        self.private = self.key.private_key
        public = self.key.as_dict(private=False)
        self.jwk = {name: public[name] for name in ("kty", "crv", "x", "y")}
        self.jkt = self.key.thumbprint()

    @property
    def key_set(self) -> dict[str, Any]:
        return {"keys": [{**self.key.as_dict(private=False), "use": "sig"}]}

    def assertion(self, issuer: str) -> str:
        at = int(now().timestamp())
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": issuer, "jti": uuid4().hex}
        return jwt.encode({**claims, "iat": at, "exp": at + 300}, self.private, "ES256", headers={"kid": "c1"})

    def proof(self, method: str, url: str, *, nonce: str | None, token: str | None = None) -> str:
        claims: dict[str, Any] = {"jti": uuid4().hex, "htm": method, "htu": url, "iat": int(now().timestamp())}
        if nonce is not None:
            claims["nonce"] = nonce
        if token is not None:
            claims["ath"] = urlsafe_b64encode(sha256(token.encode()).digest()).rstrip(b"=").decode()
        return jwt.encode(claims, self.private, "ES256", headers={"typ": "dpop+jwt", "jwk": self.jwk})


@dataclass
class Server:
    """One of the two under load, with its caller. `issuer` is its name, `address` where it listens; `postmaster` is its
    PostgreSQL's, where it has one.
    """

    name: str
    issuer: str
    address: str
    endpoints: dict[str, str]
    pid: int
    postmaster: int | None
    caller: Caller
    tokens: list[str]
    nonce: str | None = None

    def requests(self, what: str, number: int) -> list[bytes]:
        make = {"token": self._token, "introspection": self._introspection, "userinfo": self._userinfo}[what]
        return [make(turn) for turn in range(number)]

    def authenticated(self) -> dict[str, str]:
        return {
            "client_id": self.caller.client_id,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.caller.assertion(self.issuer),
        }

    def processor_seconds(self) -> tuple[float, float]:
        """Of the server itself, and of its database."""
        database = 0.0 if self.postmaster is None else sum(_spent(pid) for pid in _family(self.postmaster))
        return sum(_spent(pid) for pid in _family(self.pid)), database

    def _token(self, turn: int) -> bytes:
        url = self.endpoints["token_endpoint"]
        form = {"grant_type": "client_credentials", "scope": "partner", **self.authenticated()}
        return _http("POST", url, form, {"DPoP": self.caller.proof("POST", url, nonce=self.nonce)})

    def _introspection(self, turn: int) -> bytes:
        form = {"token": self.tokens[turn % len(self.tokens)], **self.authenticated()}
        return _http("POST", self.endpoints["introspection_endpoint"], form, {})

    def _userinfo(self, turn: int) -> bytes:
        url, token = self.endpoints["userinfo_endpoint"], self.tokens[turn % len(self.tokens)]
        proof = self.caller.proof("GET", url, nonce=self.nonce, token=token)
        return _http("GET", url, None, {"Authorization": f"DPoP {token}", "DPoP": proof})


def _http(method: str, url: str, form: dict[str, str] | None, headers: dict[str, str]) -> bytes:
    parts, body = urlsplit(url), urlencode(form or {}).encode()
    lines = [f"{method} {parts.path} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if form is not None:
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(grandchild for child in children for grandchild in _family(int(child)))]


def _spent(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


@dataclass(frozen=True)
class Rate:
    """Requests a second: by the clock, by the server's processor time, and by that with its database's."""

    clock: float
    core: float
    core_with_database: float
    latencies: Sequence[float]


def load(server: Server, what: str, number: int, connections: int) -> Rate:
    """Raises RuntimeError when anything but 200 comes back."""
    parts = urlsplit(server.address)
    with tempfile.NamedTemporaryFile() as prepared:
        prepared.write(pickle.dumps(server.requests(what, number)))
        prepared.flush()
        before = server.processor_seconds()
        target = [str(parts.hostname), str(parts.port), str(connections), prepared.name]
        command = [sys.executable, "-m", "tests.bench.http_load", *target]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
        after = server.processor_seconds()
    result = json.loads(done.stdout)
    if result["statuses"] != {"200": number}:
        raise RuntimeError(f"{server.name} {what}: {result['statuses']}")
    own, database = after[0] - before[0], after[1] - before[1]
    return Rate(number / result["seconds"], number / own, number / (own + database), result["latencies"])


def together(rates: Sequence[Rate]) -> Rate:
    """Of rounds with as many requests each: requests and processor time of all of them."""
    clock, core, with_database = (
        len(rates) / sum(1 / rate for rate in kind)
        for kind in zip(*((one.clock, one.core, one.core_with_database) for one in rates), strict=True)
    )
    return Rate(clock, core, with_database, [latency for one in rates for latency in one.latencies])


def compare(
    figures: Figures, title: str, ours: Server, theirs: Server, what: str, *, number: int, connections: int
) -> None:
    """A warm-up on both, then both in turn, several times."""
    for server in (ours, theirs):
        load(server, what, number // 5, connections)
    rounds = [[load(server, what, number, connections) for server in (ours, theirs)] for _ in range(ROUNDS)]
    mine, measure = (together(rates) for rates in zip(*rounds, strict=True))
    singly = sorted(one.core / other.core for one, other in rounds)
    for name, rate in (("ours", mine), ("oidc-provider", measure)):
        figures.add(f"{title}, {name}: by the clock", rate.clock, "/s")
        figures.add(f"{title}, {name}: per core", rate.core, "/s")
        figures.add(f"{title}, {name} p99", percentile(rate.latencies, 99), "ms", note=f"n={len(rate.latencies)}")
    figures.add(f"{title}, ours: per core, with PostgreSQL's time", mine.core_with_database, "/s")
    ratio, note = mine.core / measure.core, f"rounds {singly[0]:.2f} to {singly[-1]:.2f}"
    figures.add(f"{title}: ours / oidc-provider, per core", ratio, "", target=(">=", RATIO), note=note)
    figures.add(f"{title}: the same, with PostgreSQL's time", mine.core_with_database / measure.core, "")
    figures.add(f"{title}: ours / oidc-provider, by the clock", mine.clock / measure.clock, "")


class _Begin:
    def __init__(self, begin: object) -> None:
        self.begin = begin


def our_servers(broker: RunningBroker, postmaster: int) -> tuple[Server, Server]:
    """An agency whose tokens only name a person, and one whose every answer is a consented, counted, journalled
    release; each with PEOPLE behind its tokens.
    """
    services = broker.ports.services
    world = World(_Begin(services.begin), services.keys, at=now())  # type: ignore[arg-type]
    world.entropy = os.urandom  # type: ignore[assignment]
    world.signers[KeyUse.RECEIPT] = services.receipt_signer  # type: ignore[assignment]
    agency = PartnerWorld(world)
    return _our_server(broker, postmaster, agency, claims=False), _our_server(broker, postmaster, agency, claims=True)


def _our_server(broker: RunningBroker, postmaster: int, agency: PartnerWorld, *, claims: bool) -> Server:
    caller = Caller(f"bench-{uuid4().hex[:8]}")
    scopes = frozenset({"openid", "partner"})
    client = client_of(agency.world, client_id=caller.client_id, scopes=scopes, jwks=caller.key_set)
    with broker.ports.services.begin() as work:
        work.clients.add(client)
    asked = IdentityRelease("sign-in", BANK, frozenset({"name"}), timedelta(days=1), Frequency(100, timedelta(hours=1)))
    tokens = []
    for number in range(PEOPLE):
        person = agency.world.link(f"{caller.client_id}-{number}").traveller
        consents = (agency.agree(person, asked).record.consent_id,) if claims else ()
        tokens.append(_access_token(broker, client, caller, person, (asked,) if claims else (), consents))
    endpoints = httpx.get(f"{broker.url}/.well-known/openid-configuration", timeout=30).json()
    server = Server(
        "ours", str(endpoints["issuer"]), broker.url, endpoints, broker.process.pid, postmaster, caller, tokens
    )
    form = {"grant_type": "client_credentials", **server.authenticated()}
    server.nonce = httpx.post(broker.url + urlsplit(endpoints["token_endpoint"]).path, data=form, timeout=30).headers[
        "DPoP-Nonce"
    ]
    return server


def _access_token(
    broker: RunningBroker,
    client: Client,
    caller: Caller,
    person: UUID,
    releases: tuple[IdentityRelease, ...],
    consents: tuple[UUID, ...],
) -> str:
    at, scopes = now(), frozenset({"openid", "profile"} if releases else {"openid"})
    grant = Grant(
        uuid4(), client.client_id, person, uuid4().hex, "iamsmart", "urn:tongguan:acr:high", at, scopes, caller.jkt, at,
        at + timedelta(days=1), releases=releases, consents=consents,
    )  # fmt: skip
    authorization = broker.ports.authorization
    with authorization.open_unit() as unit:
        unit.add_grant(grant)
        issued = issue_tokens(authorization, unit, grant, scopes, at, nonce=None, client=client)
        return str(issued.response["access_token"])


def their_server(folder: Path) -> tuple[Server, "subprocess.Popen[str]"]:
    caller = Caller("bench")
    signing = ECKey.generate_key("P-256", parameters={"kid": "s1", "use": "sig", "alg": "ES256"})
    client = {
        "client_id": caller.client_id,
        "redirect_uris": ["https://bench.example/callback"],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "grant_types": ["authorization_code", "client_credentials"],
        "dpop_bound_access_tokens": True,
        "id_token_signed_response_alg": "ES256",
        "scope": "openid partner",
        "jwks": caller.key_set,
    }
    settings = {
        "clients": [client],
        "jwks": {"keys": [signing.as_dict(private=True)]},
        "people": {f"p{number}": {"name": "CHAN Siu Ming"} for number in range(PEOPLE)},
        "tokens": PEOPLE,
        "jkt": caller.jkt,
    }
    path = folder / "provider.json"
    path.write_text(json.dumps(settings), encoding="utf-8")
    command = [node(), "oidc_provider_bench.mjs", str(path)]
    errors = (folder / "provider.log").open("w")
    process = subprocess.Popen(command, cwd=NODE_HOME, stdout=subprocess.PIPE, text=True, stderr=errors)
    assert process.stdout is not None
    said = process.stdout.readline()
    if not said:
        raise RuntimeError((folder / "provider.log").read_text()[-2000:])
    ready = json.loads(said)
    endpoints = httpx.get(f"{ready['issuer']}/.well-known/openid-configuration", timeout=30).json()
    return Server(
        "oidc-provider", ready["issuer"], ready["issuer"], endpoints, process.pid, None, caller, ready["opaque"]
    ), process


def _check_uses(broker: RunningBroker, expected: int) -> None:
    """Every answer was a release: counted under its consent and journalled. Raises RuntimeError."""
    with broker.database.unit_of_work() as uow:
        uses = run(uow.session, "SELECT count(*) FROM consent_uses").scalar_one()
        journalled = run(
            uow.session,
            "SELECT (SELECT count(*) FROM journal_entries WHERE position(%s IN entry) > 0)"
            " + (SELECT count(*) FROM journal_inbox WHERE position(%s IN entry) > 0)",
            (b"partner:claims:released",) * 2,
        ).scalar_one()
    if (uses, journalled) != (expected, expected):
        raise RuntimeError(f"{expected} releases answered, {uses} counted, {journalled} journalled")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1500)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    try:
        node()  # brings the npm packages
    except pytest.skip.Exception as absent:
        print(absent)
        sys.exit(SKIPPED)
    figures, size = Figures("authorization_peer"), {"number": options.requests, "connections": options.connections}
    with tempfile.TemporaryDirectory() as text, EmbeddedPostgres(Path(text) / "pg") as server:
        folder = Path(text)
        migrate(server.url)
        (folder / "home").mkdir()
        theirs, process = their_server(folder)
        try:
            with running_broker(folder / "home", server.url) as broker:
                postmaster = int(next((folder / "pg").rglob("postmaster.pid")).read_text().split()[0])
                plain, releasing = our_servers(broker, postmaster)
                for what in ("token", "introspection", "userinfo"):
                    compare(figures, what, plain, theirs, what, **size)
                compare(figures, "consent-scoped release", releasing, theirs, "userinfo", **size)
                _check_uses(broker, ROUNDS * options.requests + options.requests // 5)
        finally:
            process.terminate()
            process.wait(timeout=30)
    figures.write()


if __name__ == "__main__":
    main()
