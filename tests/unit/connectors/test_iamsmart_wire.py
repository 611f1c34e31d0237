"""The byte-exact functions: what they write is read back, and nothing else is."""

import os
from base64 import b64decode, b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from connectors.iamsmart.answer import AnswerError, read_answer
from connectors.iamsmart.content_key import KeyWrap, UnwrapError, unwrap, wrap
from connectors.iamsmart.envelope import EnvelopeError, open_envelope, read_object, seal
from connectors.iamsmart.fields import EME_FIELDS, hkic_hash, identity_number, read_fields
from connectors.iamsmart.request_signature import SignatureRule, signature
from connectors.iamsmart.settings import read_private_key
from tests.support.iamsmart_world import SERVICE_KEY, another_key, iamsmart_keys

KEY = bytes(range(32))
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(plaintext=st.binary(max_size=300), iv=st.binary(min_size=12, max_size=12))
def test_envelope_round_trip_and_layout(plaintext: bytes, iv: bytes) -> None:
    text = seal(KEY, plaintext, iv=iv)
    raw = b64decode(text)
    assert raw[:16] == b"\0\0\0\x0c" + iv
    assert len(raw) == 4 + 12 + len(plaintext) + 16
    assert open_envelope(KEY, text) == plaintext


@given(plaintext=st.binary(max_size=60), place=st.integers(0, 91), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found(plaintext: bytes, place: int, bit: int) -> None:
    raw = bytearray(b64decode(seal(KEY, plaintext, iv=bytes(12))))
    raw[place % len(raw)] ^= 1 << bit
    with pytest.raises(EnvelopeError):
        open_envelope(KEY, b64encode(raw).decode())


@given(text=st.text() | st.binary().map(lambda raw: b64encode(raw).decode()) | ANYTHING)
def test_envelopes_are_total(text: Any) -> None:
    with pytest.raises(EnvelopeError):
        open_envelope(KEY, text)


def test_another_key_does_not_open() -> None:
    with pytest.raises(EnvelopeError):
        open_envelope(bytes(32), seal(KEY, b"x", iv=bytes(12)))


@pytest.mark.parametrize("how", list(KeyWrap))
def test_content_keys_round_trip(how: KeyWrap) -> None:
    private_key = read_private_key(iamsmart_keys() / SERVICE_KEY)
    text = wrap(KEY, private_key.public_key(), how)
    assert unwrap(text, private_key, how) == KEY
    if how is not KeyWrap.PKCS1V15:
        with pytest.raises(UnwrapError):
            unwrap(text, another_key(), how)


def test_a_content_key_may_be_base64_inside() -> None:
    private_key = read_private_key(iamsmart_keys() / SERVICE_KEY)
    inside = private_key.public_key().encrypt(b64encode(KEY), PKCS1v15())
    assert unwrap(b64encode(inside).decode(), private_key, KeyWrap.PKCS1V15) == KEY


@pytest.mark.parametrize("size", [0, 16, 31, 33, 43, 45])
def test_a_content_key_has_32_bytes(size: int) -> None:
    private_key = read_private_key(iamsmart_keys() / SERVICE_KEY)
    inside = private_key.public_key().encrypt(os.urandom(size), PKCS1v15())
    with pytest.raises(UnwrapError):
        unwrap(b64encode(inside).decode(), private_key, KeyWrap.PKCS1V15)


@given(text=st.text() | ANYTHING)
def test_unwrapping_is_total(text: Any) -> None:
    with pytest.raises(UnwrapError):
        unwrap(text, read_private_key(iamsmart_keys() / SERVICE_KEY), KeyWrap.OAEP_SHA256)


def test_short_keys_are_not_accepted(tmp_path: Any) -> None:
    path = tmp_path / "short.pem"
    short = rsa.generate_private_key(65537, 1024)  # noqa: S505  the point of the test
    path.write_bytes(short.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(ValueError, match="2048"):
        read_private_key(path)
    path.write_text("no PEM")
    with pytest.raises(ValueError, match="PEM"):
        read_private_key(path)


def test_the_signature_covers_every_part() -> None:
    parts: dict[str, Any] = {"client_id": "c", "timestamp": "1", "nonce": "n", "body": b"b"}
    whole = signature("s", **parts)
    for name, value in {"client_id": "d", "timestamp": "2", "nonce": "m", "body": b"c"}.items():
        assert signature("s", **parts | {name: value}) != whole
    assert signature("t", **parts) != whole
    bodiless = SignatureRule(covers_body=False)
    assert signature("s", **parts, rule=bodiless) == signature("s", **parts | {"body": b"other"}, rule=bodiless)
    assert not set("+/=") & set(whole)


@given(raw=st.binary(max_size=200))
def test_answers_are_total(raw: bytes) -> None:
    with pytest.raises(AnswerError):
        read_answer(raw)


@given(content=st.dictionaries(st.sampled_from(EME_FIELDS), ANYTHING))
def test_fields_are_total_and_never_more_than_was_asked(content: dict[str, Any]) -> None:
    found = read_fields(content, ("gender", "residentialAddress", "idNo"))
    assert found is None or set(found) <= {"gender", "residentialAddress", "idNo"}


@pytest.mark.parametrize(
    ("name", "value", "good"),
    [
        ("mobileNumber", {"CountryCode": "852", "SubscriberNumber": "1"}, True),
        ("mobileNumber", {"CountryCode": "852"}, False),
        ("mobileNumber", {"CountryCode": 852, "SubscriberNumber": "1"}, False),
        ("mobileNumber", {"CountryCode": "852", "SubscriberNumber": "1", "x": "y"}, False),
        ("passportExpiry", "20300101", True),
        ("passportExpiry", "20300231", False),
        ("idNo", {"Identification": "QX900123", "CheckDigit": "6"}, True),
        ("idNo", {"Identification": "QX900123", "CheckDigit": "7"}, False),
        ("residentialAddress", {"a": {"b": {"c": "d"}}}, True),
        ("residentialAddress", {"a": {"b": {"c": {"d": {"e": "f"}}}}}, False),
        ("residentialAddress", {str(n): "x" for n in range(65)}, False),
        ("residentialAddress", ["x"], False),
        ("gender", "M" * 2001, False),
        ("gender", "M\n", False),
        ("addressDocInfo", {"n": 2**60}, False),
        ("addressDocInfo", {"n": 1.5}, False),
    ],
)
def test_shapes_of_fields(name: str, value: Any, good: bool) -> None:
    assert read_fields({name: value}, (name,)) == ({name: value} if good else None)


def test_the_hash_of_a_number_leaves_its_check_digit_out() -> None:
    # SHA-256 of "A123456", by `printf A123456 | openssl dgst -sha256 -binary | base64`
    assert hkic_hash("A1234563") == "rDcExehSzsiEp2laLaJqrtaX2ua9sdaugwaY5ONmYwk="
    assert identity_number({"Identification": "A123456", "CheckDigit": "3"}) == "A1234563"
    assert identity_number("A1234563") is None


@pytest.mark.parametrize("raw", [b"", b"[]", b"7", b'"x"', b"\xff", b"[" * 100_000, b'{"a":1}x'])
def test_objects_only(raw: bytes) -> None:
    with pytest.raises(EnvelopeError):
        read_object(raw)
