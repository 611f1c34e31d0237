"""Forms and signatures that partners ask people to approve: from the partner's request to the sealed result."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from broker.core.approval import FETCH_AGAIN, RETENTION
from broker.core.authorization import digest
from broker.core.consent_grant import verify_grant
from broker.flows.fetch_approval import FETCHED
from broker.flows.finish_approval import Sealing, settle_approval
from broker.flows.issue_consent_grant import Granting
from broker.flows.withdraw_consent import withdraw_consent
from broker.wire.approval_connector import DocumentSignature, DocumentToSign, FilledForm, FormNotice
from broker.wire.identity_connector import ConnectorError, LoginStart, ProviderFault, Redirection
from broker.wire.registry import KeyUse
from broker.wire.upstream_tokens import UpstreamTokens
from tests.support.agency_world import AgencyClient, AgencyWorld
from tests.support.html_forms import forms_of, submit
from tests.support.partner_world import BANK, SHOP
from tests.support.web_world import ISSUER, WebWorld, problem

DIGEST = hashlib.sha256(b"the contract").hexdigest()
FORM = {"name": "Library card", "number": "LIB-1", "description": "A card"}
FILL: dict[str, Any] = {"fields": ["name", "email", "document_number"], "form": FORM}
SIGN: dict[str, Any] = {"document": {"sha256": DIGEST, "name": "The contract"}}
FILLED = {
    "enName": {"UnstructuredName": "CHAN Tai Man"},
    "emailAddress": "tai@example.hk",
    "idNo": {"Identification": "A123456", "CheckDigit": "3"},
    "maritalStatus": "not asked for",
}


@dataclass
class Provider:
    """An approval connector whose person is decided by the test. `fault`: raised at the next finish, or begin."""

    provider: str = "iamsmart"
    fault: ProviderFault | None = None
    begin_fault: ProviderFault | None = None
    filled: Mapping[str, Any] = field(default_factory=lambda: dict(FILLED))
    signed: bytes = bytes.fromhex(DIGEST)
    asked: list[Any] = field(default_factory=list)
    memory: bytes = field(default_factory=lambda: os.urandom(32))

    def state_of(self, answer: Mapping[str, str]) -> str | None:
        return answer.get("state")

    def begin_form_fill(
        self, start: LoginStart, *, fields: tuple[str, ...], form: FormNotice, tokens: UpstreamTokens | None
    ) -> Redirection:
        return self._begin(start, (fields, form))

    def begin_signature(
        self, start: LoginStart, *, document: DocumentToSign, tokens: UpstreamTokens | None
    ) -> Redirection:
        return self._begin(start, document)

    def finish_form_fill(self, answer: Mapping[str, str], *, memory: bytes, at: datetime) -> FilledForm:
        self._finish(memory)
        return FilledForm(self.filled, bytes(32))

    def finish_signature(self, answer: Mapping[str, str], *, memory: bytes, at: datetime) -> DocumentSignature:
        self._finish(memory)
        return DocumentSignature(self.signed, b"signature", b"certificate", "SHA256withRSA", at, bytes(32))

    def _begin(self, start: LoginStart, asked: Any) -> Redirection:
        if self.begin_fault is not None:
            raise ConnectorError(self.provider, self.begin_fault, "as the test wants")
        self.asked.append(asked)
        return Redirection(f"https://provider.example/approve?state={start.state}&to={start.redirect_uri}", self.memory)

    def _finish(self, memory: bytes) -> None:
        assert memory == self.memory
        if self.fault is not None:
            raise ConnectorError(self.provider, self.fault, "as the test wants")


class FormsOnly:
    """A provider that fills forms and signs nothing, as Macau One Account."""

    def __init__(self, inner: Provider) -> None:
        self.provider, self.state_of = inner.provider, inner.state_of
        self.begin_form_fill, self.finish_form_fill = inner.begin_form_fill, inner.finish_form_fill


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def agencies(web: WebWorld, provider: Provider) -> AgencyWorld:
    web.providers["iamsmart"] = provider
    return AgencyWorld(web)


@pytest.fixture
def http(agencies: AgencyWorld) -> Iterator[TestClient]:
    with agencies.web.client() as client:
        yield client


@pytest.fixture
def bank(agencies: AgencyWorld, http: TestClient) -> AgencyClient:
    return agencies.agency(http)


def browser(agencies: AgencyWorld, http: TestClient, person: str = "person-1") -> UUID:
    """`http` becomes the browser of that person too; the agency's calls carry no cookie."""
    traveller = agencies.person(person)
    http.cookies.clear()
    http.cookies.update(agencies.web.session(traveller))
    return traveller


