"""Holds the Macau connector to specs/vectors/macau.json, and has npm `jose` say the same of every envelope in it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey
from pydantic import SecretStr

from broker.wire.approval_connector import Withdrawal
from broker.wire.identity_connector import ConnectorError, LoginStart
from broker.wire.upstream_tokens import UpstreamTokens
from connectors.adapter import Surroundings
from connectors.fetch import Fetcher
from connectors.macau import MacauConnector, MacauSettings
from connectors.macau.counter import Counter, Scanned
from connectors.mock_idps.macau.packet import seal, sign
from tests.support.node import run_node
from tests.vectors import macau
from tests.vectors.loader import moment

Json = dict[str, Any]

DOCUMENT: Json = json.loads(macau.FILE.read_text(encoding="utf-8"))
COMMON: Json = DOCUMENT["common"]


def _named(case: Json) -> str:
    return str(case["name"]).replace(" ", "-")


class Provider(httpx.BaseTransport):
    """Answers as the file says and remembers what it was asked, to the byte."""

    def __init__(self, packet: str = "{}") -> None:
        self.packet = packet
        self.asked: list[Json] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json=self._published(request.url.path))
        self.asked.append(
            {
                "method": request.method,
                "url": str(request.url),
                "authorization": request.headers.get("authorization"),
                "content_type": request.headers.get("content-type"),
                "body": request.read().decode(),
            }
        )
        answers: dict[str, Callable[[], httpx.Response]] = {
            "/par": lambda: httpx.Response(201, json={"request_uri": "urn:x:1", "expires_in": 60}),
            "/token": lambda: httpx.Response(
                200,
                json={
                    "access_token": macau.ACCESS_TOKEN,
                    "refresh_token": macau.REFRESH_TOKEN,
                    "token_type": "Bearer",
                    "expires_in": 300,
                    "id_token": COMMON["id_token"],
                },
            ),
            "/packet": lambda: httpx.Response(200, text=self.packet),
            "/counter/scan": lambda: httpx.Response(201, json={"pedido": "vector-request"}),
            "/counter/result": lambda: httpx.Response(200, json={"estado": "pendente"}),
        }
        return answers[request.url.path]()

    def _published(self, path: str) -> Json:
        if path == "/jwks":
            return dict(COMMON["provider_jwks"])
        if path == "/bureau/jwks":
            return dict(COMMON["bureau_jwks"])
        issuer = COMMON["issuer"]
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "pushed_authorization_request_endpoint": f"{issuer}/par",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/jwks",
            "packet_endpoint": f"{issuer}/packet",
            "counter_scan_endpoint": f"{issuer}/counter/scan",
            "counter_result_endpoint": f"{issuer}/counter/result",
        }


def _connector(folder: Path, provider: Provider) -> MacauConnector:
    for name in ("tongguan-0", "tongguan-1"):
        pem = macau.key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{name}.pem").write_bytes(pem)
    settings = MacauSettings(
        issuer=COMMON["issuer"],
        client_id=COMMON["client"]["client_id"],
        client_secret=SecretStr(COMMON["client"]["client_secret"]),
        department=COMMON["department"],
        department_keys=folder,
    )
    return MacauConnector("macau", settings, Surroundings(Fetcher("macau", httpx.Client(transport=provider)), folder))


def test_the_file_is_what_the_generator_writes() -> None:
    assert macau.FILE.read_text(encoding="utf-8") == macau.text()


@pytest.mark.parametrize("case", DOCUMENT["packets"], ids=_named)
def test_packets(case: Json, tmp_path: Path) -> None:
    connector = _connector(tmp_path, Provider())
    given, expect = case["input"], case["expect"]

    def read() -> Any:
        asked = frozenset(COMMON["asked"])
        return connector.packets.read(
            given["packet"].encode(), asked=asked, purpose=COMMON["purpose"], at=moment(given["at"])
        )

    if "reason" in expect:
        with pytest.raises(ConnectorError) as caught:
            read()
        assert caught.value.fault == expect["reason"]
        return
    packet = read()
    claims = expect["ok"]["claims"]
    assert packet.signed.decode() == expect["ok"]["signed"]
    assert (packet.data, packet.subject, packet.transaction) == (claims["dados"], claims["sub"], claims["txn"])


@pytest.mark.parametrize("case", DOCUMENT["notices"], ids=_named)
def test_notices(case: Json, tmp_path: Path) -> None:
    connector = _connector(tmp_path, Provider())
    given, expect = case["input"], case["expect"]
    headers = {"content-type": "application/secevent+jwt"}
    if "reason" in expect:
        with pytest.raises(ConnectorError) as caught:
            connector.receive(headers, given["notice"].encode(), at=moment(given["at"]))
        assert caught.value.fault == expect["reason"]
        return
    notice = connector.receive(headers, given["notice"].encode(), at=moment(given["at"]))
    assert (notice.business_id, notice.kind) == (expect["ok"]["business_id"], expect["ok"]["kind"])
    assert notice.outcome == Withdrawal(COMMON["issuer"], expect["ok"]["subject"])


def test_requests_to_the_byte(tmp_path: Path) -> None:
    good = next(case for case in DOCUMENT["packets"] if case["name"] == "two departments")
    provider = Provider(good["input"]["packet"])
    connector = _connector(tmp_path, provider)
    said, at = COMMON["start"], moment(COMMON["start"]["at"])
    chunks = iter([bytes.fromhex(text) for text in said["entropy"]])
    start = LoginStart(said["state"], said["redirect_uri"], said["language"], at, lambda size: next(chunks)[:size])
    begun = connector.begin(start)
    assert begun.url == f"{COMMON['issuer']}/authorize?client_id=tongguan&request_uri=urn%3Ax%3A1"
    answer = {"code": macau.CODE, "state": said["state"], "iss": COMMON["issuer"]}
    grant = connector.finish(answer, memory=begun.memory, redirect_uri=said["redirect_uri"], at=at)
    assert grant.claims is not None
    assert grant.claims.document_number == "10000012"
    tokens = UpstreamTokens(provider="macau", access_token="x", refresh_token=macau.REFRESH_TOKEN)
    connector.refresh(tokens, at=at)
    counter = Counter(connector)
    counter.scan("MO1.vector", fields=("nome",), purpose=COMMON["purpose"], at=at)
    assert counter.collect(Scanned("vector-request", frozenset({"nome"}), COMMON["purpose"]), at=at) is None
    expected = [
        {name: case[name] for name in ("method", "url", "authorization", "content_type", "body")}
        for case in DOCUMENT["requests"]
    ]
    assert provider.asked == expected


def test_jose_reads_every_envelope_the_same() -> None:
    """npm `jose` opens what opens, refuses what is refused (but for the rules of our own profile), and recomputes the
    PKCE challenge and the basic credentials of the requests.
    """
    found = run_node("macau_vectors.mjs", str(macau.FILE))
    for case in DOCUMENT["packets"] + DOCUMENT["notices"]:
        said = found["cases"][case["name"]]
        if "ok" in case["expect"]:
            assert said["ok"], (case["name"], said)
            if "claims" in case["expect"]["ok"]:
                assert said["claims"] == case["expect"]["ok"]["claims"]
                assert said["signed"] == case["expect"]["ok"]["signed"]
        elif not case.get("profile"):
            assert not said["ok"], (case["name"], said)
    assert found["requests"] == {"challenge": True, "basic": True, "detail": True}
    assert len(found["cases"]) == len(DOCUMENT["packets"]) + len(DOCUMENT["notices"])


def test_what_the_mock_seals_jose_opens(tmp_path: Path) -> None:
    """The mock's envelope, by joserfc, in a third implementation."""

    bureau = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    ours, theirs = (ECKey.generate_key("P-256", {"use": "enc"}, auto_kid=True) for _ in range(2))
    signed = sign(macau.CLAIMS, bureau, bureau.kid or "")
    document = {
        **DOCUMENT,
        "common": {
            **COMMON,
            "department_keys": [ours.as_dict(private=True)],
            "bureau_jwks": {"keys": [bureau.as_dict(private=False)]},
        },
        "packets": [
            {
                "name": "mock",
                "input": {
                    "packet": json.dumps(seal(signed, [theirs, ours])),
                    "at": datetime(2026, 11, 21, 8, 0, tzinfo=UTC).isoformat(),
                },
            }
        ],
        "notices": [],
    }
    path = tmp_path / "mock.json"
    path.write_text(json.dumps(document))
    said = run_node("macau_vectors.mjs", str(path))["cases"]["mock"]
    assert (said["ok"], said["claims"]) == (True, macau.CLAIMS)
