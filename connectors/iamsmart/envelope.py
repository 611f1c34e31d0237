"""The content envelope: base64(int32be(12) || iv(12) || AES-256-GCM ciphertext || tag(16)), no associated data."""

import binascii
import json
from base64 import b64decode, b64encode
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

IV_BYTES: Final = 12
TAG_BYTES: Final = 16
_PREFIX: Final = IV_BYTES.to_bytes(4, "big")


class EnvelopeError(Exception):
    """An envelope that is malformed, or was not made with this key."""


def seal(key: bytes, plaintext: bytes, *, iv: bytes) -> str:
    """`iv`: 12 bytes, never used twice under one key."""
    if len(iv) != IV_BYTES:
        raise ValueError(f"an iv has {IV_BYTES} bytes")
    return b64encode(_PREFIX + iv + AESGCM(key).encrypt(iv, plaintext, None)).decode()


def open_envelope(key: bytes, text: object) -> bytes:
    """The plaintext. Raises EnvelopeError and nothing else, whatever `text` is."""
    try:
        raw = b64decode(text, validate=True) if isinstance(text, str) else b""
    except (ValueError, binascii.Error):
        raise EnvelopeError("the content is not base64") from None
    start = len(_PREFIX) + IV_BYTES
    if len(raw) < start + TAG_BYTES or not raw.startswith(_PREFIX):
        raise EnvelopeError("the content is not an envelope with an iv of 12 bytes")
    try:
        return AESGCM(key).decrypt(raw[len(_PREFIX) : start], raw[start:], None)
    except InvalidTag:
        raise EnvelopeError("the content was not sealed with this key") from None


def seal_json(key: bytes, content: dict[str, Any], *, iv: bytes) -> str:
    """`content` as compact UTF-8 JSON, sealed."""
    return seal(key, compact_json(content), iv=iv)


def compact_json(content: dict[str, Any]) -> bytes:
    """The JSON both sides write: UTF-8, no spaces."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def read_object(raw: bytes) -> dict[str, Any]:
    """Raises EnvelopeError for anything but a JSON object."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise EnvelopeError("the content is not JSON") from None
    if not isinstance(value, dict):
        raise EnvelopeError("the content is not a JSON object")
    return value