def agree(http: TestClient, url: str, *, refuse: bool = False) -> httpx.Response:
    """Open the request, answer the page about consent, and come back; returns what the person meets next."""
    to_consent = http.get(url)
    assert to_consent.status_code == 303
    assert "/consent/authorize/approval-" in to_consent.headers["location"]
    page = http.get(to_consent.headers["location"])
    assert page.status_code == 200, page.text
    (form,) = forms_of(page)
    press = ("decision", "refuse" if refuse else "agree")
    sent = submit(http, page, form, press=press, tick=[] if refuse else form.checkboxes)
    assert sent.status_code == 303, sent.text
    back = http.get(sent.headers["location"])
    assert back.status_code == 303
    assert back.headers["location"] == url
    return http.get(url)


def come_back(http: TestClient, away: httpx.Response, provider: str = "iamsmart") -> httpx.Response:
    query = parse_qs(urlsplit(away.headers["location"]).query)
    assert query["to"] == [f"{ISSUER}/approvals/{provider}/callback"]
    return http.get(f"/approvals/{provider}/callback", params={"state": query["state"][0], "code": "c"})


def fetch(bank: AgencyClient, made: dict[str, Any], kind: str = "form-fills") -> dict[str, Any]:
    answer = bank.get(f"/{kind}/{made['id']}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_form_is_filled_and_only_the_fields_asked_for_come(
    agencies: AgencyWorld, http: TestClient, bank: AgencyClient, provider: Provider
) -> None:
    answer = bank.post("/form-fills", json=FILL)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["location"] == f"/agencies/v1/form-fills/{made['id']}"
    assert made["status"] == "waiting"
    traveller = browser(agencies, http)
    away = agree(http, made["approval_url"])
    assert away.headers["location"].startswith("https://provider.example/approve")
    fields, notice = provider.asked[0]
    assert fields == ("emailAddress", "enName", "idNo")
    assert (notice.name, notice.number) == (FORM["name"], FORM["number"])
    assert fetch(bank, made)["status"] == "approving"
    assert come_back(http, away).status_code == 200
    done = fetch(bank, made)
    assert (done["status"], done["approval_url"]) == ("fetched", None)
    claims = agencies.opened(done["result"])
    assert claims["fields"] == {"name": "CHAN Tai Man", "email": "tai@example.hk", "document_number": "A1234563"}
    assert claims["request"] == made["id"]
    given, entry = agencies.partners.journal(traveller)[:2]
    assert (entry.kind, entry.clear["claims"]) == ("partner:form:approved", ["document_number", "email", "name"])
    assert (given.kind, given.clear["transfer"], given.clear["destination"]) == (FETCHED, "allow", "HK")
    (grant,) = claims["consent_grants"]
    key = agencies.web.world.signers[KeyUse.RECEIPT].public
    stated = verify_grant(grant, key, expected_issuer=ISSUER, expected_recipient=BANK)
    assert stated["release"]["what"] == ["document_number", "email", "name"]
    assert entry.personal["consent_grant"] == hashlib.sha256(grant.encode()).hexdigest()
    assert agencies.partners.events()[0] == ("request.settled", {"request": made["id"], "status": "ready"})


def test_a_signature_is_over_the_document_that_was_named(
    agencies: AgencyWorld, http: TestClient, bank: AgencyClient, provider: Provider
) -> None:
    made = bank.post("/signatures", json=SIGN).json()
    browser(agencies, http)
    come_back(http, agree(http, made["approval_url"]))
    assert provider.asked[0].sha256.hex() == DIGEST
    signature = agencies.opened(fetch(bank, made, "signatures")["result"])["signature"]
    assert (signature["sha-256"], signature["algorithm"]) == (DIGEST, "SHA256withRSA")


def test_a_provider_that_signs_nothing_is_not_asked_to(
    agencies: AgencyWorld, http: TestClient, bank: AgencyClient, provider: Provider
) -> None:
    agencies.web.providers["iamsmart"] = FormsOnly(provider)
    for path, order, status in (("/signatures", SIGN, 409), ("/form-fills", FILL, 303)):
        made = bank.post(path, json=order).json()
        browser(agencies, http, f"person of {path}")
        assert agree(http, made["approval_url"]).status_code == status
    assert len(provider.asked) == 1


