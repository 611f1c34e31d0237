"""The partner API: only what was agreed to, only to whom, only while it stands."""

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from broker.core.ending import Ending
from broker.core.journal import decode_entry
from broker.flows.end_logins import end_logins_at
from broker.flows.erase import erase
from broker.flows.suspend_partner import resume_partner, suspend_partner
from broker.flows.verify_claims import MAX_WRONG, WINDOW
from broker.flows.withdraw_consent import withdraw_consent
from broker.wire.registry import KeyUse
from tests.support.agency_world import AgencyWorld
from tests.support.partner_world import BANK, SHOP, opening
from tests.support.web_world import WebWorld, problem


@pytest.fixture
def agencies(web: WebWorld) -> AgencyWorld:
    return AgencyWorld(web)


@pytest.fixture
def http(agencies: AgencyWorld) -> Iterator[TestClient]:
    with agencies.web.client() as client:
        yield client


def withdraw(agencies: AgencyWorld, traveller: Any, consent: Any) -> None:
    world = agencies.web.world
    with world.begin() as work:
        withdraw_consent(
            work, keys=world.keys, status_signer=world.signers[KeyUse.STATUS], traveller=traveller,
            consent_id=consent, at=world.at, entropy=world.entropy,
        )  # fmt: skip


def test_claims_are_exactly_those_agreed_to_and_journalled(agencies: AgencyWorld, http: TestClient) -> None:
    traveller = agencies.person()
    bank, grant = agencies.consented(http, traveller, opening("family_name", "birthdate", "over_18"))
    answer = bank.get("/claims").json()
    assert set(answer["claims"]) == {"family_name", "birthdate", "over_18"}
    assert answer["sub"] == grant.subject
    assert answer["consents"] == [str(consent) for consent in grant.consents]
    assert answer["synthetic"] is False
    uses = agencies.partners.journal(traveller)
    assert uses[0].leaf_hash.hex() == answer["journal"][0]
    assert (uses[0].kind, uses[0].clear["recipient"]) == ("partner:claims:released", BANK)
    # Less can be read than was agreed to, and never more.
    assert set(bank.get("/claims", params={"claim": "over_18"}).json()["claims"]) == {"over_18"}
    assert set(bank.get("/claims", params={"claim": ["over_18", "document_number"]}).json()["claims"]) == {"over_18"}


def test_without_a_consent_nothing_leaves(agencies: AgencyWorld, http: TestClient) -> None:
    traveller = agencies.person()
    bank, _ = agencies.for_person(http, traveller, [opening("birthdate")])
    for answer in (
        bank.get("/claims"),
        bank.post("/predicates", json={"predicates": ["over_18"]}),
        bank.post("/verifications", json={"claims": {"birthdate": "1990-01-01"}}),
        bank.post("/answers", json={"document": {"number": "7"}, "claims": ["birthdate"]}),
    ):
        assert answer.status_code == 403
        assert problem(answer)["type"] == "/problems/consent-required"


def test_a_withdrawal_ends_it_at_the_next_request(agencies: AgencyWorld, http: TestClient) -> None:
    traveller = agencies.person()
    bank, grant = agencies.consented(http, traveller, opening("birthdate"))
    assert bank.get("/claims").status_code == 200
    withdraw(agencies, traveller, grant.consents[0])
    assert bank.get("/claims").status_code == 401
    [(name, body)] = agencies.partners.events()
    assert (name, body["grants"]) == ("consent.withdrawn", [str(grant.grant_id)])
    state = agencies.agency(http).post("/grants/status", json={"grants": [str(grant.grant_id)]}).json()
    assert "grants" in state, state
    assert state["grants"][0]["status"] == "revoked"


def test_a_login_that_the_provider_took_back_is_told(agencies: AgencyWorld, http: TestClient) -> None:
    traveller, world = agencies.person(), agencies.web.world
    _, grant = agencies.consented(http, traveller, opening("birthdate"))
    agencies.consented(http, agencies.person("somebody-else"), opening("birthdate"))
    with world.begin() as work:
        ending = Ending.IDENTITY_WITHDRAWN
        end_logins_at(work, traveller, grant.provider, ending, at=agencies.web.now(), entropy=world.entropy)
    with world.begin() as work:
        [event] = work.partner_events.of(BANK, state=None, limit=9)
        [due] = work.partner_events.take_due(agencies.web.now(), partners=1, each=9)
    told = {"grants": [str(grant.grant_id)], "reason": "identity_withdrawn"}
    assert (event.name, event.body, event.subject) == ("session.revoked", told, grant.subject)
    assert due.event_id == event.event_id


