"""The userinfo endpoint (OpenID Connect Core 5.3): GET, and POST with the token in the header or the body; plain JSON,
or signed and encrypted as the client registered (5.3.2, OpenID Connect Registration 2).
"""

from datetime import datetime
from functools import partial
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from broker.core.authorization import Admission
from broker.core.client import Profile
from broker.core.denial import Denied, Refusal
from broker.flows.release_claims import ClaimOrder
from broker.oidc.errors import OAuthError, ResourceError
from broker.oidc.parameters import FORM, form_parameters
from broker.oidc.released import Told, Wanted, told, userinfo_order
from broker.oidc.resource import (
    AccessToken,
    Presented,
    admitted,
    as_resource_error,
    authorization_header,
    offering_bearer,
    read_token,
    refuse,
)
from broker.oidc.sealed_answer import Sealing, protected_answer, sealing_for
from broker.oidc.server import AuthorizationServer, Errand

PATH: Final = "/oauth/userinfo"
_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


async def body_token(request: Request) -> str | None:
    """The `access_token` of a form body (RFC 6750 2.2); a FastAPI dependency. Raises OAuthError."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return None
    return (await form_parameters(request)).get("access_token")


async def userinfo(server: AuthorizationServer, request: Request, in_body: str | None) -> Response:
    """The claims the grant gives, and always `sub`. Raises ResourceError, which offers `Bearer` beside `DPoP` where
    clients have bearer tokens.
    """
    try:
        return await _answer(server, request, in_body)
    except ResourceError as refusal:
        if not server.clients.serves(Profile.OIDC_BASIC):
            raise
        raise offering_bearer(refusal) from refusal


async def _answer(server: AuthorizationServer, request: Request, in_body: str | None) -> Response:
    at = server.clock()
    scheme, raw = _presented(request, in_body)
    try:
        presented = read_token(server, request, raw, scheme=scheme, audience=PATH, at=at)
        sealing = await _sealing_at_hand(server, presented.client_id, at)
        (token, wanted, sealing), released = await server.run_errand(
            Errand(presented.question, partial(_wanted, server, presented, sealing, at))
        )
    except OAuthError as error:
        raise as_resource_error(error) from error
    if isinstance(released, Denied):
        raise _denied(released)
    found = Told({}) if released is None else told(wanted, released, at)
    claims = {**found.claims, "sub": token.subject}
    client = token.client
    if client.userinfo_signed_alg is None and client.userinfo_encryption is None:
        headers = _NO_STORE | ({"Consent-Grant": ", ".join(found.grants)} if found.grants else {})
        return JSONResponse(claims, headers=headers)
    if found.grants:
        claims["consent_grants"] = list(found.grants)  # they name the authority and the claims: no header for them
    body = await run_in_threadpool(protected_answer, server, client, sealing, claims, at)
    return Response(body, media_type="application/jwt", headers=_NO_STORE)


async def _sealing_at_hand(server: AuthorizationServer, client_id: str, at: datetime) -> Sealing | None:
    """The client's encryption, had before anything is released or counted, and in a thread of this request's own: its
    keys may be far away, and others share what the errand runs in. Raises OAuthError.
    """
    known = server.clients.held(client_id)
    if known is not None and known.userinfo_encryption is None:
        return None
    known = await run_in_threadpool(server.clients.find_held, client_id)
    return await run_in_threadpool(sealing_for, server, known, at) if known is not None else None


def _wanted(
    server: AuthorizationServer, presented: Presented, sealing: Sealing | None, at: datetime, admission: Admission
) -> tuple[tuple[AccessToken, Wanted, Sealing | None], ClaimOrder | None]:
    token = admitted(server, presented, admission, scopes=frozenset({"openid"}), at=at)
    if not isinstance(token, AccessToken):
        raise refuse("invalid_token", "the access token is for no person")
    if sealing is None or sealing.client is not token.client:  # it is registered otherwise than we remembered
        sealing = sealing_for(server, token.client, at)
    wanted, order = userinfo_order(token.client, token.grant)
    return (token, wanted, sealing), order


def _presented(request: Request, in_body: str | None) -> tuple[str, str]:
    """One way of presenting the token and no second one (RFC 6750 2). In the query it is refused (RFC 9700 4.3.2)."""
    if in_body is None:
        return authorization_header(request)
    if request.headers.get("authorization") is not None:
        raise refuse("invalid_request", "the access token is presented twice", status=400)
    return ("dpop" if request.headers.get("dpop") is not None else "bearer"), in_body


def _denied(denied: Denied) -> OAuthError:
    """The consent behind the grant does not let anything out now; the token itself is sound."""
    status = 429 if denied.reason is Refusal.OVER_FREQUENCY else 403
    return refuse("insufficient_scope", f"no consent covers this now: {denied.reason}", status=status)
