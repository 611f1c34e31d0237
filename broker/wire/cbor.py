"""Deterministic CBOR (RFC 8949 4.2.1): one value, one encoding.

Our own codec rather than a library's: a library decodes dates, regular expressions, shared references and big numbers,
each a way for hostile bytes to raise something undeclared. This one knows only what the formats use, and the decoder
raises `DecodeError` alone. See specs/decisions/cbor-codec.md.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, NoReturn

from broker.wire.errors import DecodeError
from broker.wire.reasons import Reason

MAX_BYTES = 1 << 20
MAX_DEPTH = 16

# What `decode` returns: int (64 bit), bytes, str, bool, None, float, list, dict (int or str keys), `Tagged` of these.
Value = Any


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tagged data item (major type 6)."""

    tag: int
    value: Value


class Rules(Enum):
    """How much the decoder demands of the encoding."""

    DETERMINISTIC = "deterministic"  # RFC 8949 4.2.1; what every Tongguan format demands
    WELL_FORMED = "well_formed"  # also longer heads and unsorted keys, for COSE messages of others


def encode(value: Value) -> bytes:
    """Return the deterministic encoding of `value`; ValueError for what the formats cannot carry."""
    out = bytearray()
    _write(out, value, MAX_DEPTH)
    return bytes(out)


def encode_elements(values: Sequence[Value]) -> bytes:
    """The elements of an array one after the other, without its head: what arrays that begin alike have in common."""
    out = bytearray()
    for value in values:
        _write(out, value, MAX_DEPTH - 1)
    return bytes(out)


def array_head(count: int) -> bytes:
    """What an array of `count` elements begins with."""
    out = bytearray()
    _head(out, 4, count)
    return bytes(out)


def decode(raw: bytes, *, max_bytes: int = MAX_BYTES, rules: Rules = Rules.DETERMINISTIC) -> Value:
    """Decode exactly one data item that fills `raw`; DecodeError (malformed_cbor) for anything else."""
    if len(raw) > max_bytes:
        _refuse(f"{len(raw)} bytes where at most {max_bytes} are allowed")
    reader = _Reader(raw, strict=rules is Rules.DETERMINISTIC)
    value = reader.item(MAX_DEPTH)
    if reader.offset != len(raw):
        _refuse(f"{len(raw) - reader.offset} bytes left over")
    return value


def _refuse(detail: str) -> NoReturn:
    raise DecodeError(Reason.MALFORMED_CBOR, detail)


# --- writing -----------------------------------------------------------------------------------------------------


def _head(out: bytearray, major: int, argument: int) -> None:
    major <<= 5
    if argument < 24:
        out.append(major | argument)
    elif argument < 1 << 8:
        out += bytes((major | 24, argument))
    elif argument < 1 << 16:
        out += struct.pack(">BH", major | 25, argument)
    elif argument < 1 << 32:
        out += struct.pack(">BI", major | 26, argument)
    elif argument < 1 << 64:
        out += struct.pack(">BQ", major | 27, argument)
    else:
        raise ValueError("an integer of more than 64 bits has no place in these formats")


def _write(out: bytearray, value: Value, depth: int) -> None:
    if depth == 0:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    kind = type(value)  # the common types by identity; the rest, subclasses among them, below
    if kind is str:
        _write_text(out, value)
    elif kind is bytes:
        _head(out, 2, len(value))
        out += value
    elif kind is int:
        _head(out, 0, value) if value >= 0 else _head(out, 1, -1 - value)
    elif kind is dict:
        _write_map(out, value, depth)
    elif kind is list or kind is tuple:
        _write_array(out, value, depth)
    elif value is None:
        out.append(0xF6)
    elif isinstance(value, bool):
        out.append(0xF5 if value else 0xF4)
    elif isinstance(value, int):
        _head(out, 0, value) if value >= 0 else _head(out, 1, -1 - value)
    elif isinstance(value, bytes | bytearray | memoryview):
        _head(out, 2, len(value))
        out += value
    elif isinstance(value, str):
        _write_text(out, value)
    elif isinstance(value, list | tuple):
        _write_array(out, value, depth)
    elif isinstance(value, Mapping):
        _write_map(out, value, depth)
    elif isinstance(value, Tagged):
        _head(out, 6, value.tag)
        _write(out, value.value, depth - 1)
    elif isinstance(value, float):
        out += _float(value)
    else:
        raise ValueError(f"{type(value).__name__} has no place in these formats")


def _write_text(out: bytearray, value: str) -> None:
    text = value.encode()
    _head(out, 3, len(text))
    out += text