def test_an_erased_persons_partners_are_told(agencies: AgencyWorld, http: TestClient) -> None:
    traveller, world = agencies.person(), agencies.web.world
    bank, grant = agencies.consented(http, traveller, opening("birthdate"))
    with world.begin() as work:
        erase(work, status_signer=world.signers[KeyUse.STATUS], traveller=traveller, at=world.at, entropy=world.entropy)
    assert [(name, body["grants"]) for name, body in agencies.partners.events()] == [
        ("consent.withdrawn", [str(grant.grant_id)])
    ]
    assert bank.get("/claims").status_code == 401


def test_a_token_of_another_partner_reads_nothing_of_this_consent(agencies: AgencyWorld, http: TestClient) -> None:
    traveller = agencies.person()
    release = opening("birthdate")
    given = agencies.partners.agree(traveller, release)
    shop, _ = agencies.for_person(
        http, traveller, [release], partner_id=SHOP, consents=[given.record.consent_id]
    )  # fmt: skip
    assert problem(shop.get("/claims"))["type"] == "/problems/consent-required"


def test_predicates_answer_without_the_datum(agencies: AgencyWorld, http: TestClient) -> None:
    bank, _ = agencies.consented(http, agencies.person(), opening("over_18", "permit_valid", "resident_of:HK,MO"))
    asked = ["over_18", "permit_valid", "resident_of:MO,HK"]
    answer = bank.post("/predicates", json={"predicates": asked}).json()
    assert answer["answers"] == {"over_18": True, "permit_valid": None, "resident_of:MO,HK": True}
    # A consent to ask about two places is none to ask about one of them.
    other = bank.post("/predicates", json={"predicates": ["over_18", "resident_of:HK"]}).json()
    assert other["answers"] == {"over_18": True, "resident_of:HK": None}


def test_verifications_say_yes_or_no(agencies: AgencyWorld, http: TestClient) -> None:
    traveller = agencies.person()
    claims = agencies.web.world.grant().claims
    assert claims is not None
    bank, _ = agencies.consented(http, traveller, opening("family_name", "birthdate", "document_number"))
    stated = {
        "family_name": f" {(claims.family_name or '').lower()} ",
        "birthdate": claims.birth_date.isoformat(),
        "document_number": f"{claims.document_number[:-1]}({claims.document_number[-1]})",
    }
    answer = bank.post("/verifications", json={"claims": stated})
    assert answer.json()["matches"] == dict.fromkeys(stated, True)
    wrong = bank.post("/verifications", json={"claims": {"birthdate": "1901-01-01"}})
    assert wrong.json()["matches"] == {"birthdate": False}
    assert claims.birth_date.isoformat() not in wrong.text
    assert agencies.partners.journal(traveller)[0].kind == "partner:answer:verified"


def test_a_consent_to_comparing_tells_yes_or_no_and_nothing_else(agencies: AgencyWorld, http: TestClient) -> None:
    traveller = agencies.person()
    claims = agencies.web.world.grant().claims
    bank, _ = agencies.consented(http, traveller, opening("matches:family_name", "matches:document_number"))
    stated = {"family_name": claims.family_name, "document_number": "Z9999999"}

    answer = bank.post("/verifications", json={"claims": stated})
    assert answer.json()["matches"] == {"family_name": True, "document_number": False}
    told = agencies.partners.journal(traveller)[0]
    assert (told.kind, told.clear["claims"]) == (
        "partner:answer:verified",
        ["matches:document_number", "matches:family_name"],
    )
    assert "Z9999999" not in str(told)

    for url in ("/claims", "/claims?claim=family_name", "/claims?claim=document_number"):
        assert problem(bank.get(url))["type"] == "/problems/consent-required"
    assert bank.get("/claims?claim=matches:family_name").status_code == 422
    # What was not named is not compared.
    refused = bank.post("/verifications", json={"claims": {"birthdate": "1990-01-01"}})
    assert problem(refused)["type"] == "/problems/consent-required"


