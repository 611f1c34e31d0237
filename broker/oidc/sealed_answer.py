"""Answers as JWTs: signed by this server, encrypted to the client (OpenID Connect Core 5.3.2, RFC 7516). joserfc makes
the JWE.
"""

import json
from datetime import datetime
from typing import Any, Final

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from broker.core.client import Encryption
from broker.oidc.client import Client
from broker.oidc.client_keys import KeysUnavailable
from broker.oidc.errors import OAuthError
from broker.oidc.server import AuthorizationServer

KEY_ALGORITHMS: Final = ("ECDH-ES", "ECDH-ES+A256KW", "RSA-OAEP-256")  # RFC 7518 4.1
CONTENT_ALGORITHMS: Final = ("A128GCM", "A256GCM", "A128CBC-HS256", "A256CBC-HS512")  # RFC 7518 5.1


def protected_answer(server: AuthorizationServer, client: Client, claims: dict[str, Any], at: datetime) -> str:
    """A JWS, a JWE over the JSON, or a JWE over a JWS (RFC 7519 5.2: `cty` JWT), as the client registered."""
    payload = json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()
    header: dict[str, Any] = {}
    if client.userinfo_signed_alg is not None:
        signed = {**claims, "iss": server.issuer, "aud": client.client_id, "iat": int(at.timestamp())}
        payload = server.token_keys.current.sign(signed, typ="JWT").encode()
        header["cty"] = "JWT"
    if client.userinfo_encryption is None:
        return payload.decode()
    return _encrypted(server, client, client.userinfo_encryption, header, payload, at)


def _encrypted(
    server: AuthorizationServer,
    client: Client,
    encryption: Encryption,
    header: dict[str, Any],
    payload: bytes,
    at: datetime,
) -> str:
    try:
        jwk = dict(server.client_keys.encryption(client, alg=encryption.alg, at=at))
        header |= {"alg": encryption.alg, "enc": encryption.enc}
        if isinstance(jwk.get("kid"), str):
            header["kid"] = jwk["kid"]
        key = JWKRegistry.import_key(jwk)
        registry = jwe.JWERegistry(algorithms=[encryption.alg, encryption.enc])
        return jwe.encrypt_compact(header, payload, key, registry=registry)
    except (KeysUnavailable, JoseError, ValueError, TypeError) as error:
        raise OAuthError(
            "temporarily_unavailable",
            "the client publishes no key that the answer could be encrypted to",
            status=503,
            cause=type(error).__name__,
        ) from error
