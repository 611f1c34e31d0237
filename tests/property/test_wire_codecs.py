"""Round trips, totality and one encoding per value, over arbitrary input."""

import math
from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from broker.wire import base45, cbor, cose, gate_api, sealed_template, status_list, travel_pass, trust_list
from broker.wire.cbor import Rules, Tagged
from broker.wire.errors import DecodeError, WireError
from broker.wire.keys import PublicKey
from broker.wire.qr_payload import PREFIX, TravelQr, parse_qr
from broker.wire.registry import Alg, KeyUse
from tests.vectors import world as w

INTEGERS = st.integers(-(2**64), 2**64 - 1)
LEAVES = st.one_of(INTEGERS, st.binary(max_size=80), st.text(max_size=40), st.booleans(), st.none(), st.floats())
KEYS = st.one_of(INTEGERS, st.text(max_size=8))
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(KEYS, inner, max_size=5),
        st.builds(Tagged, st.integers(0, 2**64 - 1), inner),
    ),
    max_leaves=20,
)


def same(left: Any, right: Any) -> bool:
    """Equality that tells 1 from True and 1.0, and takes NaN as itself."""
    if isinstance(left, float) and isinstance(right, float):
        return (left == right and math.copysign(1, left) == math.copysign(1, right)) or (
            left != left and right != right
        )
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, Tagged):
        return left.tag == right.tag and same(left.value, right.value)
    return bool(left == right)


def encoded(value: Any) -> bytes:
    try:
        return cbor.encode(value)
    except ValueError:  # deeper than the codec goes
        assume(False)
        raise


@given(VALUES)
def test_cbor_round_trip(value: Any) -> None:
    assert same(cbor.decode(encoded(value)), value)


@given(VALUES)
def test_a_library_reads_the_same(value: Any) -> None:
    raw = encoded(value)

    def untagged(item: Any) -> bool:
        if isinstance(item, Tagged):
            return False
        if isinstance(item, dict):
            return all(untagged(entry) for entry in item.values())
        return all(untagged(entry) for entry in item) if isinstance(item, list) else True

    assume(untagged(value))  # that library gives tags a meaning
    assert same(cbor2.loads(raw), value)


@given(st.binary(max_size=200))
@example(bytes.fromhex("9b7fffffffffffffff"))
def test_cbor_decodes_or_raises_and_there_is_one_encoding(raw: bytes) -> None:
    try:
        value = cbor.decode(raw)
    except DecodeError:
        return
    assert cbor.encode(value) == raw


@given(st.binary(max_size=200))
def test_loose_cbor_decodes_or_raises(raw: bytes) -> None:
    try:
        value = cbor.decode(raw, rules=Rules.WELL_FORMED)
    except DecodeError:
        return
    assert same(cbor.decode(cbor.encode(value)), value)


@given(st.binary(max_size=300))
def test_base45_round_trip(raw: bytes) -> None:
    assert base45.decode(base45.encode(raw)) == raw


@given(st.one_of(st.text(max_size=60), st.text(alphabet=base45.ALPHABET, max_size=60)))
def test_base45_decodes_or_raises_and_there_is_one_text(text: str) -> None:
    try:
        raw = base45.decode(text)
    except DecodeError:
        return
    assert base45.encode(raw) == text


@given(
    st.binary(max_size=250),
    st.integers(0, 2**33 - 1),
    st.binary(min_size=64, max_size=64),
    st.none() | st.binary(max_size=300),
)
def test_qr_round_trip(pass_bytes: bytes, counter: int, proof: bytes, sealed: bytes | None) -> None:
    code = TravelQr(pass_bytes, counter, proof, sealed)
    text = code.to_text()
    assert parse_qr(text) == code == parse_qr(text.encode())
    assert set(text) <= set(base45.ALPHABET)


