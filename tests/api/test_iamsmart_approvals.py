"""A partner's requests through the broker to iAM Smart and back: real pages, real connector, the mock's own wire."""

from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from starlette.testclient import TestClient

from broker.core.authorization import digest
from broker.flows.finish_approval import Sealing, settle_approval
from broker.flows.issue_consent_grant import Granting
from broker.wire.approval_connector import ProviderNotice
from broker.wire.registry import KeyUse
from broker.wire.upstream_tokens import UpstreamTokens
from tests.api.test_approvals import agree, browser, fetch
from tests.support.agency_world import AgencyClient, AgencyWorld
from tests.support.iamsmart_world import IamSmartWorld, iamsmart_world
from tests.support.web_world import ISSUER, WebWorld

TEXT = b"the contract"
FILL: dict[str, Any] = {
    "fields": ["name", "email", "document_number"],
    "form": {"name": "Library card", "number": "LIB-1", "description": "A card"},
}
SIGN: dict[str, Any] = {"document": {"sha256": sha256(TEXT).hexdigest(), "name": "The contract"}}
FIELDS = {"name": "CHAN, Si Fan", "email": "chan.si.fan@example.invalid", "document_number": "QX9001236"}


@pytest.fixture
def smart(web: WebWorld, tmp_path: Path) -> Iterator[IamSmartWorld]:
    with iamsmart_world(tmp_path, broker=ISSUER) as made:
        made.clock.at = web.now()
        web.providers["iamsmart"] = made.connector
        yield made


@pytest.fixture
def tokens(smart: IamSmartWorld) -> UpstreamTokens:
    start = smart.start(redirect_uri=f"{ISSUER}/login/iamsmart/callback")
    answer = smart.answer(smart.connector.begin(start).url)
    grant = smart.connector.finish(answer, memory=b"", redirect_uri="", at=smart.clock.at)
    assert grant.tokens is not None
    return grant.tokens


@pytest.fixture
def agencies(web: WebWorld, smart: IamSmartWorld) -> AgencyWorld:
    made = AgencyWorld(web)
    services = web.ports.services
    sealing = Sealing(
        services.keys, services.rulebook, web.world.signers[KeyUse.ANSWER], ISSUER,
        Granting(web.world.signers[KeyUse.RECEIPT], ISSUER),
    )  # fmt: skip

    def take(work: Any, provider: str, told: ProviderNotice, at: Any) -> bool:
        asked = work.approvals.by_state(digest(told.state or ""))
        if asked is not None:
            settle_approval(work, asked, told.outcome, sealing=sealing, at=at, entropy=services.entropy)
        return True

    web.use(take_notice=take)
    return made


def opened(
    agencies: AgencyWorld, http: TestClient, bank: AgencyClient, path: str, order: dict[str, Any]
) -> tuple[dict[str, Any], httpx.Response]:
    made = bank.post(path, json=order).json()
    browser(agencies, http)
    away = agree(http, made["approval_url"])
    assert away.status_code == 303, away.text
    return made, away


def return_to(http: TestClient, answer: dict[str, str]) -> httpx.Response:
    return http.get(f"/approvals/iamsmart/callback?{urlencode(answer)}")


def test_a_form_without_a_token(agencies: AgencyWorld, smart: IamSmartWorld) -> None:
    with agencies.web.client() as http:
        bank = agencies.agency(http)
        made, away = opened(agencies, http, bank, "/form-fills", FILL)
        back = return_to(http, smart.answer(away.headers["location"]))
        assert back.status_code == 200, back.text
        assert agencies.opened(fetch(bank, made)["result"])["fields"] == FIELDS


@pytest.mark.parametrize("order", ["callback first", "browser first"])
def test_a_form_with_a_token(agencies: AgencyWorld, smart: IamSmartWorld, tokens: UpstreamTokens, order: str) -> None:
    agencies.web.use(upstream=lambda traveller, provider: tokens)
    with agencies.web.client() as http:
        bank = agencies.agency(http)
        made, away = opened(agencies, http, bank, "/form-fills", FILL)
        answer = smart.answer(away.headers["location"])
        (body,) = smart.callbacks
        if order == "callback first":
            assert post(http, body).status_code == 204
            assert return_to(http, answer).status_code == 200
        else:
            assert return_to(http, answer).status_code == 502  # not there yet: the person may come again
            assert post(http, body).status_code == 204
        assert post(http, body).status_code == 204
        assert agencies.opened(fetch(bank, made)["result"])["fields"] == FIELDS


def post(http: TestClient, body: bytes) -> httpx.Response:
    return http.post("/providers/iamsmart/callback", content=body, headers={"Content-Type": "application/json"})


def test_a_person_who_says_no(agencies: AgencyWorld, smart: IamSmartWorld) -> None:
    with agencies.web.client() as http:
        bank = agencies.agency(http)
        made, away = opened(agencies, http, bank, "/form-fills", FILL)
        return_to(http, smart.answer(away.headers["location"], decision="reject"))
        assert fetch(bank, made)["status"] not in ("ready", "fetched")


def test_a_signature_with_a_token(agencies: AgencyWorld, smart: IamSmartWorld, tokens: UpstreamTokens) -> None:
    agencies.web.use(upstream=lambda traveller, provider: tokens)
    with agencies.web.client() as http:
        bank = agencies.agency(http)
        made, away = opened(agencies, http, bank, "/signatures", SIGN)
        answer = smart.answer(away.headers["location"])
        assert post(http, smart.callbacks.pop()).status_code == 204
        assert return_to(http, answer).status_code == 200
        found = agencies.opened(fetch(bank, made, "signatures")["result"])["signature"]
    certificate = x509.load_der_x509_certificate(b64decode(found["certificate"]))
    key: Any = certificate.public_key()
    key.verify(b64decode(found["value"]), TEXT, padding.PKCS1v15(), hashes.SHA256())
    assert len(smart.provider.acknowledged) == 1
