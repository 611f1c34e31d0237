"""The key access tokens and ID tokens are signed with. PyJWT does the JOSE."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc.jwk import ECKey

ALGORITHM: Final = "ES256"  # RFC 7518 3.4; every JWT library verifies it

PublicJwk = dict[str, str | list[str]]


@dataclass(frozen=True)
class TokenKey:
    """A P-256 key with the `kid` of its RFC 7638 thumbprint."""

    kid: str
    private_key: EllipticCurvePrivateKey
    jwk: PublicJwk

    @classmethod
    def of(cls, private_key: EllipticCurvePrivateKey) -> "TokenKey":
        """Raises ValueError for any other curve."""
        if not isinstance(private_key.curve, SECP256R1):
            raise ValueError("a token key lies on P-256")  # noqa: TRY004  the type is right, the curve is not
        public = ECKey.import_key(_numbers(private_key.public_key()))
        kid = public.thumbprint()
        return cls(kid, private_key, {**public.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM})

    def sign(self, claims: Mapping[str, Any], *, typ: str) -> str:
        """A compact JWS over `claims`."""
        headers = {"typ": typ, "kid": self.kid}
        return jwt.encode(dict(claims), self.private_key, algorithm=ALGORITHM, headers=headers)

    def verifier_for(self, typ: str) -> Callable[[str, str, str], dict[str, Any]]:
        """`verify(token, issuer, audience) -> claims`; raises jwt.PyJWTError. Time is checked by the caller, who owns
        the clock.
        """

        def verify(token: str, issuer: str, audience: str) -> dict[str, Any]:
            decoded = jwt.decode_complete(
                token,
                self.private_key.public_key(),
                algorithms=[ALGORITHM],
                issuer=issuer,
                audience=audience,
                options={"require": ["iss", "aud", "exp", "iat", "sub"], "verify_exp": False, "verify_iat": False},
            )
            if decoded["header"].get("typ") != typ:  # RFC 9068 4: other tokens signed with the same key must not pass
                raise jwt.InvalidTokenError("unexpected typ")
            claims: dict[str, Any] = decoded["payload"]
            return claims

        return verify

    def derive(self, label: str) -> bytes:
        """32 bytes for a purpose of this server's own (HKDF-SHA256): every worker holding the key derives the same."""
        scalar = self.private_key.private_numbers().private_value.to_bytes(32, "big")
        return HKDF(
            algorithm=hashes.SHA256(), length=32, salt=None, info=b"tongguan/token-key/" + label.encode()
        ).derive(scalar)


def _numbers(key: EllipticCurvePublicKey) -> PublicJwk:
    numbers = key.public_numbers()

    def coordinate(value: int) -> str:
        return urlsafe_b64encode(value.to_bytes(32, "big")).rstrip(b"=").decode()

    return {"kty": "EC", "crv": "P-256", "x": coordinate(numbers.x), "y": coordinate(numbers.y)}
