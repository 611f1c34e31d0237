"""The grant management API (Grant Management for OAuth 2.0, 6): a client looks at one of its grants, or gives it back.

Every grant but a live one of the asking client is unknown (404): nobody learns which ids exist.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from broker.core.authorization import Grant
from broker.core.identity_release import details_of
from broker.oidc.errors import OAuthError
from broker.oidc.resource import ClientToken, require_client_token
from broker.oidc.server import AuthorizationServer, server_of

GRANTS = "/oauth/grants"
QUERY, REVOKE = "grant_management_query", "grant_management_revoke"

router = APIRouter(include_in_schema=False)

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}

Querying = Annotated[ClientToken, Depends(require_client_token(QUERY, audience=GRANTS))]
Revoking = Annotated[ClientToken, Depends(require_client_token(REVOKE, audience=GRANTS))]


@router.get(GRANTS + "/{grant_id}")
def query_grant(request: Request, grant_id: str, token: Querying) -> Response:
    """6.3: what the grant is about."""
    server = server_of(request)
    with server.open_unit() as unit:
        grant = unit.grant(_known(grant_id))
        if grant is None or not _is_live(server, grant, token):
            raise _unknown()
        return JSONResponse(grant_content(grant), headers=NO_STORE)


@router.delete(GRANTS + "/{grant_id}")
def revoke_grant(request: Request, grant_id: str, token: Revoking) -> Response:
    """6.4: the grant ends with all its tokens, and with the consents that no other grant of the client rests on."""
    server = server_of(request)
    with server.open_unit() as unit:
        ended = server.consents.end_grant(unit, grant_id=_known(grant_id), client_id=token.client_id, at=server.clock())
    if not ended:
        raise _unknown()
    return Response(status_code=204, headers=NO_STORE)


@router.get(GRANTS)
def name_a_grant(token: Querying) -> Response:
    """Grants are not listed: a client keeps the ids it was given (6.1)."""
    raise OAuthError("invalid_request", "name one grant in the address")


def grant_content(grant: Grant) -> dict[str, Any]:
    """The members of 6.3; `consents` are the records that the releases rest on, in the same order."""
    return {
        "scopes": [{"scope": scope} for scope in sorted(grant.scopes)],
        "claims": sorted({claim for release in grant.releases for claim in release.claims}),
        "authorization_details": details_of(grant.releases),
        "consents": [str(consent) for consent in grant.consents],
        "expires_at": int(grant.expires_at.timestamp()),
    }


def _known(grant_id: str) -> UUID:
    try:
        return UUID(grant_id)
    except ValueError as error:
        raise _unknown() from error


def _is_live(server: AuthorizationServer, grant: Grant, token: ClientToken) -> bool:
    return grant.client_id == token.client_id and grant.revoked_at is None and grant.expires_at > server.clock()


def _unknown() -> OAuthError:
    return OAuthError("invalid_request", "there is no such grant", status=404)
