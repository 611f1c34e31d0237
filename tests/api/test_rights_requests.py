"""Objections and corrections: asked by the person, answered by a person, and nothing released by either."""

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from broker.core.linking import Linked
from broker.core.purpose import E_CHANNEL
from broker.core.staff import Role
from broker.core.webhook import security_event
from tests.support.agency_world import AgencyWorld
from tests.support.broker_world import ZONE
from tests.support.html_forms import forms_of
from tests.support.partner_world import BANK, opening
from tests.support.rights import Person, arrive
from tests.support.staff import csrf, sign_in
from tests.support.web_world import ISSUER, WebWorld

REQUEST = re.compile(r"/staff/reviews/([0-9a-f-]{36})")


@pytest.fixture
def person(web: WebWorld, http: TestClient) -> Person:
    """Somebody whose template a gate asked for in vain."""
    traveller = web.world.ready()
    minted = web.world.one_pass(traveller)
    request = web.world.lane().request(web.world.phone.code(minted, web.now()), web.now())[1]
    with web.world.begin() as work:
        standing = work.consents.standing(traveller, E_CHANNEL, ZONE)
    assert standing is not None
    web.world.withdraw(traveller, standing.consent_id)
    web.world.release(request)
    return arrive(web, http, traveller)


def _object(person: Person, words: str = "I had agreed") -> Any:
    (form,) = [form for form in forms_of(person.get("/rights/log")) if form.action == "/rights/reviews/new"]
    page = person.http.get(form.action, params=dict(form.fields))
    return person.send(person.form(page, "/rights/reviews"), words=words)


def _settle(http: TestClient, **answer: str) -> Any:
    waiting = REQUEST.findall(http.get("/staff/reviews").text)
    path = f"/staff/reviews/{waiting[0]}"
    return http.post(path, data={"csrf": csrf(http, path), **answer})


def test_a_person_answers_and_nothing_is_released(web: WebWorld, person: Person) -> None:
    before = person.get("/rights/log").text.count("<article")
    assert _object(person).headers["location"].startswith("/rights/requests")
    # Ten working days, and the bounds of the law are wider.
    assert "2026-12-04" in person.get("/rights/requests").text
    assert _object(person).status_code == 422  # it is open already
    with web.client() as desk:
        assert desk.get("/staff/reviews").status_code == 401
        sign_in(desk, Role.AUDITOR)
        assert desk.get("/staff/reviews").status_code == 403
        sign_in(desk, Role.REVIEWER)
        shown = desk.get(f"/staff/reviews/{REQUEST.findall(desk.get('/staff/reviews').text)[0]}").text
        assert "I had agreed" in shown
        assert "No consent was in force." in shown
        assert _settle(desk, outcome="ask_again", reason="").status_code == 422
        assert _settle(desk, outcome="claims_withheld", reason="x").status_code == 422
        assert _settle(desk, outcome="ask_again", reason="You had agreed by then.").status_code == 303
        assert "Nothing waits" in desk.get("/staff/reviews").text
    answered = person.get("/rights/requests").text
    assert "You were right" in answered
    assert "You had agreed by then." in answered
    # Two entries more: asked and settled. No template left.
    log = person.get("/rights/log").text
    assert log.count("<article") == before + 2
    assert "Template sent to a gate" not in log


def test_only_a_decision_against_oneself_is_reviewed(web: WebWorld, person: Person) -> None:
    with web.world.begin() as work:
        every = work.rights.entries(person.traveller, key=web.keys.key(person.traveller), limit=50, after=None)
    fine = next(use for use in every if use.kind == "traveller:consent:granted")
    assert person.get(f"/rights/reviews/new?entry={fine.leaf_hash.hex()}").status_code == 404
    token = dict(person.form(person.get("/rights/corrections"), "/rights/corrections").fields)["csrf"]
    sent = {"csrf": token, "entry": fine.leaf_hash.hex(), "words": "no"}
    assert person.http.post("/rights/reviews", data=sent).status_code == 404
    refused = next(use for use in every if use.kind == "gate:template:refused")
    stranger = arrive(web, person.http, web.world.ready("somebody-else"))
    assert stranger.get(f"/rights/reviews/new?entry={refused.leaf_hash.hex()}").status_code == 404


@pytest.fixture
def agencies(web: WebWorld) -> AgencyWorld:
    made = AgencyWorld(web)
    with web.world.begin() as work:
        work.partners.set_webhook(BANK, "https://bank.example/hook")
    return made


def _received(agencies: AgencyWorld, http: TestClient) -> Any:
    """A person of whom the bank read the birth date and nothing else."""
    traveller = agencies.person()
    client, grant = agencies.consented(http, traveller, opening("birthdate"))
    assert client.get("/claims").status_code == 200
    return traveller, grant


