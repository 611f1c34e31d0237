"""JWT-secured authorization requests (RFC 9101), by value and only inside a pushed request (RFC 9126 3).

The claims of the request object are the whole request: what stands beside it in the form counts for client
authentication alone (RFC 9101 6.3).
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from broker.oidc import jws
from broker.oidc.client import Client
from broker.oidc.client_auth.assertion import FUTURE, InvalidAssertion, check_signature
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters, single_valued
from broker.oidc.server import AuthorizationServer

MAX_BYTES: Final = 8192
LIFETIME: Final = timedelta(hours=1)  # FAPI 2.0 Message Signing 5.3.1
_TYPES: Final = (None, "JWT", "oauth-authz-req+jwt")
_REGISTERED: Final = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti"})  # RFC 7519 4.1, not parameters


def unpack_request(server: AuthorizationServer, parameters: Parameters, client: Client, at: datetime) -> Parameters:
    """The parameters of the request, from the object when there is one. Raises OAuthError."""
    value = parameters.get("request")
    if value is None:
        if client.require_signed_request:
            raise OAuthError("invalid_request", "this client sends signed request objects")  # RFC 9101 10.5
        return parameters
    try:
        token = jws.parse(value, limit=MAX_BYTES)
        if token.header.get("typ") not in _TYPES:
            raise _refuse("typ is not that of a request object")
        check_signature(token, client, keys=server.client_keys, at=at)
    except (jws.MalformedJws, InvalidAssertion) as error:
        raise _refuse("the request object is not a JWT signed by this client") from error
    claims = token.claims
    # (1) from this client, for this server (RFC 9101 5, 6.3)
    if claims.get("iss") != client.client_id or claims.get("client_id") != client.client_id:
        raise _refuse("iss and client_id are the client's")
    audience = claims.get("aud")
    if server.issuer not in (audience if isinstance(audience, list) else [audience]):
        raise _refuse("aud is not this server")
    # (2) now (FAPI 2.0 Message Signing 5.3.1)
    expires, begins = _instant(claims.get("exp")), _instant(claims.get("nbf", claims.get("iat", 0)))
    if expires is None or begins is None or expires <= at or begins > at + FUTURE:
        raise _refuse("exp and nbf enclose the present")
    if expires > at + LIFETIME + FUTURE or (claims.keys() & {"nbf", "iat"} and expires - begins > LIFETIME):
        raise _refuse("a request object lives an hour at most")
    # (3) nothing that could pass for a client assertion (RFC 9101 10.8), (4) no object within the object (4)
    if "sub" in claims:
        raise _refuse("a request object has no sub")
    if "request" in claims or "request_uri" in claims:
        raise _refuse("a request object holds neither request nor request_uri")
    try:
        return single_valued(
            (name, _text(value)) for name, value in claims.items() if name not in _REGISTERED and value is not None
        )
    except OAuthError as error:
        raise _refuse(error.description) from error


def _text(value: Any) -> str:
    """A claim as the parameter it stands for: numbers in digits, objects as JSON (RFC 9101 4)."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _refuse(why: str) -> OAuthError:
    return OAuthError("invalid_request_object", why)


def _instant(seconds: Any) -> datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
