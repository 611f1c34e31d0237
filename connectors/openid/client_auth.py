"""How the broker proves to an endpoint that it is the client (RFC 6749 2.3.1, RFC 7523 2.2, OpenID Connect Core 9)."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote_plus

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import SecretStr

from connectors.openid.encoding import b64url

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFETIME: Final = timedelta(seconds=60)

Signer = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


class ClientKeyError(Exception):
    """The key file cannot be used; the message says why, and shows none of it."""


@dataclass(frozen=True)
class Proof:
    """What goes with one request: further form fields, or the pair of HTTP basic authentication."""

    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    basic: tuple[str, str] | None = field(default=None, repr=False)


class ClientAuthentication(Protocol):
    @property
    def client_id(self) -> str: ...

    def proof(self, *, issuer: str, at: datetime) -> Proof:
        """Raises ClientKeyError."""


@dataclass(frozen=True)
class SecretBasic:
    client_id: str
    secret: SecretStr

    def proof(self, *, issuer: str, at: datetime) -> Proof:
        # Both parts form-encoded first (RFC 6749 2.3.1), whatever many servers forget.
        return Proof(basic=(quote_plus(self.client_id), quote_plus(self.secret.get_secret_value())))


@dataclass(frozen=True)
class SecretPost:
    client_id: str
    secret: SecretStr

    def proof(self, *, issuer: str, at: datetime) -> Proof:
        return Proof({"client_id": self.client_id, "client_secret": self.secret.get_secret_value()})


@dataclass(frozen=True)
class PrivateKeyJwt:
    """`key`: PEM file of a P-256, Ed25519 or RSA key, read for each assertion: a new one needs no restart. `kid`: its
    name at the provider; unset, the file's.
    """

    client_id: str
    key: Path
    kid: str | None = None
    entropy: Callable[[int], bytes] = field(default=os.urandom, repr=False)

    def proof(self, *, issuer: str, at: datetime) -> Proof:
        private, algorithm = read_signer(self.key)
        now = int(at.timestamp())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": issuer,  # not the endpoint's address: a server that lies about it could use the assertion elsewhere
            "iat": now,
            "exp": now + int(ASSERTION_LIFETIME.total_seconds()),
            "jti": b64url(self.entropy(16)),
        }
        headers = {"kid": self.kid or self.key.stem}
        assertion = jwt.encode(claims, private, algorithm=algorithm, headers=headers)
        form = {
            "client_id": self.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }
        return Proof(form)


def read_signer(path: Path) -> tuple[Signer, str]:
    """The private key and the one algorithm it signs with. Raises ClientKeyError."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise ClientKeyError(f"{path.name} is not a readable private key: {type(error).__name__}") from error
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key, "ES256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key, "EdDSA"
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return key, "PS256"
    raise ClientKeyError(f"{path.name} is neither P-256 nor Ed25519 nor RSA of 2048 bits")
