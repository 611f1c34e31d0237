"""A partner's key set (RFC 7517 5): reading it, and choosing the key that answers are encrypted to."""

import json
from collections.abc import Mapping
from typing import Any, Final

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from broker.core.denial import InvalidInput

MAX_BYTES: Final = 64 * 1024
MAX_KEYS: Final = 16
CONTENT: Final = "A256GCM"  # RFC 7518 5.3

_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_EC_CURVES: Final = frozenset({"P-256", "P-384", "P-521"})
_MIN_RSA_BITS: Final = 2048
# What each type of key is used with unless it names one of these itself (RFC 7518 4.1).
_ALGORITHMS: Final[Mapping[str, tuple[str, ...]]] = {
    "EC": ("ECDH-ES+A256KW", "ECDH-ES"),
    "OKP": ("ECDH-ES+A256KW", "ECDH-ES"),
    "RSA": ("RSA-OAEP-256",),
}

EncryptionKey = ECKey | OKPKey | RSAKey
_KINDS: Final[Mapping[str, type[ECKey] | type[OKPKey] | type[RSAKey]]] = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}


def read_key_set(raw: bytes) -> dict[str, Any]:
    """The key set as JSON. Raises InvalidInput for anything that is none, and for private keys: a partner that
    publishes one must replace it.
    """
    if len(raw) > MAX_BYTES:
        raise _bad("the key set is too large")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _bad("the key set is not JSON") from error
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= MAX_KEYS or not all(isinstance(key, dict) for key in keys):
        raise _bad(f"a key set has 1 to {MAX_KEYS} keys")
    if any(_PRIVATE & key.keys() for key in keys):
        raise _bad("the key set holds a private or symmetric key: replace that key, it is known to others now")
    return {"keys": keys}


def encrypt_to(key_set: Mapping[str, Any], statement: str, *, typ: str) -> str:
    """The statement (a compact JWS) as a nested compact JWE (RFC 7519 5.2, `cty` JWT) to the first usable key of the
    set whose `use` is `enc`. Raises InvalidInput when there is none.
    """
    chosen = encryption_key(key_set)
    if chosen is None:
        raise _bad("no key of the set has use=enc and an algorithm we know")
    key, header = chosen
    return jwe.encrypt_compact(
        {**header, "typ": typ, "cty": "JWT"}, statement.encode(), key, algorithms=[header["alg"], CONTENT]
    )


def encryption_key(key_set: Mapping[str, Any]) -> tuple[EncryptionKey, dict[str, str]] | None:
    """The key and the `alg`, `enc` and `kid` to encrypt with; None when the set has no usable one."""
    for entry in key_set.get("keys", ()):
        kind = str(entry.get("kty"))
        allowed = _ALGORITHMS.get(kind, ())
        alg = entry.get("alg") or (allowed[0] if allowed else None)
        if entry.get("use") != "enc" or alg not in allowed or not _strong(kind, entry):
            continue
        try:
            key = _KINDS[kind].import_key(entry)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, RSAKey) and key.raw_value.key_size < _MIN_RSA_BITS:
            continue
        kid = entry.get("kid") if isinstance(entry.get("kid"), str) else key.thumbprint()
        return key, {"alg": str(alg), "enc": CONTENT, "kid": str(kid)}
    return None


def _strong(kind: str, entry: Mapping[str, Any]) -> bool:
    if kind == "EC":
        return entry.get("crv") in _EC_CURVES
    return kind == "RSA" or (kind == "OKP" and entry.get("crv") == "X25519")


def _bad(hint: str) -> InvalidInput:
    return InvalidInput("bad_key_set", hint)
