"""Logging in: what is believed, what the person keeps back, and what a provider gone wrong leads to."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.wire.identity_connector import ConnectorError, ProviderFault
from broker.wire.identity_grant import Assurance, DocumentType
from connectors.mock_idps.faults import Fault, Setting
from tests.support.iamsmart_world import CALLBACK, PORTRAIT, IamSmartWorld, iamsmart_world

ALL = ["eidapi_profiles", "eidapi_formFilling", "eidapi_sign", "eidapi_fr"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[IamSmartWorld]:
    with iamsmart_world(tmp_path) as made:
        yield made


def fault_of(world: IamSmartWorld, **how: Any) -> ProviderFault:
    with pytest.raises(ConnectorError) as failed:
        world.login(**how)
    return failed.value.fault


def test_the_browser_is_sent_with_exactly_the_dialects_parameters(world: IamSmartWorld) -> None:
    begun = world.connector.begin(world.start(language="zh-Hans"))
    parts = urlsplit(begun.url)
    assert (parts.scheme, parts.netloc, parts.path) == ("http", "iamsmart.test", "/api/v1/auth/getQR")
    assert dict(parse_qsl(parts.query)) == {
        "clientID": "tongguan",
        "responseType": "code",
        "source": "PC_Browser",
        "redirectURI": CALLBACK,
        "scope": "eidapi_auth eidapi_profiles eidapi_formFilling eidapi_sign eidapi_fr",
        "state": "the-state",
        "lang": "zh-CN",
        "brokerPage": "true",
    }


def test_a_login_becomes_a_grant(world: IamSmartWorld) -> None:
    grant = world.login()
    assert (grant.provider, grant.issuer) == ("iamsmart", "http://iamsmart.test")
    assert (grant.acr, grant.provider_acr, grant.amr) == (Assurance.HIGH, "eidapi_fr", ("face", "hwk"))
    assert grant.scopes == {"eidapi_auth", *ALL}
    assert grant.claims is not None
    assert grant.claims.native_name == "陳示範"
    assert (grant.claims.family_name, grant.claims.given_name) == ("CHAN", "Si Fan")
    assert (grant.claims.document_type, grant.claims.document_number) == (DocumentType.HKID, "QX9001236")
    assert grant.claims.birth_date == date(1985, 4, 12)
    assert grant.portrait == PORTRAIT + b"iamsmart-chan"
    assert grant.auth_time == world.clock.at
    assert grant.tokens is not None
    assert grant.tokens.expires_at == world.clock.at + timedelta(hours=10)
    assert grant.tokens.open_id == grant.subject
    for secret in (grant.subject, grant.tokens.access_token, "QX9001236", "CHAN"):
        assert secret not in repr(grant)


def test_a_person_without_a_chinese_name(world: IamSmartWorld) -> None:
    claims = world.login("iamsmart-dsouza").claims
    assert claims is not None
    assert (claims.native_name, claims.family_name, claims.given_name) == (None, "D'SOUZA", "Specimen")


def test_the_subject_is_the_same_every_time_and_another_at_every_service(world: IamSmartWorld) -> None:
    first, second = world.login(), world.login()
    assert first.subject == second.subject
    assert first.evidence_hash != second.evidence_hash
    another = world.connect_as(client_id="another", client_secret="another secret")
    answer = world.answer(another.begin(world.start()).url)
    elsewhere = another.finish(answer, memory=b"", redirect_uri=CALLBACK, at=world.clock.at)
    assert elsewhere.claims == first.claims
    assert elsewhere.subject != first.subject


def test_without_the_face_the_login_is_substantial(world: IamSmartWorld) -> None:
    grant = world.login(share=["eidapi_profiles"])
    assert (grant.acr, grant.provider_acr, grant.amr) == (Assurance.SUBSTANTIAL, "eidapi_auth", ("hwk", "pin"))


def test_keeping_the_profile_back(world: IamSmartWorld) -> None:
    assert fault_of(world, share=["eidapi_fr"]) is ProviderFault.WITHHELD


def test_a_service_that_asks_for_no_profile_gets_a_result_and_nothing_more(tmp_path: Path) -> None:
    with iamsmart_world(tmp_path, scopes=("eidapi_auth", "eidapi_fr")) as world:
        grant = world.login()
    assert (grant.claims, grant.portrait, grant.verification) == (None, None, None)
    assert world.wire.count("/profiles") == 0


def test_the_portrait_is_asked_for_only_where_it_is_configured(tmp_path: Path) -> None:
    with iamsmart_world(tmp_path, portrait="none") as world:
        assert world.login().portrait is None


def test_a_code_works_once(world: IamSmartWorld) -> None:
    answer = world.answer(world.connector.begin(world.start()).url)
    assert world.finish(answer)
    with pytest.raises(ConnectorError) as again:
        world.finish(answer)
    assert again.value.code == "S20006"


def test_a_code_lives_a_minute(world: IamSmartWorld) -> None:
    answer = world.answer(world.connector.begin(world.start()).url)
    world.clock.forward(seconds=60)
    with pytest.raises(ConnectorError) as late:
        world.finish(answer)
    assert late.value.code == "S20006"


@pytest.mark.parametrize("answer", [{}, {"code": ""}, {"code": "c" * 513}, {"state": "s"}])
def test_an_answer_without_a_code(world: IamSmartWorld, answer: dict[str, str]) -> None:
    with pytest.raises(ConnectorError) as failed:
        world.finish(answer)
    assert failed.value.fault is ProviderFault.GARBLED


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"openID": None}, ProviderFault.GARBLED),
        ({"openID": "x" * 256}, ProviderFault.GARBLED),
        ({"openID": "a\u202eb"}, ProviderFault.GARBLED),
        ({"accessToken": 7}, ProviderFault.GARBLED),
        ({"accessToken": ""}, ProviderFault.GARBLED),
        ({"tokenType": "mac"}, ProviderFault.GARBLED),
        ({"scope": ["eidapi_auth"]}, ProviderFault.GARBLED),
        ({"scope": "eidapi_profiles"}, ProviderFault.WITHHELD),
        ({"issueAt": None}, ProviderFault.GARBLED),
        ({"issueAt": 1e300}, ProviderFault.GARBLED),
        ({"issueAt": 10**14}, ProviderFault.GARBLED),
        ({"issueAt": 1_600_000_000_000}, ProviderFault.UNTRUSTED),
        ({"issueAt": 1_900_000_000_000}, ProviderFault.UNTRUSTED),
        ({"expiresIn": "soon"}, ProviderFault.GARBLED),
        ({"expiresIn": -1}, ProviderFault.GARBLED),
    ],
)
def test_a_malformed_token_answer(world: IamSmartWorld, change: dict[str, Any], fault: ProviderFault) -> None:
    world.reseal("/auth/getToken", lambda content: content | change)
    assert fault_of(world) is fault


@pytest.mark.parametrize("name", ["idNo", "enName", "chName", "birthDate", "syntheticPortrait"])
def test_a_field_that_is_missing_was_withheld(world: IamSmartWorld, name: str) -> None:
    world.reseal("/profiles", lambda content: {k: v for k, v in content.items() if k != name})
    assert fault_of(world) is ProviderFault.WITHHELD


@pytest.mark.parametrize(
    "change",
    [
        {"idNo": "x"},
        {"idNo": {"Identification": "QX900123", "CheckDigit": "5"}},
        {"idNo": {"Identification": "qx900123", "CheckDigit": "6"}},
        {"enName": {"UnstructuredName": 7}},
        {"enName": {"UnstructuredName": ", "}},
        {"enName": ["CHAN"]},
        {"birthDate": "1985-04-12"},
        {"birthDate": 19850412},
        {"birthDate": "19850431"},
        {"chName": {"ChineseName": ["x"]}},
        {"chName": {"ChineseName": "王\u202e\n"}},
        {"syntheticPortrait": {"Data": "not base64!"}},
        {"syntheticPortrait": {"Data": "AAAA"}},
        {"syntheticPortrait": 7},
    ],
)
def test_a_field_that_is_malformed_is_garbled(world: IamSmartWorld, change: dict[str, Any]) -> None:
    world.reseal("/profiles", lambda content: content | change)
    assert fault_of(world) is ProviderFault.GARBLED


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        (Setting(Fault.DOWN, paths=("/api/v1/security", "/api/v1/auth/getToken")), ProviderFault.UNREACHABLE),
        (Setting(Fault.GARBAGE, paths=("/api/v1/auth/getToken",)), ProviderFault.GARBLED),
        (Setting(Fault.WRONG_SIGNATURE), ProviderFault.UNTRUSTED),
        (Setting(Fault.CANCELLED), ProviderFault.CANCELLED),
        (Setting(Fault.FROZEN, paths=("/api/v1/auth/getToken",)), ProviderFault.FROZEN),
        (Setting(Fault.FROZEN, paths=("/api/v1/profiles",)), ProviderFault.FROZEN),
    ],
)
def test_faults(world: IamSmartWorld, setting: Setting, fault: ProviderFault) -> None:
    world.switch.set(setting)
    assert fault_of(world) is fault


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (httpx.Response(429), ProviderFault.QUOTA),
        (httpx.Response(302, headers={"Location": "http://evil.test/"}), ProviderFault.REFUSED),
        (httpx.Response(404), ProviderFault.REFUSED),
        (httpx.Response(500), ProviderFault.UNREACHABLE),
        (httpx.Response(200, content=b"[" * 100_000), ProviderFault.GARBLED),
        (httpx.Response(200, content=b" " * 300_000), ProviderFault.GARBLED),
        (httpx.Response(200, json={"txID": "t", "code": "D00000", "content": None}), ProviderFault.GARBLED),
        (
            httpx.Response(200, json={"txID": "t", "code": "D00000", "content": {"openID": "x"}}),
            ProviderFault.UNTRUSTED,
        ),
        (httpx.Response(200, json={"txID": "t", "code": "D00000", "content": "AAAADA=="}), ProviderFault.UNTRUSTED),
        (httpx.Response(200, json={"txID": 7, "code": "D00000"}), ProviderFault.GARBLED),
        (httpx.Response(200, json={"txID": "t", "code": 0}), ProviderFault.GARBLED),
    ],
)
def test_answers_out_of_order(world: IamSmartWorld, answer: httpx.Response, fault: ProviderFault) -> None:
    world.wire.answers["/auth/getToken"] = lambda _: answer
    assert fault_of(world) is fault


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
            max_leaves=8,
        ).map(lambda value: json.dumps({"txID": "t", "code": "D00000", "content": value}).encode()),
    )
)
def test_any_answer_at_all_gives_a_connector_error(world: IamSmartWorld, body: bytes) -> None:
    world.wire.answers["/auth/getToken"] = lambda _: httpx.Response(200, content=body)
    with pytest.raises(ConnectorError):
        world.finish({"code": "any"})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.dictionaries(
        st.sampled_from(["idNo", "enName", "chName", "birthDate", "syntheticPortrait"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["Identification", "CheckDigit", "UnstructuredName", "ChineseName", "Data"]), inner
                )
            ),
            max_leaves=6,
        ),
    )
)
def test_any_profile_at_all_gives_a_connector_error(world: IamSmartWorld, content: dict[str, Any]) -> None:
    answer = world.answer(world.connector.begin(world.start()).url)
    world.reseal("/profiles", lambda _: content)
    with pytest.raises(ConnectorError):
        world.finish(answer)


def test_errors_and_logs_carry_no_personal_data(world: IamSmartWorld) -> None:
    world.reseal("/profiles", lambda content: content | {"idNo": {"Identification": "QX900123", "CheckDigit": "5"}})
    with pytest.raises(ConnectorError) as failed:
        world.login()
    assert "QX900123" not in str(failed.value) + repr(failed.value.__context__)
