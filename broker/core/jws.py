"""Statements the broker signs for others to keep: compact JWS (RFC 7515) with the EdDSA receipt key.

One key signs receipts, answers to partners and notices to them; `typ` keeps the three apart (RFC 8725 3.11), and
whoever verifies one insists on its `typ`.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import cache
from typing import Any

from jwt.algorithms import Algorithm
from jwt.api_jws import PyJWS

from broker.wire.keys import PublicKey, Signer
from broker.wire.registry import Alg, KeyUse


def sign_statement(claims: Mapping[str, Any], signer: Signer, *, typ: str) -> str:
    """The statement as a compact JWS. Raises ValueError unless `signer` is the EdDSA receipt key."""
    if signer.use is not KeyUse.RECEIPT or signer.alg is not Alg.EDDSA:
        raise ValueError("statements are signed by the EdDSA receipt key alone")
    payload = json.dumps(claims, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    headers = {"kid": signer.kid.hex(), "typ": typ}
    # PyJWT types keys by its own algorithms' needs; ours takes the Signer port.
    return _jws().encode(payload, signer, algorithm="EdDSA", headers=headers)  # type: ignore[arg-type]


def public_jwk(key: PublicKey) -> dict[str, str]:
    """An Ed25519 key as a JWK (RFC 8037 2), to verify statements with."""
    if key.alg is not Alg.EDDSA:
        raise ValueError("statements are signed with EdDSA")
    x = to_base64url(key.point)
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": key.kid.hex(), "use": "sig", "alg": "EdDSA"}


def to_base64url(raw: bytes) -> str:
    """RFC 7515 2: no padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


class _PortSigner(Algorithm):
    """Lets PyJWT write the envelope while the private key stays behind the Signer port (a file, PKCS#11 or a KMS)."""

    def prepare_key(self, key: Signer) -> Signer:
        return key

    def sign(self, msg: bytes, key: Signer) -> bytes:
        return key.sign(msg)

    def verify(self, msg: bytes, key: Signer, sig: bytes) -> bool:
        raise NotImplementedError("statements are verified with an ordinary public key")

    @staticmethod
    def to_jwk(key_obj: Signer, as_dict: bool = False) -> Any:
        raise NotImplementedError("a Signer has no private JWK")

    @staticmethod
    def from_jwk(jwk: str | dict[str, Any]) -> Signer:
        raise NotImplementedError("a Signer has no private JWK")


@cache
def _jws() -> PyJWS:
    jws = PyJWS(algorithms=[])
    jws.register_algorithm("EdDSA", _PortSigner())
    return jws