class NumberWanted(Provider):
    """A provider that without tokens has to be told who is to sign."""

    def begin_signature(
        self,
        start: LoginStart,
        *,
        document: DocumentToSign,
        tokens: UpstreamTokens | None,
        identity_number: str | None = None,
    ) -> Redirection:
        return self._begin(start, identity_number)


def test_without_tokens_a_provider_that_has_to_know_is_told_who_signs(
    agencies: AgencyWorld, http: TestClient, bank: AgencyClient
) -> None:
    wanting = NumberWanted()
    agencies.web.providers["iamsmart"] = wanting
    made = bank.post("/signatures", json=SIGN).json()
    browser(agencies, http)
    agree(http, made["approval_url"])
    claims = agencies.web.world.grant().claims
    assert claims is not None
    assert wanting.asked == [claims.document_number]


def test_a_signature_over_another_document_is_no_result(
    agencies: AgencyWorld, http: TestClient, bank: AgencyClient, provider: Provider
) -> None:
    provider.signed = bytes(32)
    made = bank.post("/signatures", json=SIGN).json()
    browser(agencies, http)
    come_back(http, agree(http, made["approval_url"]))
    done = fetch(bank, made, "signatures")
    assert (done["status"], done["result"]) == ("rejected", None)


def test_a_result_is_fetched_once_and_gone_soon_after(
    agencies: AgencyWorld, http: TestClient, bank: AgencyClient
) -> None:
    made = bank.post("/form-fills", json=FILL).json()
    browser(agencies, http)
    come_back(http, agree(http, made["approval_url"]))
    first = fetch(bank, made)["result"]
    assert fetch(bank, made)["result"] == first  # the first answer may have been lost
    agencies.web.pass_time(FETCH_AGAIN)
    gone = fetch(agencies.agency(http), made)
    assert (gone["status"], gone["result"]) == ("fetched", None)
    with agencies.web.world.begin() as work:
        kept = work.approvals.find(UUID(made["id"]))
    assert kept is not None
    assert kept.result is kept.memory is None


def test_a_result_nobody_fetches_is_deleted(agencies: AgencyWorld, http: TestClient, bank: AgencyClient) -> None:
    made = bank.post("/form-fills", json=FILL).json()
    browser(agencies, http)
    come_back(http, agree(http, made["approval_url"]))
    with agencies.web.world.begin() as work:
        work.approvals.sweep(agencies.web.now() + RETENTION)
    with agencies.web.world.begin() as work:
        kept = work.approvals.find(UUID(made["id"]))
    assert kept is not None
    assert kept.result is None


def test_at_rest_nothing_of_the_result_can_be_read(agencies: AgencyWorld, http: TestClient, bank: AgencyClient) -> None:
    made = bank.post("/form-fills", json=FILL).json()
    browser(agencies, http)
    come_back(http, agree(http, made["approval_url"]))
    with agencies.web.database.engine.connect() as connection:
        row = str(connection.execute(text("SELECT row_to_json(r)::text FROM partner_requests r")).scalar_one())
    assert b"tai@example.hk".hex() not in row
    assert "tai@example.hk" not in row
    assert "A123456" not in row


def test_refusing_on_the_brokers_page_sends_nothing(
    agencies: AgencyWorld, http: TestClient, bank: AgencyClient, provider: Provider
) -> None:
    made = bank.post("/form-fills", json=FILL).json()
    browser(agencies, http)
    assert agree(http, made["approval_url"], refuse=True).status_code == 200
    assert fetch(bank, made)["status"] == "refused"
    assert provider.asked == []


