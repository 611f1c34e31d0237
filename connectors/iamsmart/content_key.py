"""The content encryption key (CEK) on its way: 32 bytes wrapped to the RSA-2048 certificate the service uploaded.

One known client unwraps with PKCS#1 v1.5, another tries OAEP first: a setting of the service. One meets the key's
bytes, another their base64 inside the wrapping; both are read, bytes are written.
"""

import binascii
from base64 import b64decode, b64encode
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY_BYTES: Final = 32
_MAX_WRAPPED: Final = 4096  # base64 characters; RSA-2048 gives 344


class KeyWrap(StrEnum):
    """The RSA padding around a CEK."""

    PKCS1V15 = "pkcs1v15"  # RSAES-PKCS1-v1_5 (RFC 8017 7.2)
    OAEP_SHA1 = "oaep-sha1"  # RSAES-OAEP with SHA-1 and MGF1-SHA-1 (RFC 8017 7.1), what tools call OAEP by default
    OAEP_SHA256 = "oaep-sha256"  # with SHA-256 in both places


class UnwrapError(Exception):
    """The wrapped key cannot be opened. The text never says why: padding oracles live on such texts."""

    def __init__(self) -> None:
        super().__init__("the content key cannot be unwrapped")


def wrap(key: bytes, public_key: rsa.RSAPublicKey, how: KeyWrap) -> str:
    """`secretKey` of an answer: base64 of the RSA ciphertext."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"a content key has {KEY_BYTES} bytes")
    return b64encode(public_key.encrypt(key, _padding(how))).decode()


def unwrap(text: object, private_key: rsa.RSAPrivateKey, how: KeyWrap) -> bytes:
    """The 32 bytes. Raises UnwrapError for anything else at all."""
    if not isinstance(text, str) or len(text) > _MAX_WRAPPED:
        raise UnwrapError
    try:
        opened = private_key.decrypt(b64decode(text, validate=True), _padding(how))
        key = opened if len(opened) == KEY_BYTES else b64decode(opened, validate=True)
    except (ValueError, binascii.Error):
        raise UnwrapError from None
    if len(key) != KEY_BYTES:
        raise UnwrapError
    return key


def _padding(how: KeyWrap) -> padding.AsymmetricPadding:
    if how is KeyWrap.PKCS1V15:
        return padding.PKCS1v15()
    algorithm = hashes.SHA1() if how is KeyWrap.OAEP_SHA1 else hashes.SHA256()  # noqa: S303  OAEP needs no collision resistance
    return padding.OAEP(mgf=padding.MGF1(algorithm), algorithm=algorithm, label=None)
