"""A guardian agrees beside a child: linked by the child's own login, purpose by purpose, until the child decides."""

import re
from datetime import date, timedelta
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from broker.core.guardian import comes_of_age, digest_of_code, new_code
from broker.core.linking import Linked
from broker.core.purpose import E_CHANNEL
from broker.core.transfer import Outgoing
from broker.flows.decide_transfer import decide_transfer, subject_of
from broker.flows.guard import consents_of_ward
from broker.flows.opening import open_claims
from broker.flows.ports import Entry
from broker.wire.identity_grant import DocumentType
from tests.support.broker_world import ZONE
from tests.support.html_forms import forms_of
from tests.support.rights import Person, arrive
from tests.support.web_world import WebWorld

BORN = date(2013, 6, 1)  # fourteen within the year that a consent lasts
CODE = re.compile(r"<code>([0-9A-Z-]{11})</code>")


@pytest.fixture
def child(web: WebWorld) -> UUID:
    """A Mainland child of thirteen who agreed to the lane in Hong Kong."""
    grant = web.world.grant("child")
    assert grant.claims is not None
    document = {"document_type": DocumentType.PRC_RESIDENT_ID, "document_number": "110101201306010015"}
    claims = grant.claims.model_copy(update={"birth_date": BORN, "native_name": "小童", **document})
    outcome = web.world.arrive(grant.model_copy(update={"claims": claims}))
    assert isinstance(outcome, Linked)
    web.world.consent(outcome.traveller, E_CHANNEL, ZONE)
    return outcome.traveller


@pytest.fixture
def parent(web: WebWorld, http: TestClient) -> Person:
    return arrive(web, http, web.world.link("parent").traveller)


def _why(web: WebWorld, child: UUID) -> list[str]:
    """The reasons against the child's face leaving for Hong Kong."""
    world = web.world
    with world.begin() as work:
        key, sealed = web.keys.key(child), work.travellers.claims(child)
        assert sealed is not None
        claims = open_claims(work, sealed, traveller=child, key=key)
        terms = world.rulebook.purposes.purpose(E_CHANNEL).terms
        departure = decide_transfer(
            work,
            keys=web.keys,
            rules=world.rulebook.transfers,
            traveller=child,
            subject=subject_of("CN", claims, at=world.at),
            outgoing=Outgoing(ZONE, "HK", ("face_template",), terms, purpose=E_CHANNEL),
            at=world.at,
        )
        work.journal.append(
            Entry("gate:template:refused", {}, None, None, None, departure), at=world.at, entropy=world.entropy
        )
    return [reason.value for reason in departure.decision.reasons]


def _link(web: WebWorld, parent: Person, child: UUID) -> None:
    made = parent.send(parent.form(parent.get("/rights/guardians"), "/rights/guardians/invitations"))
    code = CODE.search(made.text)
    assert code is not None
    with web.client() as other:
        ward = arrive(web, other, child)
        page = ward.get("/rights/guardians")
        assert ward.send(ward.form(page, "/rights/guardians/confirmations"), code="AAAAA-AAAAA").status_code == 422
        good = ward.send(ward.form(page, "/rights/guardians/confirmations"), code=code[1].lower())
        assert good.status_code == 303
        # It works once.
        assert ward.send(ward.form(page, "/rights/guardians/confirmations"), code=code[1]).status_code == 422


