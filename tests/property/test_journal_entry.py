"""A leaf is what `encode` writes and nothing else; personal fields open for one key only."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.core.journal import MAX_ENTRY_BYTES, EntrySealed, decode_entry, new_leaf
from broker.wire import cbor
from broker.wire.errors import DecodeError

values = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=20), st.binary(max_size=40)
)
fields = st.dictionaries(st.text(max_size=10), values, max_size=5)
keys = st.binary(min_size=32, max_size=32)
handles = st.binary(min_size=16, max_size=16)
moments = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- bounds are naive by contract


@given(clear=fields, personal=st.none() | fields, key=keys, handle=handles, at=moments)
def test_round_trip(
    clear: dict[str, object], personal: dict[str, object] | None, key: bytes, handle: bytes, at: datetime
) -> None:
    leaf = new_leaf("gate:pass:cleared", clear=clear, personal=personal, traveller_key=key, at=at, handle=handle)
    read = decode_entry(leaf)
    assert (read.kind, read.handle, dict(read.clear), read.encode()) == ("gate:pass:cleared", handle, clear, leaf)
    assert read.open(key) == (personal or {})
    assert 0 <= at.timestamp() - read.hour < 3600


@given(personal=fields, key=keys, other=keys, handle=handles)
def test_another_key_opens_nothing(personal: dict[str, object], key: bytes, other: bytes, handle: bytes) -> None:
    if key == other:
        return
    at = datetime(2026, 1, 1, tzinfo=UTC)
    leaf = new_leaf("gate:pass:cleared", clear={}, personal=personal, traveller_key=key, at=at, handle=handle)
    with pytest.raises(EntrySealed):
        decode_entry(leaf).open(other)


@given(st.data())
def test_any_altered_byte_is_noticed(data: st.DataObject) -> None:
    key, at = bytes(32), datetime(2026, 1, 1, tzinfo=UTC)
    raw = new_leaf("a:b:c", clear={"zone": "HK"}, personal={"x": 1}, traveller_key=key, at=at, handle=bytes(16))
    place, flip = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.integers(1, 255))
    altered = raw[:place] + bytes([raw[place] ^ flip]) + raw[place + 1 :]
    with pytest.raises((DecodeError, EntrySealed)):
        decode_entry(altered).open(key)


@pytest.mark.parametrize("place", ["clear", "personal"])
def test_nothing_is_written_that_could_not_be_read_again(place: str) -> None:
    """The tree is append-only: one unreadable entry would stop every audit after it."""
    at = datetime(2026, 1, 1, tzinfo=UTC)

    def made(size: int) -> bytes:
        parts = {"clear": {}, "personal": None, place: {"x": bytes(size)}}
        return new_leaf("a:b:c", **parts, traveller_key=bytes(32), at=at, handle=bytes(16))

    largest = max(size for size in range(MAX_ENTRY_BYTES - 400, MAX_ENTRY_BYTES) if _fits(made, size))
    assert len(made(largest)) > MAX_ENTRY_BYTES - 70  # personal fields are padded
    assert decode_entry(made(largest)).encode() == made(largest)
    with pytest.raises(ValueError, match="bytes"):
        made(largest + 64)


def _fits(made: Callable[[int], bytes], size: int) -> bool:
    try:
        made(size)
    except ValueError:
        return False
    return True


@given(st.binary(max_size=300))
def test_the_decoder_is_total(raw: bytes) -> None:
    try:
        entry = decode_entry(raw)
    except DecodeError:
        return
    assert entry.encode() == raw


@pytest.mark.parametrize(
    "array",
    [
        [2, bytes(16), "a:b:c", 0, {}, None],
        [True, bytes(16), "a:b:c", 0, {}, None],
        [1, bytes(15), "a:b:c", 0, {}, None],
        [1, bytes(16), "a:b", 0, {}, None],
        [1, bytes(16), "a:b:c", 1, {}, None],
        [1, bytes(16), "a:b:c", 0, {1: 2}, None],
        [1, bytes(16), "a:b:c", 0, {}],
        [1, bytes(16), "a:b:c", 0, {}, None, None],
    ],
)
def test_what_is_not_an_entry(array: list[object]) -> None:
    with pytest.raises(DecodeError):
        decode_entry(cbor.encode(array))


@pytest.mark.parametrize("kind", ["", "traveller", "a:b", "a:b:c:d", "A:b:c", "a: b:c", "a:b:c\n"])
def test_the_grammar_of_kinds(kind: str) -> None:
    with pytest.raises(ValueError, match="who:what:happened"):
        new_leaf(
            kind, clear={}, personal=None, traveller_key=None, at=datetime(2026, 1, 1, tzinfo=UTC), handle=bytes(16)
        )


def test_personal_fields_need_a_key() -> None:
    with pytest.raises(ValueError, match="traveller's key"):
        new_leaf(
            "a:b:c", clear={}, personal={}, traveller_key=None, at=datetime(2026, 1, 1, tzinfo=UTC), handle=bytes(16)
        )


def test_lengths_say_little() -> None:
    """Names of different length make leaves of one length."""

    def leaf(name: str) -> bytes:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        return new_leaf("a:b:c", clear={}, personal={"name": name}, traveller_key=bytes(32), at=at, handle=bytes(16))

    assert len(leaf("Li")) == len(leaf("Maximilian de Albuquerque"))