def _told(web: WebWorld) -> list[Any]:
    with web.world.begin() as work:
        return [
            event for event in work.partner_events.of(BANK, state=None, limit=20) if event.name == "claims.corrected"
        ]


def test_a_login_that_brings_other_claims_tells_who_received_the_old_ones(
    web: WebWorld, agencies: AgencyWorld, http: TestClient
) -> None:
    _, grant = _received(agencies, http)
    again = web.world.grant()
    assert again.claims is not None
    other_name = again.claims.model_copy(update={"given_name": "Siu Mei"})
    assert isinstance(web.world.arrive(replace_claims(again, other_name)), Linked)
    assert _told(web) == []  # the bank never read a name
    corrected = other_name.model_copy(update={"birth_date": again.claims.birth_date.replace(year=1991)})
    web.world.arrive(replace_claims(again, corrected))
    (event,) = _told(web)
    assert event.body == {"claims": ["birthdate"], "status": "replaced", "grants": [str(grant.grant_id)]}
    web.world.arrive(replace_claims(again, corrected))
    assert len(_told(web)) == 1  # nothing changed


def test_a_partner_whose_grant_ended_long_ago_is_told_about_whom(
    web: WebWorld, agencies: AgencyWorld, http: TestClient
) -> None:
    _, grant = _received(agencies, http)
    web.pass_time(timedelta(days=120))
    with web.storage.unit() as unit:
        unit.sweep(web.now())
        assert unit.grant(grant.grant_id) is None
    corrected = web.world.grant()
    assert corrected.claims is not None
    web.world.arrive(replace_claims(corrected, corrected.claims.model_copy(update={"birth_date": date(1991, 2, 3)})))
    (event,) = _told(web)
    assert event.body == {"claims": ["birthdate"], "status": "replaced", "grants": []}
    assert event.subject == grant.subject
    sent = security_event(replace(event, decided=True), issuer=ISSUER, at=web.now())
    assert sent["sub_id"]["sub"] == grant.subject
    assert sent["events"]["urn:tongguan:event:claims.corrected"]["claims"] == ["birthdate"]


def test_an_upheld_correction_withholds_what_is_wrong(web: WebWorld, agencies: AgencyWorld, http: TestClient) -> None:
    traveller, _ = _received(agencies, http)
    person = arrive(web, http, traveller)
    form = person.form(person.get("/rights/corrections"), "/rights/corrections")
    assert person.send(form, claim="birth_date", words=" ").status_code == 422
    assert person.send(form, claim="birth_date", words="It is the 3rd").status_code == 303
    with web.client() as desk:
        sign_in(desk, Role.REVIEWER)
        assert _settle(desk, outcome="claims_withheld", reason="The certificate shows it.").status_code == 303
    (event,) = _told(web)
    assert event.body["status"] == "withheld"
    with web.world.begin() as work:
        assert work.travellers.claims(traveller) is None
    assert "What was wrong no longer leaves us" in person.get("/rights/requests").text
    export = person.form(person.get("/rights/export"), "/rights/export")
    assert person.send(export, format="json").json()["export"]["requests"][0]["answer"]["remedy"] == "claims_withheld"


def test_the_login_after_a_withheld_claim_tells_who_was_told(
    web: WebWorld, agencies: AgencyWorld, http: TestClient
) -> None:
    traveller, grant = _received(agencies, http)
    person = arrive(web, http, traveller)
    with web.client() as desk:
        sign_in(desk, Role.REVIEWER)
        for claim in ("birth_date", "given_name"):
            form = person.form(person.get("/rights/corrections"), "/rights/corrections")
            assert person.send(form, claim=claim, words="It is not so").status_code == 303
            assert _settle(desk, outcome="claims_withheld", reason="The certificate shows it.").status_code == 303
    assert [event.body["status"] for event in _told(web)] == ["withheld"]  # the bank never read a name
    web.pass_time(timedelta(hours=1))
    web.world.link()
    newest, _ = _told(web)
    assert newest.body == {"claims": ["birthdate"], "status": "replaced", "grants": [str(grant.grant_id)]}
    with web.world.begin() as work:
        every = work.rights.entries(traveller, key=web.keys.key(traveller), limit=50, after=None)
    told = next(use for use in every if use.kind == "traveller:claims:corrected")
    assert told.clear["claims"] == ["birthdate", "given_name", "name", "over_18"]
    web.world.link()
    assert len(_told(web)) == 2  # once


def replace_claims(grant: Any, claims: Any) -> Any:
    return grant.model_copy(update={"claims": claims})
