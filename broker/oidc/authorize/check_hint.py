"""Who the person must be: `id_token_hint` (OpenID Connect Core 3.1.2.1), or a `sub` asked for in `claims` (5.5.1)."""

from collections.abc import Mapping
from typing import Any

from broker.core.claims_request import value_of
from broker.oidc.client import Client
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters
from broker.oidc.server import AuthorizationServer


def check_hint(
    server: AuthorizationServer, parameters: Parameters, client: Client, claims: Mapping[str, Any] | None
) -> str | None:
    """The subject, as this client knows it."""
    hint = parameters.get("id_token_hint")
    hinted = hinted_subject(server, hint, client) if hint is not None else None
    asked = value_of(claims, "id_token", "sub") or value_of(claims, "userinfo", "sub")
    subjects = {subject for subject in (hinted, *asked) if subject is not None}
    if len(subjects) > 1 or not all(isinstance(subject, str) for subject in subjects):
        raise OAuthError("invalid_request", "id_token_hint and claims name more than one person")
    return subjects.pop() if subjects else None


def hinted_subject(server: AuthorizationServer, hint: str, client: Client) -> str:
    """The subject of an ID token of ours for this client; an expired one will do. Raises OAuthError."""
    claims = server.token_keys.verified_hint(hint)
    # A signed answer of userinfo has the same type, issuer and audience; these three it never has together.
    no_id_token = claims is None or not claims.keys() >= {"exp", "iat", "auth_time"}
    if claims is None or no_id_token or claims.get("iss") != server.issuer or claims.get("aud") != client.client_id:
        raise OAuthError("invalid_request", "id_token_hint is no ID token of ours for this client")
    return str(claims["sub"])
