"""Token revocation (RFC 7009): either token ends the whole grant; an unknown token is no error (2.2).

For a wallet it is how a person signs out, so it ends their login sessions at the broker too: on a shared phone, the
next "Log in" would otherwise be answered for the person who left.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from starlette.requests import Request

from broker.core.authorization import digest
from broker.core.ending import Ending
from broker.oidc.client import Client, Profile
from broker.oidc.client_auth.authenticate import authenticate, confirm
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters
from broker.oidc.ports import OidcUnit
from broker.oidc.proof import replay
from broker.oidc.resource import ACCESS_TOKEN_TYPE, revocation_mark
from broker.oidc.server import AuthorizationServer


def revoke(server: AuthorizationServer, request: Request, parameters: Parameters) -> None:
    """Raises OAuthError for a bad client or a missing token. A client revokes only its own."""
    at = server.clock()
    known = authenticate(server, request, parameters, at)
    token = parameters.require("token")
    claims = server.token_keys.verified(token, typ=ACCESS_TOKEN_TYPE)
    refusal: OAuthError | None = None
    with server.open_unit() as unit:
        admission = unit.admit(known.marks, client_id=known.client.client_id)
        if admission.fresh:
            client = confirm(server, known, admission.client_version, at).client
            _revoke(server, unit, client, token, claims, at)
        else:
            refusal = replay(admission, None)
    if refusal is not None:
        raise refusal


def _revoke(
    server: AuthorizationServer, unit: OidcUnit, client: Client, token: str, claims: dict[str, Any] | None, at: datetime
) -> None:
    if claims is not None and "grant" not in claims:
        if claims.get("client_id") == client.client_id:
            unit.revoke_token(revocation_mark(claims), datetime.fromtimestamp(claims["exp"], UTC))
        return
    grant_id = UUID(claims["grant"]) if claims is not None else None
    if grant_id is None:
        refresh_token = unit.refresh_token(digest(token))
        grant_id = refresh_token.grant_id if refresh_token else None
    grant = unit.grant(grant_id) if grant_id else None
    if grant is not None and grant.client_id == client.client_id:
        server.logins.grant(unit, grant.grant_id, Ending.RETURNED, at=at)
        if client.profile is Profile.WALLET:
            server.logins.sessions_of(unit, grant.traveller_id, Ending.LOGOUT, at=at)