def test_values_cannot_be_guessed(agencies: AgencyWorld, http: TestClient) -> None:
    release = opening("birthdate", "family_name")
    traveller = agencies.person()
    bank, _ = agencies.for_person(http, traveller, [release])
    with agencies.web.world.begin() as work:
        assert work.partners.lock_guesses(BANK, traveller, at=agencies.web.now(), window=WINDOW) == 0
        work.partners.add_guesses(BANK, traveller, MAX_WRONG - 1, at=agencies.web.now())
    agencies.partners.agree(traveller, release)
    two = {"claims": {"birthdate": "1901-01-01", "family_name": "Nobody"}}
    refused = bank.post("/verifications", json=two)
    assert (refused.status_code, problem(refused)["type"]) == (429, "/problems/too-many-guesses")
    assert bank.post("/verifications", json={"claims": {"birthdate": "1901-01-01"}}).status_code == 200
    assert bank.post("/verifications", json={"claims": {"birthdate": "1902-01-01"}}).status_code == 429
    # The true value is refused too: nothing tells it from a wrong one.
    claims = agencies.web.world.grant().claims
    assert claims is not None
    true = {"claims": {"birthdate": claims.birth_date.isoformat()}}
    assert bank.post("/verifications", json=true).status_code == 429
    # Another partner has a count of its own, and the window ends.
    with agencies.web.world.begin() as work:
        assert work.partners.lock_guesses(SHOP, traveller, at=agencies.web.now(), window=WINDOW) == 0
        later = agencies.web.now() + WINDOW
        assert work.partners.lock_guesses(BANK, traveller, at=later, window=WINDOW) == 0


def test_an_answer_is_bound_signed_and_encrypted(agencies: AgencyWorld, http: TestClient) -> None:
    traveller = agencies.person()
    bank, grant = agencies.consented(http, traveller, opening("family_name", "over_18"))
    digest = hashlib.sha256(b"the contract").hexdigest()
    order = {"document": {"sha256": digest, "number": "C-7"}, "claims": ["over_18", "family_name"]}
    answer = bank.post("/answers", json=order)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/jwt"
    claims = agencies.opened(answer.text)
    assert claims["document"] == {"sha-256": digest, "number": "C-7"}
    assert set(claims["claims"]) == {"over_18", "family_name"}
    assert (claims["sub"], claims["aud"]) == (grant.subject, BANK)
    assert claims["consents"] == [str(grant.consents[0])]
    name = claims["claims"]["family_name"]
    assert name not in answer.text
    assert agencies.partners.journal(traveller)[0].kind == "partner:answer:bound"


def test_an_answer_needs_a_person_who_logged_in_lately(agencies: AgencyWorld, http: TestClient) -> None:
    """RFC 9470 3 and 4: the challenge says what would do, and a grant with such a login does."""
    traveller = agencies.person()
    release = opening("over_18")
    order = {"document": {"number": "7"}, "claims": ["over_18"]}
    _, first = agencies.consented(http, traveller, release)
    login = agencies.web.now()
    agencies.web.world.at += timedelta(minutes=15, seconds=1)
    late, _ = agencies.for_person(http, traveller, [release], consents=first.consents, auth_time=login)
    before = len(agencies.partners.journal(traveller))
    refused = late.post("/answers", json=order)
    assert (refused.status_code, refused.json()["error"]) == (401, "insufficient_user_authentication")
    assert 'max_age="900"' in refused.headers["www-authenticate"]
    assert len(agencies.partners.journal(traveller)) == before
    assert late.get("/claims").status_code == 200  # what is bound to nothing asks for no more than the grant
    again, _ = agencies.for_person(http, traveller, [release], consents=first.consents)
    assert again.post("/answers", json=order).status_code == 200


def test_no_key_no_answer_and_nothing_opened(agencies: AgencyWorld, http: TestClient) -> None:
    traveller = agencies.person()
    bank, _ = agencies.consented(http, traveller, opening("over_18"))
    before = len(agencies.partners.journal(traveller))
    with agencies.web.world.begin() as work:
        work.partners.set_keys(BANK, jwks_uri=None, jwks={"keys": []}, at=agencies.web.now())
    refused = bank.post("/answers", json={"document": {"number": "7"}, "claims": ["over_18"]})
    assert (refused.status_code, problem(refused)["type"]) == (409, "/problems/no-encryption-key")
    assert len(agencies.partners.journal(traveller)) == before


