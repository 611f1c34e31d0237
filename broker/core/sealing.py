"""Sealing of what rests in the database: AES-256-GCM under a key that is derived afresh for every sealed value."""

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SALT_BYTES = 16
# Zero nonce: the key is HKDF-SHA256(key, random 16-byte salt, context), so it encrypts exactly one value. Two values
# meet the
# same key only when two random 128-bit salts under one traveller's key are equal (specs/enrolment.md 4).
NONCE = bytes(12)


class SealBroken(Exception):
    """The sealed bytes were altered, belong to another context, or were sealed under another (perhaps
    destroyed) key.
    """


def seal(plaintext: bytes, *, key: bytes, context: str, salt: bytes) -> bytes:
    """salt (16 bytes, random, never used before) || AES-256-GCM ciphertext and tag. `context` says what it is and
    whose.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"the salt has {len(salt)} bytes, not {SALT_BYTES}")
    return salt + AESGCM(one_time_key(key, salt, context)).encrypt(NONCE, plaintext, context.encode())


def derive(key: bytes, *, info: bytes, length: int = 32, salt: bytes | None = None) -> bytes:
    """HKDF-SHA256 (RFC 5869) of `key`, bound to `info`."""
    return HKDF(SHA256(), length=length, salt=salt, info=info).derive(key)


def one_time_key(key: bytes, salt: bytes, context: str) -> bytes:
    """What `salt` and `context` make of a key: it seals exactly one value."""
    return derive(key, salt=salt, info=b"tongguan/sealed/v1\0" + context.encode())
