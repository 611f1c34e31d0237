"""Statements that the broker signed: read by anybody with the keys, and by nobody fooled."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.core.jws import public_jwk, sign_statement
from broker.core.portability import plain, signed_export
from broker.core.statement_check import canonical, read_jwks, verify_export, verify_journal_place, verify_statement
from broker.wire.errors import DecodeError, VerifyError, WireError
from broker.wire.keys import LocalSigner
from broker.wire.registry import KeyUse

SIGNER = LocalSigner.generate(KeyUse.RECEIPT)
KEYS = [SIGNER.public]
JWS = sign_statement({"says": "this"}, SIGNER, typ="a+jwt")


def _with_header(**changes: object) -> str:
    head, body, tail = JWS.split(".")
    header = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4))) | changes
    return ".".join((urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode(), body, tail))


def test_a_statement_is_what_was_signed_under_its_type() -> None:
    assert verify_statement(JWS, KEYS, expected=["a+jwt"]).claims == {"says": "this"}
    with pytest.raises(VerifyError):
        verify_statement(JWS, KEYS, expected=["b+jwt"])
    with pytest.raises(VerifyError):
        verify_statement(JWS, [LocalSigner.generate(KeyUse.RECEIPT).public], expected=["a+jwt"])
    for change in ({"alg": "none"}, {"crit": ["exp"]}, {"typ": None}, {"kid": "00"}):
        with pytest.raises(VerifyError):
            verify_statement(_with_header(**change), KEYS, expected=["a+jwt"])


@given(st.text(max_size=60) | st.from_regex(r"[\w-]{0,20}\.[\w-]{0,20}\.[\w-]{0,20}", fullmatch=True))
def test_reading_is_total(text: str) -> None:
    with pytest.raises(WireError):
        verify_statement(text, KEYS, expected=["a+jwt"])
    with pytest.raises(WireError):
        verify_export(text, KEYS, expected=["a+jwt"])


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=8))
def test_a_place_that_is_none_is_refused(place: object) -> None:
    with pytest.raises(WireError):
        verify_journal_place(place, KEYS, origin="x")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=4) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_an_export_has_one_form_and_its_signature_covers_it(value: object) -> None:
    document = {"value": plain(value)}
    assert json.loads(canonical(document)) == document
    file = signed_export(document, SIGNER).decode()
    found = verify_export(file, KEYS, expected=["portability-export+jwt"])
    assert found.claims == document
    with pytest.raises(WireError):
        verify_export(file.replace('"value"', '"valve"', 1), KEYS, expected=["portability-export+jwt"])


def test_what_has_two_spellings_is_not_signed() -> None:
    for value in (0.5, 2**53, {"é": 1}, {1: 2}, b"x"):
        with pytest.raises(ValueError, match=r"name|value"):
            canonical({"value": value})


def test_key_sets() -> None:
    jwk = public_jwk(SIGNER.public)
    assert read_jwks(json.dumps({"keys": [jwk, {"kty": "EC"}]}).encode()) == (SIGNER.public,)
    assert read_jwks(json.dumps(jwk).encode()) == (SIGNER.public,)
    for wrong in (b"", b"[]", b'{"keys": 1}', b'{"keys": [{"crv": "Ed25519", "x": "!"}]}'):
        with pytest.raises(DecodeError):
            read_jwks(wrong)


@pytest.mark.parametrize(
    ("typ", "use"),
    [("tongguan-answer+jwt", KeyUse.RECEIPT), ("secevent+jwt", KeyUse.RECEIPT), ("a+jwt", KeyUse.ANSWER)],
)
def test_a_key_signs_nothing_but_its_own_kinds(typ: str, use: KeyUse) -> None:
    """What is told to partners and what people keep have keys of their own."""
    with pytest.raises(ValueError, match="key alone"):
        sign_statement({"says": "this"}, LocalSigner.generate(use), typ=typ)
