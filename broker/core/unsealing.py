"""Opening what `core.sealing` sealed. An import contract names who may: personal data by `flows.opening` alone."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from broker.core.sealing import NONCE, SALT_BYTES, SealBroken, one_time_key


def unseal(sealed: bytes, *, key: bytes, context: str) -> bytes:
    """The plaintext of `seal` under the same key and context; raises SealBroken otherwise."""
    salt, ciphertext = sealed[:SALT_BYTES], sealed[SALT_BYTES:]
    if len(salt) != SALT_BYTES or len(ciphertext) < 16:
        raise SealBroken(f"{len(sealed)} bytes are too few for a sealed value")
    try:
        return AESGCM(one_time_key(key, salt, context)).decrypt(NONCE, ciphertext, context.encode())
    except InvalidTag as broken:
        raise SealBroken(f"{context} does not open") from broken
