"""Tokens of one grant: access token (RFC 9068, bound to the DPoP key by RFC 9449 6.1) and refresh token. The ID token
comes after them (`id_token.py`).
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from broker.core.authorization import Grant, RefreshToken, digest
from broker.core.denial import Denied
from broker.core.identity_release import details_of
from broker.oidc.client import Client, Profile
from broker.oidc.errors import OAuthError
from broker.oidc.jws import b64url
from broker.oidc.ports import OidcUnit
from broker.oidc.released import Wanted
from broker.oidc.resource import ACCESS_TOKEN_TYPE
from broker.oidc.server import AuthorizationServer

TokenResponse = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Issued:
    """What an exchange yields. `response` (RFC 6749 5.1) lacks the ID token; the rest is for that one. `wanted` is to
    be released into it.
    """

    response: TokenResponse = field(repr=False)
    grant: Grant
    subject: str
    at: datetime
    nonce: str | None
    client: Client | None
    wanted: Wanted | None


def issue_tokens(
    server: AuthorizationServer,
    unit: OidcUnit,
    grant: Grant,
    scopes: frozenset[str],
    at: datetime,
    *,
    nonce: str | None,
    client: Client | None = None,
    keep: str | None = None,
    wanted: Wanted | None = None,
) -> Issued | OAuthError:
    """Tokens for `scopes`, a subset of the grant's; `invalid_grant` where the client may not be told who the person is
    now. `keep` is the refresh token that stays in use. Without `client`: for the wallet.
    """
    subject: str | Denied = grant.subject
    if client is not None:
        subject = server.consents.name_person(
            unit, traveller=grant.traveller_id, client=client, subject=grant.subject, at=at
        )
    if isinstance(subject, Denied):
        return OAuthError("invalid_grant", f"nothing may be told about the person now: {subject.reason}")
    access_token = _access_token(server, grant, subject, scopes, at, audience_of(server, client))
    refresh_token = keep or server.secret()
    if keep is None:
        rotates = client is None or client.profile is not Profile.FAPI2
        expires_at = min(at + server.lifetimes.refresh_token, grant.expires_at) if rotates else grant.expires_at
        unit.add_refresh_token(RefreshToken(digest(refresh_token), grant.grant_id, expires_at))
    response: TokenResponse = {
        "access_token": access_token,
        "token_type": "DPoP" if grant.jkt else "Bearer",
        "expires_in": int(server.lifetimes.access_token.total_seconds()),
        "refresh_token": refresh_token,
        "scope": " ".join(sorted(scopes)),
    }
    if grant.releases:
        response["authorization_details"] = details_of(grant.releases)  # RFC 9396 7
    return Issued(response, grant, subject, at, nonce, client, wanted)


def audience_of(server: AuthorizationServer, client: Client | None) -> str | list[str]:
    """`aud` of a client's access tokens (RFC 9068 3). Without a client: the wallet API."""
    if client is None or client.profile is Profile.WALLET:
        return server.wallet_audience
    if client.profile is Profile.FAPI2:
        return [server.agencies_audience, server.userinfo_audience]
    return server.userinfo_audience


def client_access_token(
    server: AuthorizationServer, client: Client, scopes: frozenset[str], jkt: str, at: datetime
) -> str:
    """An access token without a person: `sub` is the client (RFC 9068 2.2)."""
    claims = {
        **_common(server, client.client_id, client.client_id, scopes, at),
        "aud": [server.agencies_audience, server.grants_audience],
        "cnf": {"jkt": jkt},
    }
    return server.token_keys.current.sign(claims, typ=ACCESS_TOKEN_TYPE)


def _access_token(
    server: AuthorizationServer,
    grant: Grant,
    subject: str,
    scopes: frozenset[str],
    at: datetime,
    audience: str | list[str],
) -> str:
    claims: dict[str, Any] = {
        **_common(server, subject, grant.client_id, scopes, at),
        "aud": audience,
        "auth_time": int(grant.auth_time.timestamp()),
        "acr": grant.acr,
        "grant": str(grant.grant_id),
    }
    if grant.jkt is not None:
        claims["cnf"] = {"jkt": grant.jkt}
    return server.token_keys.current.sign(claims, typ=ACCESS_TOKEN_TYPE)


def _common(
    server: AuthorizationServer, subject: str, client_id: str, scopes: frozenset[str], at: datetime
) -> dict[str, Any]:
    return {
        "iss": server.issuer,
        "sub": subject,
        "client_id": client_id,
        "iat": int(at.timestamp()),
        "exp": int((at + server.lifetimes.access_token).timestamp()),
        "jti": b64url(server.entropy(16)),
        "scope": " ".join(sorted(scopes)),
    }