def test_only_a_guardians_own_consent_lets_a_childs_face_go(web: WebWorld, parent: Person, child: UUID) -> None:
    assert "guardian_consent_missing" in _why(web, child)
    _link(web, parent, child)
    assert "guardian_consent_missing" in _why(web, child)  # linked is not agreed
    page = parent.get("/rights/guardians", lang="zh-Hant")
    assert "小童" in page.text
    (address,) = re.findall(r'href="(/rights/guardians/[^"?]+)\?', page.text)
    read = parent.get(address, lang="zh-Hant")
    assert "《個人信息保護法》（PIPL）第31條" in read.text
    assert "separate consent" not in read.text
    form = parent.form(read, address)
    assert parent.send(form, decision="agree").status_code == 422
    assert parent.send(form, decision="refuse").status_code == 303
    assert "guardian_consent_missing" in _why(web, child)
    assert parent.send(form, decision="agree", agree="yes").status_code == 303
    assert "guardian_consent_missing" not in _why(web, child)

    # Either takes it back: here the child.
    with web.client() as other:
        ward = arrive(web, other, child)
        shown = ward.get("/rights/guardians")
        assert ward.send(ward.form(shown, "/rights/guardians/withdrawals")).status_code == 303
    assert "guardian_consent_missing" in _why(web, child)
    assert parent.send(form, decision="agree", agree="yes").status_code == 303
    assert parent.send(parent.form(parent.get("/rights/guardians"), "/rights/guardians/endings")).status_code == 303
    assert "guardian_consent_missing" in _why(web, child)
    assert parent.get(address).status_code == 404
    assert "A guardian was linked" in parent.get("/rights/log").text


def test_what_the_child_agrees_to_anew_is_agreed_to_anew(web: WebWorld, parent: Person, child: UUID) -> None:
    _link(web, parent, child)

    def agree() -> None:
        (address,) = re.findall(r'href="(/rights/guardians/[^"?]+)\?', parent.get("/rights/guardians").text)
        form = parent.form(parent.get(address), address)
        assert parent.send(form, decision="agree", agree="yes").status_code == 303

    agree()
    assert "guardian_consent_missing" not in _why(web, child)
    with web.world.begin() as work:
        (record,) = consents_of_ward(work, child)
    web.world.withdraw(child, record.consent_id)
    web.world.at += timedelta(seconds=1)
    web.world.consent(child, E_CHANNEL, ZONE)
    assert "guardian_consent_missing" in _why(web, child)
    agree()
    assert "guardian_consent_missing" not in _why(web, child)


def test_at_fourteen_the_child_decides_alone(web: WebWorld, parent: Person, child: UUID) -> None:
    _link(web, parent, child)
    (address,) = re.findall(r'href="(/rights/guardians/[^"?]+)\?', parent.get("/rights/guardians").text)
    parent.send(parent.form(parent.get(address), address), decision="agree", agree="yes")
    with web.world.begin() as work:
        (given,) = work.guardians.consents(child)
    assert given.valid_until == comes_of_age(BORN, 14)
    web.world.at = comes_of_age(BORN, 14) - timedelta(seconds=1)
    assert "guardian_consent_missing" not in _why(web, child)
    with web.world.begin() as work:
        work.guardians.withdraw(given.consent_id, web.now())
    assert "guardian_consent_missing" in _why(web, child)
    web.world.at += timedelta(seconds=1)
    assert "guardian_consent_missing" not in _why(web, child)
    parent.log_in()
    made = CODE.search(parent.send(parent.form(parent.get("/rights/guardians"), "/rights/guardians/invitations")).text)
    assert made is not None
    with web.client() as other:
        grown = arrive(web, other, child)
        form = grown.form(grown.get("/rights/guardians"), "/rights/guardians/confirmations")
        assert grown.send(form, code=made[1]).status_code == 422


def test_who_can_be_a_guardian(web: WebWorld, parent: Person, child: UUID) -> None:
    with web.client() as other:
        young = arrive(web, other, child)
        form = young.form(young.get("/rights/guardians"), "/rights/guardians/invitations")
        assert young.send(form).status_code == 422
    own = CODE.search(parent.send(parent.form(parent.get("/rights/guardians"), "/rights/guardians/invitations")).text)
    assert own is not None
    form = parent.form(parent.get("/rights/guardians"), "/rights/guardians/confirmations")
    assert parent.send(form, code=own[1]).status_code == 422
    assert not any("endings" in form.action for form in forms_of(parent.get("/rights/guardians")))


def test_codes_are_read_as_people_type_them() -> None:
    code = new_code(bytes(range(10)))
    assert digest_of_code(code) == digest_of_code(f" {code[:5].lower()}-{code[5:]} ")
    for wrong in ("", code[:-1], code + "A", code[:-1] + "0", "é" * 10):
        assert digest_of_code(wrong) is None
