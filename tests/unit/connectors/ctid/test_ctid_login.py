"""Logging in at CTID: what is asked, in which mode, and what the grant then says."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from broker.wire.identity_connector import ConnectorError, ProviderFault
from broker.wire.identity_grant import Assurance, DocumentType
from connectors.ctid import package
from connectors.ctid.modes import AuthMode
from connectors.mock_idps.faults import Fault
from tests.support.ctid_world import LI, NOW, OUYANG, PLATFORM, WANG, CtidWorld, portrait


def test_the_app_is_asked_in_the_dialects_words(ctid: CtidWorld) -> None:
    begun = ctid.begin("zh-Hant")
    query = parse_qs(urlsplit(begun.url).query)
    assert set(query) == {"orgID", "appID", "bizSeq", "type", "redirectURI", "state", "lang"}
    assert (query["orgID"], query["appID"], query["type"]) == (["10000001"], ["0001"], ["0"])
    assert len(query["bizSeq"][0]) == 32
    assert ctid.connector.origin == PLATFORM
    assert ctid.connector.state_of(ctid.answer(begun)) == "the-state"


def test_plaintext_identity_and_photograph_come_with_separate_consent(ctid: CtidWorld) -> None:
    grant = ctid.login(WANG)
    assert grant.claims is not None
    assert grant.claims.native_name == "王示例"
    assert (grant.claims.document_type, grant.claims.document_number) == (
        DocumentType.PRC_RESIDENT_ID,
        "990001198504123015",
    )
    assert (grant.claims.birth_date, grant.claims.document_expires) == (date(1985, 4, 12), date(2040, 1, 1))
    assert grant.portrait == portrait(WANG)
    assert grant.scopes == {"result", "sFXX", "zP"}
    assert grant.acr is Assurance.HIGH
    assert (grant.provider_acr, grant.amr) == ("R03", ("swk", "face"))
    assert (grant.issuer, grant.auth_time) == (PLATFORM, NOW)
    assert grant.tokens is None


def test_a_card_without_end_says_so(ctid: CtidWorld) -> None:
    grant = ctid.login(OUYANG)
    assert grant.claims is not None
    assert grant.claims.document_expires is None


@pytest.mark.parametrize(("last_day", "good"), [("20261120", False), ("20261121", True)])
def test_we_look_at_the_last_day_ourselves(ctid: CtidWorld, last_day: str, good: bool) -> None:
    """Whatever the platform thinks of the card; the last day counts."""
    register = ctid.world.register
    register.check_card = lambda person: None  # type: ignore[method-assign]
    person = register.people[WANG]
    register.people = {WANG: replace(person, record={**person.record, "yXQJZRQ": last_day})}
    if good:
        assert ctid.login(WANG).claims is not None
        return
    with pytest.raises(ConnectorError) as refused:
        ctid.login(WANG)
    assert (refused.value.fault, refused.value.code) == (ProviderFault.EXPIRED_CREDENTIAL, None)


def test_without_separate_consent_there_is_a_result_and_nothing_more(ctid: CtidWorld) -> None:
    said: list[Mapping[str, object]] = []

    def keep(response: httpx.Response) -> httpx.Response:
        said.append(package.read(response.read()).fields)
        return response

    ctid.spoiler.answers["/ctid/api/v1/authentication"] = keep
    grant = ctid.login(WANG, share=[])
    assert "authResultRetainData" not in said[0]
    assert (grant.claims, grant.verification, grant.portrait) == (None, None, None)
    assert grant.scopes == {"result"}
    assert grant.subject == ctid.login(WANG).subject
    sent = b"".join(request.content for request in ctid.spoiler.asked)
    assert "王示例".encode() not in sent


def test_name_and_photograph_are_agreed_to_one_by_one(ctid: CtidWorld) -> None:
    name_only, photo_only = ctid.login(WANG, share=["sFXX"]), ctid.login(WANG, share=["zP"])
    assert name_only.claims is not None
    assert (name_only.portrait, name_only.scopes) == (None, {"result", "sFXX"})
    # A photograph of nobody is not kept.
    assert (photo_only.claims, photo_only.portrait, photo_only.scopes) == (None, None, {"result"})


def test_the_pid_is_of_the_person_and_the_organisation(ctid: CtidWorld) -> None:
    assert ctid.login(WANG).subject == ctid.login(WANG).subject != ctid.login(LI).subject
    person = ctid.world.register.people[WANG]
    before = ctid.world.pid(person)
    ctid.world.org_id = "10000002"
    assert ctid.world.pid(person) != before


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (AuthMode.APP_PASSWORD, (Assurance.SUBSTANTIAL, ("swk", "pin"))),
        (AuthMode.APP_FACE, (Assurance.HIGH, ("swk", "face"))),
        (AuthMode.APP_PASSWORD_FACE, (Assurance.HIGH, ("swk", "pin", "face"))),
    ],
)
def test_the_mode_decides_the_assurance(
    ctid: CtidWorld, mode: AuthMode, expected: tuple[Assurance, tuple[str, ...]]
) -> None:
    ctid.rebuild(mode=mode.value)
    grant = ctid.login(WANG)
    assert (grant.acr, grant.amr, grant.provider_acr) == (*expected, mode.value)


@pytest.mark.parametrize("mode", ["R01", "0x40", "0x42", "0x10", "R05"])
def test_a_mode_that_carries_no_login_is_refused_in_the_settings(ctid: CtidWorld, mode: str) -> None:
    with pytest.raises(ValueError, match="mode"):
        ctid.rebuild(mode=mode)


def test_the_evidence_hash_is_of_the_signed_answer(ctid: CtidWorld) -> None:
    one, two = ctid.login(WANG), ctid.login(WANG)
    assert one.evidence_hash != two.evidence_hash


def test_the_grant_shows_nothing_of_the_person(ctid: CtidWorld) -> None:
    grant = ctid.login(WANG)
    assert grant.subject not in repr(grant)
    assert "王示例" not in repr(grant)
    assert "990001198504123015" not in repr(grant)


def test_data_of_another_login_is_refused(ctid: CtidWorld) -> None:
    mine, theirs = ctid.begin(), ctid.begin()
    ctid.answer(mine, WANG)
    with pytest.raises(ConnectorError) as refused:
        ctid.finish(mine, ctid.answer(theirs, LI))
    assert (refused.value.fault, refused.value.code) == (ProviderFault.UNTRUSTED, "0x00A1FF06")


def test_a_callback_counts_once(ctid: CtidWorld) -> None:
    begun = ctid.begin()
    answer = ctid.answer(begun)
    assert ctid.finish(begun, answer).subject
    with pytest.raises(ConnectorError) as refused:
        ctid.finish(begun, answer)
    assert refused.value.code == "0x00A1FF06"


def test_a_replayed_callback_reaches_nobody_elses_account(ctid: CtidWorld) -> None:
    ctid.login(LI)
    ctid.fault(Fault.REPLAYED_CALLBACK)
    with pytest.raises(ConnectorError) as refused:
        ctid.login(WANG)
    assert refused.value.fault is ProviderFault.UNTRUSTED


def test_a_login_that_began_long_ago_has_timed_out(ctid: CtidWorld) -> None:
    begun = ctid.begin()
    answer = ctid.answer(begun)
    ctid.clock.forward(minutes=16)
    with pytest.raises(ConnectorError) as refused:
        ctid.finish(begun, answer)
    assert refused.value.fault is ProviderFault.TIMED_OUT
