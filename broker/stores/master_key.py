"""What wraps the key store's records: the port where a PKCS#11 token or a cloud KMS plugs in (specs/key-store.md)."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from broker.stores.secret_files import SecretFileError, create_secret, read_secret

OVERHEAD = 28  # nonce (12) and tag (16)
_KEY_BYTES = 32
_NONCE_BYTES = 12


class UnwrapFailed(Exception):
    """The record was altered, moved to another subject, or wrapped under another master key."""


class MasterKey(Protocol):
    """Wraps 64-byte records. `context` is authenticated, not stored: a record moved to another subject stays shut."""

    def wrap(self, secret: bytes, context: bytes) -> bytes:
        """The wrapped record; equal lengths in give equal lengths out."""

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The record. Raises UnwrapFailed."""


class FileMasterKey:
    """AES-256-GCM under a key in a 0600 file. Nonces are random, so one key wraps at most 2**32 records
    (NIST SP 800-38D 8.3).
    """

    def __init__(self, key: bytes, *, entropy: Callable[[int], bytes] = os.urandom) -> None:
        if len(key) != _KEY_BYTES:
            raise ValueError(f"a master key has {_KEY_BYTES} bytes")
        self._cipher = AESGCM(key)
        self._entropy = entropy

    @classmethod
    def create(cls, path: Path, *, entropy: Callable[[int], bytes] = os.urandom) -> Self:
        """Make a new key file. Raises FileExistsError when there is one."""
        key = entropy(_KEY_BYTES)
        create_secret(path, key)
        return cls(key, entropy=entropy)

    @classmethod
    def load(cls, path: Path, *, entropy: Callable[[int], bytes] = os.urandom) -> Self:
        """Read the key file. Raises SecretFileError when it is missing, exposed or damaged."""
        key = read_secret(path)
        if len(key) != _KEY_BYTES:
            raise SecretFileError(f"{path} is damaged: it holds {len(key)} bytes, not {_KEY_BYTES}")
        return cls(key, entropy=entropy)

    def wrap(self, secret: bytes, context: bytes) -> bytes:
        nonce = self._entropy(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        try:
            return self._cipher.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], context)
        except (InvalidTag, ValueError) as error:
            raise UnwrapFailed from error
