"""Statements the broker signs for others to keep: compact JWS (RFC 7515) with EdDSA.

What is told to partners (answers, results of requests, notices) has a key of its own; receipts, consent grants and
certificates have another. `typ` keeps the kinds of one key apart (RFC 8725 3.11), and whoever verifies one insists on
it.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from broker.wire.keys import PublicKey, Signer
from broker.wire.registry import Alg, KeyUse

_TO_PARTNERS: Final = frozenset({"tongguan-answer+jwt", "secevent+jwt"})


def sign_statement(claims: Mapping[str, Any], signer: Signer, *, typ: str) -> str:
    """The statement as a compact JWS. Raises ValueError unless `signer` is the EdDSA key for that kind."""
    use = KeyUse.ANSWER if typ in _TO_PARTNERS else KeyUse.RECEIPT
    if signer.use is not use or signer.alg is not Alg.EDDSA:
        raise ValueError(f"{typ} is signed by the EdDSA {use.value} key alone")
    payload = json.dumps(claims, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    signed = f"{_protected(signer.kid, typ)}.{to_base64url(payload.encode())}"
    return f"{signed}.{to_base64url(signer.sign(signed.encode()))}"


@lru_cache(maxsize=64)
def _protected(kid: bytes, typ: str) -> str:
    """The protected header (RFC 7515 3): the same for all statements of a kind."""
    return to_base64url(json.dumps({"alg": "EdDSA", "kid": kid.hex(), "typ": typ}, separators=(",", ":")).encode())


def public_jwk(key: PublicKey) -> dict[str, str]:
    """An Ed25519 key as a JWK (RFC 8037 2), to verify statements with."""
    if key.alg is not Alg.EDDSA:
        raise ValueError("statements are signed with EdDSA")
    x = to_base64url(key.point)
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": key.kid.hex(), "use": "sig", "alg": "EdDSA"}


def to_base64url(raw: bytes) -> str:
    """RFC 7515 2: no padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
