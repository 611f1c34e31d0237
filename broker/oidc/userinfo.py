"""The userinfo endpoint (OpenID Connect Core 5.3): GET, and POST with the token in the header or the body; plain JSON,
or signed and encrypted as the client registered (5.3.2, OpenID Connect Registration 2).
"""

from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from broker.core.denial import Denied, Refusal
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import FORM, form_parameters
from broker.oidc.released import Told, userinfo_claims
from broker.oidc.resource import AccessToken, as_resource_error, authorization_header, refuse, verify_token_soon
from broker.oidc.sealed_answer import protected_answer
from broker.oidc.server import AuthorizationServer

PATH: Final = "/oauth/userinfo"
_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


async def body_token(request: Request) -> str | None:
    """The `access_token` of a form body (RFC 6750 2.2); a FastAPI dependency. Raises OAuthError."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return None
    return (await form_parameters(request)).get("access_token")


async def userinfo(server: AuthorizationServer, request: Request, in_body: str | None) -> Response:
    """The claims the grant gives, and always `sub`. Raises ResourceError."""
    at = server.clock()
    scheme, raw = _presented(request, in_body)
    try:
        token = await verify_token_soon(
            server, request, raw, scheme=scheme, scopes=frozenset({"openid"}), audience=PATH, at=at
        )
    except OAuthError as error:
        raise as_resource_error(error) from error
    if not isinstance(token, AccessToken):
        raise refuse("invalid_token", "the access token is for no person")
    told: Told | Denied = Told({})
    if token.releases:
        told = await userinfo_claims(server, token.client, token.grant, at)
    if isinstance(told, Denied):
        raise _denied(told)
    claims = {**told.claims, "sub": token.subject}
    headers = _NO_STORE | ({"Consent-Grant": ", ".join(told.grants)} if told.grants else {})
    client = token.client
    if client.userinfo_signed_alg is None and client.userinfo_encryption is None:
        return JSONResponse(claims, headers=headers)
    body = await run_in_threadpool(protected_answer, server, client, claims, at)  # the client's keys may be far away
    return Response(body, media_type="application/jwt", headers=headers)


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
