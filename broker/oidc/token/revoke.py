"""Token revocation (RFC 7009): either token ends the whole grant; an unknown token is no error (2.2).

It is how a wallet signs out, so it ends the person's login sessions at the broker too: on a shared phone, the next
"Log in" would otherwise be answered for the person who left.
"""

from uuid import UUID

from starlette.requests import Request

from broker.core.authorization import digest
from broker.oidc.parameters import Parameters
from broker.oidc.resource import ACCESS_TOKEN_TYPE
from broker.oidc.server import AuthorizationServer
from broker.oidc.token.check_client import check_client


def revoke(server: AuthorizationServer, request: Request, parameters: Parameters) -> None:
    """Raises OAuthError for a bad client or a missing token. A client revokes only its own."""
    client = check_client(server, request, parameters)
    token = parameters.require("token")
    grant_id = _grant_of_access_token(server, token)
    with server.open_unit() as unit:
        if grant_id is None:
            refresh_token = unit.refresh_token(digest(token))
            grant_id = refresh_token.grant_id if refresh_token else None
        grant = unit.grant(grant_id) if grant_id else None
        if grant is not None and grant.client_id == client.client_id:
            unit.revoke_grant(grant.grant_id, server.clock())
            unit.end_sessions_of(grant.traveller_id)


def _grant_of_access_token(server: AuthorizationServer, token: str) -> UUID | None:
    claims = server.token_keys.verified(token, typ=ACCESS_TOKEN_TYPE)
    try:
        return UUID(claims["grant"]) if claims is not None else None
    except (KeyError, TypeError, ValueError):
        return None
