import cbor2
import pytest

from broker.wire import cbor
from broker.wire.cbor import Rules, Tagged
from broker.wire.errors import DecodeError


def test_keys_sort_bytewise() -> None:
    assert cbor.encode({-1: 0, 100: 0, "a": 0, 10: 0}).hex() == "a40a001864002000616100"


def test_equal_keys_of_different_types_are_one_key() -> None:
    with pytest.raises(ValueError, match="integers or text"):
        cbor.encode({True: 1})


@pytest.mark.parametrize("value", [2**64, -(2**64) - 1, {1.0: 1}, {b"k": 1}, object(), {1, 2}, "\ud800", Tagged(-1, 0)])
def test_what_has_no_encoding_is_a_value_error(value: object) -> None:
    with pytest.raises(ValueError):
        cbor.encode(value)


def test_depth_is_bounded_both_ways() -> None:
    nested: object = 0
    for _ in range(15):
        nested = [nested]
    assert cbor.decode(cbor.encode(nested)) == nested
    with pytest.raises(ValueError, match="deeper"):
        cbor.encode([nested])


def test_size_is_bounded() -> None:
    with pytest.raises(DecodeError):
        cbor.decode(bytes(65), max_bytes=64)
    assert len(cbor.decode(cbor.encode(bytes(2 << 20)), max_bytes=3 << 20)) == 2 << 20


def test_well_formed_rules_accept_what_others_may_send() -> None:
    assert cbor.decode(bytes.fromhex("a2181900190001f5"), rules=Rules.WELL_FORMED) == {25: 0, 1: True}
    with pytest.raises(DecodeError):
        cbor.decode(bytes.fromhex("a201000100"), rules=Rules.WELL_FORMED)


def test_a_library_reads_what_we_write() -> None:
    value = {1: -8, "name": [1.5, None, True, b"\0", "口岸"], -65537: 2**40}
    assert cbor2.loads(cbor.encode(value)) == value