def test_the_agreed_frequency_is_kept(agencies: AgencyWorld, http: TestClient) -> None:
    bank, _ = agencies.consented(http, agencies.person(), opening("over_18"))
    statuses = [bank.get("/claims").status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    agencies.web.pass_time(timedelta(seconds=1))


def test_a_suspended_partner_stops_at_the_next_request(agencies: AgencyWorld, http: TestClient) -> None:
    world = agencies.web.world
    bank, _ = agencies.consented(http, agencies.person(), opening("over_18"))
    own = agencies.agency(http)
    question = {"grants": [str(uuid4())]}
    assert bank.get("/claims").status_code == 200
    assert own.post("/grants/status", json=question).status_code == 200
    with world.begin() as work:
        suspend_partner(work, partner_id=BANK, at=world.at, entropy=world.entropy)
    assert bank.get("/claims").status_code == 401
    assert own.post("/grants/status", json=question).status_code == 401
    # The other partner goes on.
    assert agencies.agency(http, SHOP).post("/grants/status", json=question).status_code == 200
    with world.begin() as work:
        resume_partner(work, partner_id=BANK, at=world.at, entropy=world.entropy)
    assert bank.get("/claims").status_code == 200


def test_the_status_of_own_grants_only(agencies: AgencyWorld, http: TestClient) -> None:
    release = opening("over_18")
    traveller = agencies.person()
    _, mine = agencies.consented(http, traveller, release)
    _, theirs = agencies.for_person(http, traveller, [release], partner_id=SHOP)
    asked = [str(theirs.grant_id), str(mine.grant_id), str(uuid4())]
    answer = agencies.agency(http).post("/grants/status", json={"grants": asked}).json()
    assert [(one["grant"], one["status"]) for one in answer["grants"]] == list(
        zip(asked, ["unknown", "active", "unknown"], strict=True)
    )
    assert answer["grants"][0].keys() == answer["grants"][2].keys()
    assert answer["grants"][0]["expires_at"] is answer["grants"][2]["expires_at"] is None
    agencies.web.pass_time(timedelta(days=2))
    later = agencies.agency(http).post("/grants/status", json={"grants": [str(mine.grant_id)]}).json()
    assert later["grants"][0]["status"] == "expired"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predicates", {"predicates": []}),
        ("/predicates", {"predicates": ["over_21"]}),
        ("/predicates", {"predicates": ["resident_of"]}),
        ("/predicates", {"predicates": ["over_18"], "extra": 1}),
        ("/predicates", {"predicates": ["over_18"] * 9}),
        ("/verifications", {"claims": {}}),
        ("/verifications", {"claims": {"over_18": "true"}}),
        ("/verifications", {"claims": {"birthdate": 19900101}}),
        ("/verifications", {"claims": {"birthdate": "x" * 201}}),
        ("/answers", {"document": {}, "claims": ["over_18"]}),
        ("/answers", {"document": {"sha256": "AB" * 32}, "claims": ["over_18"]}),
        ("/answers", {"document": {"number": "7"}, "claims": ["passport"]}),
        ("/answers", {"document": {"number": "7"}}),
    ],
)
def test_what_has_no_meaning_is_refused(
    agencies: AgencyWorld, http: TestClient, path: str, body: dict[str, Any]
) -> None:
    bank, _ = agencies.consented(http, agencies.person(), opening("over_18", "birthdate"))
    refused = bank.post(path, json=body)
    assert refused.status_code == 422, refused.text
    assert problem(refused)["type"] == "/problems/invalid-request"


def test_bodies_are_json_and_small(agencies: AgencyWorld, http: TestClient) -> None:
    own = agencies.agency(http)
    assert own.post("/grants/status", content=b"{").status_code == 415
    json_type = {"content-type": "application/json"}
    assert own.post("/grants/status", content=b"{", headers=json_type).status_code == 400
    large = json.dumps({"grants": ["x" * 20_000]}).encode()
    assert own.post("/grants/status", content=large, headers=json_type).status_code == 413


def test_the_journal_names_no_value(agencies: AgencyWorld, http: TestClient) -> None:
    bank, _ = agencies.consented(http, agencies.person(), opening("family_name"))
    name = bank.get("/claims").json()["claims"]["family_name"]
    with agencies.web.database.engine.connect() as connection:
        raw = [bytes(row) for row in connection.execute(text("SELECT entry FROM journal_inbox")).scalars()]
    assert "partner:claims:released" in [decode_entry(entry).kind for entry in raw]
    assert all(name.encode() not in entry for entry in raw)


def test_the_document_describes_itself(http: TestClient) -> None:
    document = http.get("/agencies/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert {path.removeprefix("/agencies/v1/") for path in document["paths"]} == {
        "answers",
        "claims",
        "form-fills",
        "form-fills/{request_id}",
        "grants/status",
        "jwks",
        "predicates",
        "signatures",
        "signatures/{request_id}",
        "verifications",
    }
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert {"500", "503"} <= operation["responses"].keys(), path
            failures = [answer for status, answer in operation["responses"].items() if status >= "400"]
            assert all(list(answer["content"]) == ["application/problem+json"] for answer in failures), path
    keys = http.get("/agencies/v1/jwks").json()["keys"]
    # One key for what is told to partners, another for receipts and grants.
    assert [(key["kty"], key["alg"], key["use"]) for key in keys] == [("OKP", "EdDSA", "sig")] * 2
    assert len({key["kid"] for key in keys}) == 2
    assert all("d" not in key for key in keys)
