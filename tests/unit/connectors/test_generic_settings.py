"""A provider by configuration alone: what the table may say, and what its claims then mean."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import connectors
from broker.wire.identity_connector import ConnectorError, ProviderFault
from broker.wire.identity_grant import DocumentType
from connectors.generic_oidc.claims import document_number, pointed, verified_claims
from connectors.generic_oidc.settings import ClaimMap

GOOD: dict[str, Any] = {
    "issuer": "https://id.example/tenant/",
    "client_id": "us",
    "client_secret": "s",
    "names": {"en": "Example"},
    "level_without_acr": "substantial",
}
WHERE = ClaimMap(
    birth_date="/birthdate",
    document_number="/doc/0/number",
    document_type=DocumentType.PRC_RESIDENT_ID,
    native_name="/name",
)


def _fail(fault: ProviderFault, detail: str) -> ConnectorError:
    return ConnectorError("acme", fault, detail)


def test_the_smallest_table() -> None:
    settings: Any = connectors.read_settings("oidc", GOOD)
    assert settings.issuer == "https://id.example/tenant/"  # its final slash is part of its name
    assert settings.claims is None


@pytest.mark.parametrize(
    "change",
    [
        {"client_authentication": "private_key_jwt"},
        {"client_authentication": "private_key_jwt", "client_key": "k.pem"},  # and a secret
        {"client_key": "k.pem"},
        {"client_secret": None},
        {"client_authentication": "none"},
        {"scopes": ["profile"]},
        {"names": {"pt": "Exemplo"}},
        {"names": {"en": "Example", "fr": "Exemple"}},
        {"locales": {"fr": "fr"}},
        {"level_without_acr": None},
        {"levels": {"x": "highest"}},
        {"algorithms": ["none"]},
        {"algorithms": ["HS256"]},
        {"algorithms": []},
        {"endpoint_origins": ["https://id.example/path"]},
        {"portrait": {}},
        {"portrait": {"claim": "/p", "endpoint": "https://id.example/p"}},
        {"claims": {"birth_date": "/b", "document_number": "/d", "document_type": "hkid"}},
        {"claims": {"birth_date": "b", "document_number": "/d", "document_type": "hkid", "native_name": "/n"}},
        {"max_age": -1},
        {"max_age": True},
        {"surprise": 1},
    ],
)
def test_tables_that_are_refused(change: dict[str, Any]) -> None:
    table = {name: value for name, value in (GOOD | change).items() if value is not None}
    with pytest.raises(ValidationError) as caught:
        connectors.read_settings("oidc", table)
    assert "'s'" not in str(caught.value)


def test_max_age_of_nothing_is_not_no_max_age() -> None:
    zero: Any = connectors.read_settings("oidc", GOOD | {"max_age": 0})
    off: Any = connectors.read_settings("oidc", GOOD | {"max_age": False})
    assert (zero.max_age is False, off.max_age is False) == (False, True)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (DocumentType.PRC_RESIDENT_ID, "990001198504123015", "990001198504123015"),
        (DocumentType.PRC_RESIDENT_ID, "990001198504123016", None),
        (DocumentType.HKID, "QX900123(6)", "QX9001236"),
        (DocumentType.HKID, "QX9001236", "QX9001236"),
        (DocumentType.HKID, "QX9001235", None),
        (DocumentType.MACAU_BIR, "1000001(2)", "10000012"),
        (DocumentType.MACAU_BIR, "2000001(2)", None),
        (DocumentType.MAINLAND_TRAVEL_PERMIT, "H12345678", "H12345678"),
        (DocumentType.MAINLAND_TRAVEL_PERMIT, "X12345678", None),
    ],
)
def test_numbers_are_checked(kind: DocumentType, text: str, expected: str | None) -> None:
    assert document_number(kind, text) == expected
    assert document_number(kind, text + "\n") is None
    assert document_number(kind, None) is None


def test_pointers_reach_into_objects_and_lists() -> None:
    document = {"a": [{"b/c": {"~": 1}}], "": 2}
    assert pointed(document, "/a/0/b~1c/~0") == 1
    assert pointed(document, "/") == 2
    for nothing in ("/a/1", "/a/x", "/a/-1", "/b", "/a/0/b"):
        assert pointed(document, nothing) is None


def test_claims_from_where_the_settings_say() -> None:
    document = {"birthdate": "1985-04-12", "doc": [{"number": "990001198504123015"}], "name": "王示例"}
    claims = verified_claims(document, WHERE, _fail)
    assert (claims.native_name, claims.birth_date) == ("王示例", date(1985, 4, 12))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"birthdate": "1985-04-13"}, ProviderFault.GARBLED),  # the number says another
        ({"birthdate": "0000-04-12"}, ProviderFault.GARBLED),
        ({"birthdate": 19850412}, ProviderFault.GARBLED),
        ({"birthdate": None}, ProviderFault.WITHHELD),
        ({"doc": []}, ProviderFault.WITHHELD),
        ({"doc": [{"number": 7}]}, ProviderFault.GARBLED),
        ({"name": None}, ProviderFault.GARBLED),
        ({"name": "a\u202eb"}, ProviderFault.GARBLED),
    ],
)
def test_claims_that_do_not_do(change: dict[str, Any], fault: ProviderFault) -> None:
    document = {"birthdate": "1985-04-12", "doc": [{"number": "990001198504123015"}], "name": "王示例"} | change
    with pytest.raises(ConnectorError) as caught:
        verified_claims(document, WHERE, _fail)
    assert caught.value.fault is fault
    assert "990001198504123015" not in str(caught.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["birthdate", "doc", "number", "name", "0"]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_any_document_at_all(document: Any) -> None:
    try:
        verified_claims(document if isinstance(document, dict) else {"doc": document}, WHERE, _fail)
    except ConnectorError:
        return
