"""The signed body and what stands in it: total parsers."""

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ctid import package, retain
from connectors.ctid.package import PackageError

SIGN = b"signature"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=12), JSON, max_size=5))
def test_what_is_written_is_read_and_signed_as_it_stands(fields: dict[str, object]) -> None:
    signed: list[bytes] = []

    def sign(raw: bytes) -> bytes:
        signed.append(raw)
        return SIGN

    # Lone surrogates are no text that could be sent.
    try:
        body = package.write(fields, sign)
    except UnicodeEncodeError:
        return
    read = package.read(body)
    assert (read.fields, read.sign, [read.raw]) == (fields, SIGN, signed)


def test_the_signed_bytes_are_those_of_the_body_whoever_wrote_it() -> None:
    raw = '{ "b":1,\n "a":"\\u5f20" , "c":1.50}'
    body = f' {{"sign" : "{b64encode(SIGN).decode()}", "bizPackage" : {raw} }} '.encode()
    assert package.read(body).raw == raw.encode()


def test_base64_may_have_line_breaks() -> None:
    body = json.dumps({"bizPackage": {}, "sign": "c2ln\r\nbmF0\r\ndXJl"}).encode()
    assert package.read(body).sign == SIGN


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b"\xff",
        b'{"bizPackage":{},"sign":""}',
        b'{"bizPackage":{},"sign":"AA=="} x',
        b'{"bizPackage":{},"sign":"AA==","more":1}',
        b'{"bizPackage":{},"sign":"AA==","sign":"AA=="}',
        b'{"bizPackage":{"a":1,"a":2},"sign":"AA=="}',
        b'{"bizPackage":{"a":{"b":1,"b":2}},"sign":"AA=="}',
        b'{"bizPackage":[],"sign":"AA=="}',
        b'{"bizPackage":{"a":NaN},"sign":"AA=="}',
        b'{"bizPackage":{},"sign":"AA==",}',
        b'{"bizPackage":{} "sign":"AA=="}',
        b'{"bizPackage":' + b"[" * 100_000,
        b'{"bizPackage":{},"sign":5}',
    ],
)
def test_other_bodies_are_one_kind_of_error(body: bytes) -> None:
    with pytest.raises(PackageError):
        package.read(body)


@given(st.binary(max_size=200))
def test_noise_is_one_kind_of_error(body: bytes) -> None:
    with pytest.raises(PackageError):
        package.read(body)


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2999, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_time_stamps_are_of_beijing_and_to_the_millisecond(at: datetime) -> None:
    assert package.read_stamp(package.stamp(at)) == at - timedelta(microseconds=at.microsecond % 1000)


def test_a_time_stamp_by_hand() -> None:
    assert package.stamp(datetime(2026, 12, 31, 16, 30, 1, 2000, tzinfo=UTC)) == "20270101003001002"


@pytest.mark.parametrize("value", [None, 5, "", "2026", "20261321000000000", "２" * 17, "2" * 18])
def test_other_time_stamps_are_refused(value: object) -> None:
    with pytest.raises(PackageError):
        package.read_stamp(value)


IDENTITY = {"xM": "王示例", "gMSFZHM": "990001198504123015", "yXQQSRQ": "20200101", "yXQJZRQ": "20400101"}


@pytest.mark.parametrize(
    "change",
    [
        {"xM": ""},
        {"xM": "a\nb"},
        {"xM": 5},
        {"xM": "x" * 201},
        {"gMSFZHM": "990001198504123016"},
        {"gMSFZHM": None},
        {"yXQJZRQ": "2040"},
        {"yXQJZRQ": None},
    ],
)
def test_an_identity_that_is_malformed_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(PackageError):
        retain.read(json.dumps({"sFXX": IDENTITY | change}).encode())


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'{"sFXX":[]}', b'{"zP":"###"}', b'{"zP":5}', b"[" * 100_000])
def test_other_retained_data_is_refused(raw: bytes) -> None:
    with pytest.raises(PackageError):
        retain.read(raw)