@pytest.mark.parametrize(
    ("fault", "status", "page"),
    [
        (ProviderFault.CANCELLED, "cancelled", 200),
        (ProviderFault.REFUSED, "rejected", 200),
        (ProviderFault.NOT_SAME_PERSON, "rejected", 200),
        (ProviderFault.FROZEN, "rejected", 200),
        (ProviderFault.TIMED_OUT, "timed_out", 200),
        # The person may try again.
        (ProviderFault.UNREACHABLE, "approving", 502),
        (ProviderFault.GARBLED, "approving", 502),
    ],
)
def test_each_no_of_the_provider_is_a_clear_outcome(
    agencies: AgencyWorld,
    http: TestClient,
    bank: AgencyClient,
    provider: Provider,
    fault: ProviderFault,
    status: str,
    page: int,
) -> None:
    provider.fault = fault
    made = bank.post("/form-fills", json=FILL).json()
    browser(agencies, http)
    away = agree(http, made["approval_url"])
    assert come_back(http, away).status_code == page
    assert fetch(bank, made)["status"] == status
    if status == "approving":
        provider.fault = None
        again = http.get(made["approval_url"])
        assert come_back(http, again).status_code == 200
        assert fetch(bank, made)["status"] == "fetched"


def test_a_provider_that_tells_the_broker_before_the_browser_comes(
    agencies: AgencyWorld, http: TestClient, bank: AgencyClient
) -> None:
    made = bank.post("/form-fills", json=FILL).json()
    browser(agencies, http)
    away = agree(http, made["approval_url"])
    world = agencies.web.world
    sealing = Sealing(
        world.keys,
        world.rulebook,
        world.signers[KeyUse.ANSWER],
        ISSUER,
        Granting(world.signers[KeyUse.RECEIPT], ISSUER),
    )
    state = parse_qs(urlsplit(away.headers["location"]).query)["state"][0]
    for _ in range(2):  # and tells it twice
        with world.begin() as work:
            asked = work.approvals.by_state(digest(state))
            assert asked is not None
            told = FilledForm(FILLED, bytes(32))
            settle_approval(work, asked, told, sealing=sealing, at=world.at, entropy=world.entropy)
    assert "You can close this page" in come_back(http, away).text
    assert fetch(bank, made)["status"] == "fetched"
    assert [name for name, _ in agencies.partners.events()] == ["request.settled"]


def test_time_runs_out(agencies: AgencyWorld, http: TestClient, bank: AgencyClient) -> None:
    made = bank.post("/form-fills", json=FILL | {"expires_in": 60}).json()
    browser(agencies, http)
    away = agree(http, made["approval_url"])
    agencies.web.pass_time(timedelta(seconds=61))
    assert come_back(http, away).status_code == 200
    late = fetch(agencies.agency(http), made)
    assert (late["status"], late["result"]) == ("expired", None)


def test_a_withdrawal_before_the_end_keeps_the_result_back(
    agencies: AgencyWorld, http: TestClient, bank: AgencyClient
) -> None:
    made = bank.post("/form-fills", json=FILL).json()
    traveller, world = browser(agencies, http), agencies.web.world
    away = agree(http, made["approval_url"])
    with world.begin() as work:
        standing = work.consents.standing(traveller, "form-filling", BANK)
        assert standing is not None
        withdraw_consent(
            work, keys=world.keys, status_signer=world.signers[KeyUse.STATUS], traveller=traveller,
            consent_id=standing.consent_id, at=world.at, entropy=world.entropy,
        )  # fmt: skip
    come_back(http, away)
    done = fetch(bank, made)
    assert (done["status"], done["result"]) == ("refused", None)


def test_the_person_the_partner_means_and_no_other(agencies: AgencyWorld, http: TestClient, bank: AgencyClient) -> None:
    meant = agencies.person("person-1")
    with agencies.web.storage.unit() as unit:
        subject = unit.pairwise_subject(meant, agencies.clients[BANK].sector, "known-as")
    made = bank.post("/form-fills", json=FILL | {"subject": subject}).json()
    browser(agencies, http, "somebody-else")
    page = http.get(made["approval_url"])
    assert page.status_code == 303
    assert page.headers["location"].startswith(f"{ISSUER}/login?")
    browser(agencies, http)
    assert "/consent/authorize/" in http.get(made["approval_url"]).headers["location"]


def test_a_partner_cannot_mean_a_person_by_the_pseudonym_that_another_has(
    agencies: AgencyWorld, http: TestClient, bank: AgencyClient
) -> None:
    person = browser(agencies, http)
    with agencies.web.storage.unit() as unit:
        subject = unit.pairwise_subject(person, agencies.clients[SHOP].sector, "known-as-to-the-shop")
    for path, order in (("/form-fills", FILL), ("/signatures", SIGN)):
        made = bank.post(path, json=order | {"subject": subject}).json()
        page = http.get(made["approval_url"])
        assert page.headers["location"].startswith(f"{ISSUER}/login?")