@given(st.one_of(st.text(), st.binary(), VALUES.map(lambda value: PREFIX + base45.encode(encoded(value)))))
def test_qr_parses_or_raises(text: str | bytes) -> None:
    try:
        code = parse_qr(text)
    except DecodeError:
        return
    assert code.to_text() == (text if isinstance(text, str) else text.decode())


DECODERS: dict[str, Callable[[bytes], object]] = {
    "sign1": cose.read_sign1,
    "general sign1": lambda raw: cose.read_sign1(raw, profile=cose.Profile.GENERAL),
    "encrypt0": cose.read_encrypt0,
    "key": lambda raw: PublicKey.from_cose_key(raw, KeyUse.PASS),
    "face template": sealed_template.FaceTemplate.decode,
    "payload": sealed_template.TemplatePayload.decode,
    "epoch": sealed_template.epoch_of,
    "epoch secrets": gate_api.decode_epoch_secrets,
    "pass claims": travel_pass._read,
    "trust list claims": trust_list._read,
    "status list claims": status_list._read,
    "gate message": gate_api._read,
}


@pytest.mark.parametrize("name", DECODERS)
@settings(max_examples=150)
@given(st.one_of(st.binary(max_size=100), VALUES.map(encoded)))
def test_every_decoder_raises_nothing_else(name: str, raw: bytes) -> None:
    try:
        DECODERS[name](raw)
    except DecodeError:
        return


SIGNED: dict[str, Callable[[Any], object]] = {
    "pass": lambda value: travel_pass.verify(w.sign1(value), w.TRUST, at=w.NOW, expected_zone=w.ZONE),
    "status list": lambda value: status_list.verify(
        w.sign1(value, w.STATUS, protected={1: -8, 4: w.STATUS.kid, 16: status_list.TYP}), w.TRUST, at=w.NOW
    ),
    "trust list": lambda value: trust_list.verify(
        w.sign1(value, w.ROOT, protected={1: -8, 4: w.ROOT.kid, 16: trust_list.TYP}), w.ROOT.public, at=w.NOW
    ),
    "gate request": lambda value: gate_api.verify_request(
        w.sign1(value, w.GATE, external_aad=gate_api.DOMAIN), lambda kid: w.GATE.public, at=w.NOW
    ),
}
GOOD_CLAIMS: dict[str, dict[Any, Any]] = {
    "pass": w.claims_map(),
    "status list": {2: "urn:tongguan:status:1", 4: 2, 6: 1, 65533: {"bits": 1, "lst": b""}, 65534: 1, -65540: 1},
    "trust list": {4: 2_000_000_000, 6: 1, -65540: 1, -65541: [{1: -8, 2: "pass", 3: bytes(32), 4: 1, 5: 2}]},
    "gate request": {1: 3, 2: "g", 3: w.ZONE, 8: [{1: bytes(16), 3: "cleared", 4: [], 12: {}}]},
}


@pytest.mark.parametrize("name", SIGNED)
@settings(max_examples=150)
@given(st.data())
def test_senseless_signed_claims_raise_nothing_else(name: str, data: st.DataObject) -> None:
    claims = dict(GOOD_CLAIMS[name])
    label = data.draw(st.sampled_from(list(claims)))
    claims[label] = data.draw(VALUES)
    if isinstance(GOOD_CLAIMS[name][label], list) and data.draw(st.booleans()):
        inner = dict(GOOD_CLAIMS[name][label][0])
        inner[data.draw(st.sampled_from(list(inner)))] = data.draw(VALUES)
        claims[label] = [inner]
    encoded(claims)
    try:
        SIGNED[name](claims)
    except WireError:
        return


@given(st.sampled_from(list(Alg)), st.binary(max_size=40))
def test_points_load_or_are_malformed(alg: Alg, point: bytes) -> None:
    try:
        key = PublicKey.of_point(alg, KeyUse.PASS, point)
    except DecodeError:
        return
    assert PublicKey.from_cose_key(key.to_cose_key(), KeyUse.PASS) == key