def _write_array(out: bytearray, value: Sequence[Value], depth: int) -> None:
    _head(out, 4, len(value))
    for element in value:
        _write(out, element, depth - 1)


def _write_map(out: bytearray, value: Mapping[Any, Value], depth: int) -> None:
    entries = {_key(key): element for key, element in value.items()}
    _head(out, 5, len(entries))
    # RFC 8949 4.2.1: bytewise order of the encoded keys (not RFC 7049's shortest first).
    for encoded in sorted(entries):
        if depth == 1:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        out += encoded
        _write(out, entries[encoded], depth - 1)


@lru_cache(maxsize=4096, typed=True)
def _key(key: Any) -> bytes:
    """A map key, encoded. The formats have few, which come again and again. By type too: True, 1 and 1.0 are equal."""
    if isinstance(key, bool) or not isinstance(key, int | str):
        raise ValueError("map keys are integers or text")  # noqa: TRY004  one error for callers
    head = bytearray()
    _write(head, key, 1)
    return bytes(head)


def _float(value: float) -> bytes:
    """Return the shortest of half, single and double precision that keeps the value (RFC 8949 4.2.2)."""
    if value != value:
        return b"\xf9\x7e\x00"
    for code, head in (("e", 0xF9), ("f", 0xFA)):
        try:
            packed = struct.pack(">B" + code, head, value)
        except OverflowError:
            continue
        if struct.unpack_from(">" + code, packed, 1)[0] == value:
            return packed
    return struct.pack(">Bd", 0xFB, value)


# --- reading -----------------------------------------------------------------------------------------------------


class _Reader:
    """A cursor over `raw`. Work is linear in the input: no length is trusted before the bytes are seen."""

    __slots__ = ("offset", "raw", "strict")

    def __init__(self, raw: bytes, *, strict: bool) -> None:
        self.raw = raw
        self.offset = 0
        self.strict = strict

    def take(self, count: int) -> bytes:
        end = self.offset + count
        if end > len(self.raw):
            _refuse("ends in the middle of an item")
        piece = self.raw[self.offset : end]
        self.offset = end
        return piece

    def argument(self, info: int) -> int:
        if info < 24:
            return info
        if info > 27:
            _refuse("indefinite lengths and reserved heads are not accepted")
        width = 1 << (info - 24)
        argument = int.from_bytes(self.take(width), "big")
        if self.strict and (argument < 24 if width == 1 else argument >> (4 * width) == 0):
            _refuse("an integer or length is not in its shortest form")
        return argument

    def item(self, depth: int) -> Value:
        if depth == 0:
            _refuse(f"nested deeper than {MAX_DEPTH}")
        if self.offset >= len(self.raw):
            _refuse("ends in the middle of an item")
        head = self.raw[self.offset]
        self.offset += 1
        major, info = head >> 5, head & 31
        if major == 7:
            return self.simple(info)
        argument = self.argument(info)
        if major == 0:
            return argument
        if major == 1:
            return -1 - argument
        if major == 2:
            return bytes(self.take(argument))
        if major == 3:
            return self.text(argument)
        if major == 4:
            return self.array(argument, depth)
        if major == 5:
            return self.map(argument, depth)
        return Tagged(argument, self.item(depth - 1))

    def text(self, length: int) -> str:
        try:
            return bytes(self.take(length)).decode()
        except UnicodeDecodeError:
            _refuse("text is not UTF-8")

    def array(self, count: int, depth: int) -> list[Value]:
        # No count is trusted: each element takes a byte at least, so a false one ends with the input.
        return [self.item(depth - 1) for _ in range(count)]

    def map(self, count: int, depth: int) -> dict[int | str, Value]:
        entries: dict[int | str, Value] = {}
        previous = b""
        for _ in range(count):
            start = self.offset
            key = self.item(depth - 1)
            if isinstance(key, bool) or not isinstance(key, int | str):
                _refuse("map keys are integers or text")
            encoded = bytes(self.raw[start : self.offset])
            if key in entries:
                _refuse("a map key appears twice")
            if self.strict and encoded <= previous:
                _refuse("map keys are not in bytewise order")
            previous = encoded
            entries[key] = self.item(depth - 1)
        return entries

    def simple(self, info: int) -> Value:
        if info in _SIMPLE:
            return _SIMPLE[info]
        if info not in _FLOATS:
            _refuse("a simple value other than false, true and null")
        code, width = _FLOATS[info]
        packed = self.take(width)
        value: float = struct.unpack(code, packed)[0]
        if self.strict and _float(value)[1:] != packed:
            _refuse("a number is not in its shortest form")
        return value


_SIMPLE = {20: False, 21: True, 22: None}
_FLOATS = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}