def test_who_opened_it_first_keeps_it_and_the_answer_is_theirs(
    agencies: AgencyWorld, http: TestClient, bank: AgencyClient
) -> None:
    made = bank.post("/form-fills", json=FILL).json()
    browser(agencies, http)
    away = agree(http, made["approval_url"])
    browser(agencies, http, "somebody-else")
    assert http.get(made["approval_url"]).status_code == 404
    # Nor does the provider's answer count in another person's browser, or in one without a session.
    assert come_back(http, away).status_code == 403
    http.cookies.clear()
    assert come_back(http, away).status_code == 403
    assert fetch(bank, made)["status"] == "approving"


def test_a_provider_that_fills_no_forms_is_said_so(agencies: AgencyWorld, http: TestClient, bank: AgencyClient) -> None:
    agencies.web.providers["iamsmart"] = object()
    made = bank.post("/form-fills", json=FILL).json()
    browser(agencies, http)
    assert agree(http, made["approval_url"]).status_code == 409
    assert fetch(bank, made)["status"] == "waiting"


def test_fields_a_provider_does_not_fill_are_not_asked_of_it(
    agencies: AgencyWorld, http: TestClient, bank: AgencyClient, provider: Provider
) -> None:
    made = bank.post("/form-fills", json=FILL | {"fields": ["family_name"]}).json()
    browser(agencies, http)
    assert agree(http, made["approval_url"]).status_code == 409
    assert provider.asked == []


def test_the_person_returns_to_the_partner(agencies: AgencyWorld, http: TestClient, bank: AgencyClient) -> None:
    [uri] = agencies.clients[BANK].redirect_uris
    made = bank.post("/form-fills", json=FILL | {"return_uri": uri}).json()
    browser(agencies, http)
    back = come_back(http, agree(http, made["approval_url"]))
    assert back.headers["location"] == f"{uri}?request={made['id']}&status=ready"
    other = bank.post("/form-fills", json=FILL | {"return_uri": "https://evil.example/"})
    assert other.status_code == 422


def test_an_idempotency_key_makes_one_request(bank: AgencyClient, agencies: AgencyWorld, http: TestClient) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    first = bank.post("/form-fills", json=FILL, headers=key)
    again = bank.post("/form-fills", json=FILL, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    clash = bank.post("/form-fills", json=FILL | {"fields": ["name"]}, headers=key)
    assert (clash.status_code, problem(clash)["type"]) == (422, "/problems/idempotency-clash")
    shop = agencies.agency(http, SHOP).post("/form-fills", json=FILL, headers=key)
    assert shop.status_code == 201
    assert shop.json()["id"] != first.json()["id"]


def test_another_partners_request_is_unknown(agencies: AgencyWorld, http: TestClient, bank: AgencyClient) -> None:
    made = bank.post("/form-fills", json=FILL).json()
    shop = agencies.agency(http, SHOP)
    for path in (f"/form-fills/{made['id']}", f"/form-fills/{uuid4()}", f"/signatures/{made['id']}"):
        assert problem(shop.get(path))["type"] == "/problems/request-unknown"
    assert bank.get(f"/signatures/{made['id']}").status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/form-fills", FILL | {"fields": ["shoe_size"]}),
        ("/form-fills", FILL | {"fields": []}),
        ("/form-fills", FILL | {"expires_in": 10}),
        ("/form-fills", FILL | {"form": {"name": "a\nb", "number": "1"}}),
        ("/form-fills", FILL | {"more": 1}),
        ("/signatures", {"document": {"sha256": "00", "name": "x"}}),
        ("/signatures", {"document": {"sha256": DIGEST, "name": "x", "kind": "word"}}),
    ],
)
def test_orders_without_meaning_are_refused(bank: AgencyClient, path: str, body: dict[str, Any]) -> None:
    assert bank.post(path, json=body).status_code == 422


def test_above_the_ceiling_nothing_is_asked(agencies: AgencyWorld, http: TestClient) -> None:
    client = replace(agencies.clients[BANK], claims=frozenset({"name"}))
    with agencies.web.world.begin() as work:
        work.clients.change(client)
    bank = agencies.agency(http)
    assert bank.post("/form-fills", json=FILL).status_code == 422
    assert bank.post("/form-fills", json=FILL | {"fields": ["name"]}).status_code == 201
