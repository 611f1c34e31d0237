"""Token introspection (RFC 7662), as JSON or as a signed JWT (RFC 9701). A client learns about its own tokens only;
anything else is `{"active": false}` (2.2), whatever is wrong with it.
"""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from broker.core.authorization import Admission, AdmissionQuestion, Grant, digest
from broker.core.client import Authentication
from broker.core.identity_release import details_of
from broker.oidc.client import Client
from broker.oidc.client_auth.authenticate import authenticate_soon, confirm
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters
from broker.oidc.proof import replay
from broker.oidc.resource import ACCESS_TOKEN_TYPE, revocation_mark
from broker.oidc.server import AuthorizationServer, Errand

JWT_MEDIA_TYPE: Final = "application/token-introspection+jwt"  # RFC 9701 4
_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_INACTIVE: Final[dict[str, Any]] = {"active": False}


async def introspect(server: AuthorizationServer, request: Request, parameters: Parameters) -> Response:
    """Raises OAuthError for a client that did not authenticate (RFC 7662 2.1)."""
    at = server.clock()
    known = await authenticate_soon(server, request, parameters, at)
    if known.client.auth is Authentication.NONE:
        raise OAuthError("invalid_client", "a public client may not ask about tokens", status=401)
    token = parameters.require("token")
    claims = server.token_keys.verified(token, typ=ACCESS_TOKEN_TYPE)
    grant_id = _grant_id(claims)
    question = AdmissionQuestion(
        known.marks,
        known.client.client_id,
        grant_id,
        revocation_mark(claims) if claims is not None and grant_id is None else None,
    )

    def then(admission: Admission) -> tuple[Admission, None]:
        if not admission.fresh:
            raise replay(admission, None)
        return admission, None

    admission, _ = await server.run_errand(Errand(question, then))
    client = known.client
    if client.version != (admission.client_version or 0):
        # Not within the errand: the client's keys may be far away, and all errands share one thread.
        client = (await run_in_threadpool(confirm, server, known, admission.client_version, at)).client
    if claims is None:
        found = await run_in_threadpool(_of_refresh_token, server, client, token, at)
    elif admission.token_revoked or (grant_id is not None and not _stands(admission.grant, at)):
        found = _INACTIVE
    else:
        found = _of_access_token(server, client, claims, admission.grant, at)
    return _answer(server, request, client, found, at)


def _of_access_token(
    server: AuthorizationServer, client: Client, claims: dict[str, Any], grant: Grant | None, at: datetime
) -> dict[str, Any]:
    if claims.get("client_id") != client.client_id or claims.get("iss") != server.issuer:
        return _INACTIVE
    if datetime.fromtimestamp(claims["exp"], UTC) <= at:
        return _INACTIVE
    shown = {name: value for name, value in claims.items() if name != "grant"}
    shown |= {"active": True, "token_type": "DPoP" if "cnf" in claims else "Bearer"}
    if grant is not None:
        shown["grant_id"] = str(grant.grant_id)
        shown["scope"] = " ".join(sorted(set(str(claims["scope"]).split()) & grant.scopes))
        if grant.releases:
            shown["authorization_details"] = details_of(grant.releases)  # RFC 9396 9.2
    return shown


def _of_refresh_token(server: AuthorizationServer, client: Client, token: str, at: datetime) -> dict[str, Any]:
    with server.open_unit() as unit:
        found = unit.refresh_token(digest(token))
        grant = unit.grant(found.grant_id) if found is not None else None
    if found is None or grant is None or not _stands(grant, at) or grant.client_id != client.client_id:
        return _INACTIVE
    if found.spent_at is not None or found.expires_at <= at:
        return _INACTIVE
    shown: dict[str, Any] = {
        "active": True,
        "iss": server.issuer,
        "client_id": client.client_id,
        "sub": grant.subject,
        "scope": " ".join(sorted(grant.scopes)),
        "exp": int(found.expires_at.timestamp()),
        "grant_id": str(grant.grant_id),
    }
    if grant.releases:
        shown["authorization_details"] = details_of(grant.releases)
    return shown


def _answer(
    server: AuthorizationServer, request: Request, client: Client, found: dict[str, Any], at: datetime
) -> Response:
    if JWT_MEDIA_TYPE not in request.headers.get("accept", ""):
        return JSONResponse(found, headers=_NO_STORE)
    # RFC 9701 5: who says it, to whom, when; the token's own claims stay inside
    claims = {"iss": server.issuer, "aud": client.client_id, "iat": int(at.timestamp()), "token_introspection": found}
    body = server.token_keys.current.sign(claims, typ="token-introspection+jwt")
    return Response(body, media_type=JWT_MEDIA_TYPE, headers=_NO_STORE)


def _grant_id(claims: dict[str, Any] | None) -> UUID | None:
    return UUID(claims["grant"]) if claims is not None and "grant" in claims else None


def _stands(grant: Grant | None, at: datetime) -> bool:
    return grant is not None and grant.revoked_at is None and grant.expires_at > at
