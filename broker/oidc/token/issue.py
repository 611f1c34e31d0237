"""Tokens of one grant: access token (RFC 9068, bound to the DPoP key by RFC 9449 6.1), refresh token, ID token
(OpenID Connect Core 2).
"""

from base64 import urlsafe_b64encode
from datetime import datetime
from hashlib import sha256
from typing import Any

from broker.core.authorization import Grant, RefreshToken, digest
from broker.oidc.ports import OidcUnit
from broker.oidc.resource import ACCESS_TOKEN_TYPE
from broker.oidc.server import AuthorizationServer

TokenResponse = dict[str, str | int]


def issue_tokens(
    server: AuthorizationServer,
    unit: OidcUnit,
    grant: Grant,
    scopes: frozenset[str],
    at: datetime,
    *,
    nonce: str | None,
) -> TokenResponse:
    """The token response (RFC 6749 5.1) for `scopes`, a subset of the grant's."""
    access_token = _access_token(server, grant, scopes, at)
    refresh_token = server.secret()
    expires_at = min(at + server.lifetimes.refresh_token, grant.expires_at)
    unit.add_refresh_token(RefreshToken(digest(refresh_token), grant.grant_id, expires_at))
    return {
        "access_token": access_token,
        "token_type": "DPoP",
        "expires_in": int(server.lifetimes.access_token.total_seconds()),
        "refresh_token": refresh_token,
        "scope": " ".join(sorted(scopes)),
        "id_token": _id_token(server, grant, at, nonce=nonce, access_token=access_token),
    }


def _access_token(server: AuthorizationServer, grant: Grant, scopes: frozenset[str], at: datetime) -> str:
    claims: dict[str, Any] = {
        "iss": server.issuer,
        "sub": grant.subject,
        "aud": server.wallet_audience,
        "client_id": grant.client_id,
        "iat": int(at.timestamp()),
        "exp": int((at + server.lifetimes.access_token).timestamp()),
        "jti": server.secret(),
        "scope": " ".join(sorted(scopes)),
        "auth_time": int(grant.auth_time.timestamp()),
        "acr": grant.acr,
        "cnf": {"jkt": grant.jkt},
        "grant": str(grant.grant_id),
    }
    return server.token_keys.current.sign(claims, typ=ACCESS_TOKEN_TYPE)


def _id_token(server: AuthorizationServer, grant: Grant, at: datetime, *, nonce: str | None, access_token: str) -> str:
    half = sha256(access_token.encode()).digest()[:16]
    claims: dict[str, Any] = {
        "iss": server.issuer,
        "sub": grant.subject,
        "aud": grant.client_id,
        "iat": int(at.timestamp()),
        "exp": int((at + server.lifetimes.access_token).timestamp()),
        "auth_time": int(grant.auth_time.timestamp()),
        "acr": grant.acr,
        "at_hash": urlsafe_b64encode(half).rstrip(b"=").decode(),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    return server.token_keys.current.sign(claims, typ="JWT")
