"""Logging in with Macau One Account: what becomes a grant, and what does not."""

import json
from dataclasses import replace
from datetime import date, timedelta
from urllib.parse import parse_qsl

import httpx
import pytest

from broker.wire.identity_connector import ConnectorError, ProviderFault, WantedLogin
from broker.wire.identity_grant import Assurance, DocumentType
from connectors.macau.connector import LEVELS
from connectors.mock_idps.macau.packet import BureauKeys
from connectors.mock_idps.macau.state import new_key
from tests.support.macau_world import CALLBACK, NOW, PORTRAIT, MacauWorld, register


def fault_of(macau: MacauWorld, answer: dict[str, str]) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        macau.finish(answer)
    # The operator's text names fields and addresses, never what they held.
    for secret in ("1000001", "蘇示例", "Mário", "de Sousa", answer.get("code", "") or "\0"):
        assert secret not in str(caught.value)
    return caught.value


def test_a_login_becomes_a_grant(macau: MacauWorld) -> None:
    grant = macau.login()
    assert (grant.provider, grant.issuer, grant.auth_time) == ("macau", "http://macau.test", NOW)
    assert (grant.acr, grant.provider_acr, grant.amr) == (
        Assurance.HIGH,
        "urn:mo:conta-unica:rosto",
        ("face", "hwk"),
    )
    assert grant.claims is not None
    assert grant.claims.model_dump(exclude_none=True) == {
        "family_name": "de Sousa Exemplo",
        "given_name": "Mário",
        "native_name": "蘇示例",
        "birth_date": date(1985, 4, 12),
        "document_type": DocumentType.MACAU_BIR,
        "document_number": "10000012",
        "document_expires": date(2039, 12, 31),
        "further_documents": (),
    }
    assert grant.portrait == PORTRAIT
    assert {"openid", "nome", "documento", "data_nascimento", "fotografia"} <= grant.scopes
    assert grant.tokens is not None
    assert grant.tokens.open_id == grant.subject
    assert "10000012" not in repr(grant)


@pytest.mark.parametrize(
    ("person", "kind", "number"),
    [
        ("macau-wang", DocumentType.PRC_RESIDENT_ID, "990001198504123015"),
        ("macau-chan", DocumentType.HKID, "QX9001236"),
    ],
)
def test_an_account_may_rest_on_another_places_document(
    macau: MacauWorld, person: str, kind: DocumentType, number: str
) -> None:
    claims = macau.login(person).claims
    assert claims is not None
    assert (claims.document_type, claims.document_number) == (kind, number)


def test_the_same_person_keeps_the_same_subject(macau: MacauWorld) -> None:
    assert macau.login().subject == macau.login().subject != macau.login("macau-lei").subject


def test_a_telephone_without_a_face_check_is_substantial(macau: MacauWorld) -> None:
    assert macau.login(eid="dispositivo").acr is Assurance.SUBSTANTIAL


def test_a_login_without_a_photograph_counts(macau: MacauWorld) -> None:
    assert macau.login(share=["nome", "documento", "data_nascimento"]).portrait is None
    assert macau.login("macau-lei").portrait is None  # the bureau holds none


@pytest.mark.parametrize("kept", ["nome", "documento", "data_nascimento"])
def test_what_a_login_cannot_do_without(macau: MacauWorld, kept: str) -> None:
    share = [name for name in ("nome", "documento", "data_nascimento", "fotografia") if name != kept]
    assert fault_of(macau, macau.answer(share=share)).fault is ProviderFault.WITHHELD


