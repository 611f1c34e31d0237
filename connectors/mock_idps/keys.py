"""A mock provider's signing key: new at every start, so that clients learn to fetch keys again."""

from dataclasses import dataclass
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc.jwk import ECKey, RSAKey


@dataclass(frozen=True)
class ProviderKey:
    """A private key with its published half."""

    algorithm: str
    private_key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    jwk: dict[str, Any]

    @classmethod
    def generate(cls, algorithm: Literal["ES256", "RS256"]) -> "ProviderKey":
        key: ECKey | RSAKey = ECKey.generate_key("P-256") if algorithm == "ES256" else RSAKey.generate_key(2048)
        private = key.private_key
        if not isinstance(private, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise TypeError("the library generated another kind of key")
        jwk = {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": algorithm}
        return cls(algorithm, private, jwk)

    def sign(self, claims: dict[str, Any]) -> str:
        """A compact JWT."""
        return jwt.encode(claims, self.private_key, algorithm=self.algorithm, headers={"kid": self.jwk["kid"]})
