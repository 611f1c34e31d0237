"""Answers as JWTs: signed by this server, encrypted to the client (OpenID Connect Core 5.3.2, RFC 7516). joserfc makes
the JWE.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key

from broker.core.client import Encryption
from broker.oidc.client import Client
from broker.oidc.client_keys import KeysUnavailable
from broker.oidc.errors import OAuthError
from broker.oidc.server import AuthorizationServer

KEY_ALGORITHMS: Final = ("ECDH-ES", "ECDH-ES+A256KW", "RSA-OAEP-256")  # RFC 7518 4.1
CONTENT_ALGORITHMS: Final = ("A128GCM", "A256GCM", "A128CBC-HS256", "A256CBC-HS512")  # RFC 7518 5.1


@dataclass(frozen=True, slots=True)
class Sealing:
    """An encryption to `client`'s key, known to work."""

    client: Client
    encryption: Encryption
    key: Key

    def seal(self, payload: bytes, more: Mapping[str, str] | None = None) -> str:
        """The compact JWE; `more` goes into its header. Raises JoseError, ValueError or TypeError for an unfit key."""
        header = {**(more or {}), "alg": self.encryption.alg, "enc": self.encryption.enc}
        if self.key.kid is not None:
            header["kid"] = self.key.kid
        registry = jwe.JWERegistry(algorithms=[self.encryption.alg, self.encryption.enc])
        return jwe.encrypt_compact(header, payload, self.key, registry=registry)


def sealing_for(server: AuthorizationServer, client: Client, at: datetime) -> Sealing | None:
    """How answers are encrypted to the client, None when they are not. May fetch its keys. Raises OAuthError."""
    encryption = client.userinfo_encryption
    if encryption is None:
        return None
    try:
        jwk = dict(server.client_keys.encryption(client, alg=encryption.alg, at=at))
        sealing = Sealing(client, encryption, JWKRegistry.import_key(jwk))
        sealing.seal(b"")  # a signing curve or a short modulus shows only when it is used
    except (KeysUnavailable, JoseError, ValueError, TypeError) as error:
        raise OAuthError(
            "temporarily_unavailable",
            "the client publishes no key that the answer could be encrypted to",
            status=503,
            cause=type(error).__name__,
        ) from error
    return sealing


def protected_answer(
    server: AuthorizationServer, client: Client, sealing: Sealing | None, claims: Mapping[str, Any], at: datetime
) -> str:
    """A JWS, a JWE over the JSON, or a JWE over a JWS (RFC 7519 5.2: `cty` JWT), as the client registered."""
    payload = json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()
    header: dict[str, str] = {}
    if client.userinfo_signed_alg is not None:
        signed = {**claims, "iss": server.issuer, "aud": client.client_id, "iat": int(at.timestamp())}
        payload = server.token_keys.current.sign(signed, typ="JWT").encode()
        header["cty"] = "JWT"
    return payload.decode() if sealing is None else sealing.seal(payload, header)