def test_the_request_is_pushed_and_says_what_for(macau: MacauWorld) -> None:
    begun = macau.connector.begin(macau.start(language="pt"))
    assert set(httpx.URL(begun.url).params) == {"client_id", "request_uri"}
    page = macau.browser().get(begun.url)
    assert 'lang="pt"' in page.text
    assert macau.browser().get(begun.url).status_code == 400  # a pushed request is used once


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (WantedLogin(), {"acr_values": " ".join(LEVELS)}),
        (WantedLogin(fresh=True), {"acr_values": " ".join(LEVELS), "prompt": "login"}),
        (WantedLogin(max_age=60), {"acr_values": " ".join(LEVELS), "max_age": "60"}),
        (WantedLogin(level=Assurance.HIGH), {"acr_values": "urn:mo:conta-unica:rosto"}),
        (WantedLogin(level=Assurance.SUBSTANTIAL), {"acr_values": " ".join(LEVELS)}),
    ],
    ids=str,
)
def test_what_is_wanted_of_the_login_is_said(macau: MacauWorld, wanted: WantedLogin, said: dict[str, str]) -> None:
    macau.connector.begin(replace(macau.start(), wanted=wanted))
    pushed = dict(parse_qsl(macau.spoiler.asked[-1].content.decode()))
    assert {name: pushed[name] for name in ("acr_values", "prompt", "max_age") if name in pushed} == said


def test_a_callback_of_another_login_is_refused(macau: MacauWorld) -> None:
    first = macau.answer()
    macau.answer("macau-lei")
    assert fault_of(macau, first).fault is ProviderFault.REFUSED  # PKCE: the code is not this login's


def test_a_code_counts_once(macau: MacauWorld) -> None:
    answer = macau.answer()
    macau.finish(answer)
    error = fault_of(macau, answer)
    assert (error.fault, error.code) == (ProviderFault.REFUSED, "invalid_grant")


@pytest.mark.parametrize("issuer", [None, "http://evil.test"])
def test_the_answer_names_its_issuer(macau: MacauWorld, issuer: str | None) -> None:
    answer = macau.answer()
    answer = {**answer, "iss": issuer} if issuer else {k: v for k, v in answer.items() if k != "iss"}
    assert fault_of(macau, answer).fault is ProviderFault.UNTRUSTED


def test_the_nonce_is_this_logins(macau: MacauWorld) -> None:
    answer = macau.answer()
    assert macau.begun is not None
    memory = json.dumps(json.loads(macau.begun.memory) | {"nonce": "another"}).encode()
    with pytest.raises(ConnectorError) as caught:
        macau.connector.finish(answer, memory=memory, redirect_uri=CALLBACK, at=NOW)
    assert caught.value.fault is ProviderFault.UNTRUSTED


def test_time_is_the_callers(macau: MacauWorld) -> None:
    answer = macau.answer()
    macau.clock.at = NOW
    assert macau.begun is not None
    with pytest.raises(ConnectorError):
        macau.connector.finish(answer, memory=macau.begun.memory, redirect_uri=CALLBACK, at=NOW + timedelta(hours=1))


def test_a_clock_a_minute_off_is_forgiven(macau: MacauWorld) -> None:
    answer = macau.answer()
    assert macau.begun is not None
    grant = macau.connector.finish(
        answer, memory=macau.begun.memory, redirect_uri=CALLBACK, at=NOW - timedelta(seconds=55)
    )
    assert grant.auth_time == NOW


def test_several_departments_may_be_chosen_and_ours_still_opens(macau: MacauWorld) -> None:
    assert macau.login(recipients=["dsf", "ssm", "tongguan"]).subject


def test_our_key_rotates_without_a_restart(macau: MacauWorld) -> None:
    old = next(path.stem for path in macau.keys.glob("*.pem"))
    macau.login()
    new = macau.new_key()
    assert macau.login().subject
    register(macau.keys, [old, new])  # a packet for the old key, still on its way
    assert macau.login().subject


def test_their_keys_rotate_without_a_restart(macau: MacauWorld) -> None:
    macau.login()
    macau.world.key = new_key()
    macau.world.bureau = BureauKeys.generate()
    assert macau.login().subject
    assert macau.login().subject


def test_the_access_token_is_the_one_the_id_token_names(macau: MacauWorld) -> None:
    """at_hash: somebody else's access token slipped into the answer would fetch somebody else's packet."""
    answer = macau.answer()

    def swap(response: httpx.Response) -> httpx.Response:
        return httpx.Response(200, json=json.loads(response.read()) | {"access_token": "another"})

    macau.spoiler.answers["/token"] = swap
    assert fault_of(macau, answer).fault is ProviderFault.UNTRUSTED
    assert "/packet" not in {request.url.path for request in macau.spoiler.asked}
