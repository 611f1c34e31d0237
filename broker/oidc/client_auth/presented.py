"""What a request presents to say which client it is (RFC 6749 2.3): one way and no more."""

import binascii
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_plus

from broker.core.client import Authentication
from broker.oidc.client_auth.assertion import ASSERTION_TYPE, issuer_of
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters

_MAX_HEADER: Final = 1024


@dataclass(frozen=True, slots=True)
class Presented:
    """Not verified yet. `proof` is a secret or an assertion."""

    method: Authentication
    client_id: str
    proof: str = field(default="", repr=False)


def read_presented(authorization: Sequence[str], parameters: Parameters, *, realm: str) -> Presented:
    """Raises OAuthError invalid_client (5.2), or invalid_request for two ways at once (2.3)."""
    assertion, secret = parameters.get("client_assertion"), parameters.get("client_secret")
    kind, client_id = parameters.get("client_assertion_type"), parameters.get("client_id")
    if sum((bool(authorization), assertion is not None or kind is not None, secret is not None)) > 1:
        raise OAuthError("invalid_request", "a client authenticates in one way, not in two")
    if authorization:
        found = _basic(authorization, realm)
    elif assertion is not None or kind is not None:
        if kind != ASSERTION_TYPE or assertion is None:
            raise OAuthError("invalid_client", "the client assertion or its type is missing", status=401)
        named = issuer_of(assertion)
        if named is None:
            raise OAuthError("invalid_client", "the client assertion is not a JWT with a sub", status=401)
        found = Presented(Authentication.PRIVATE_KEY_JWT, named, assertion)
    elif client_id is None:
        raise OAuthError("invalid_client", "no client is named", status=401)
    elif secret is not None:
        found = Presented(Authentication.CLIENT_SECRET_POST, client_id, secret)
    else:
        found = Presented(Authentication.NONE, client_id)
    if client_id is not None and client_id != found.client_id:  # RFC 7521 4.2
        raise OAuthError("invalid_client", "client_id names another client", status=401)
    return found


def _basic(headers: Sequence[str], realm: str) -> Presented:
    """RFC 6749 2.3.1: both halves are form-encoded before they are joined."""
    scheme, _, credentials = headers[0].partition(" ")
    try:
        if len(headers) != 1 or scheme.lower() != "basic" or len(credentials) > _MAX_HEADER:
            raise ValueError("another scheme, or too long")  # noqa: TRY301  answered like any other malformed header
        name, colon, secret = b64decode(credentials.strip(), validate=True).decode().partition(":")
        if not colon or not name:
            raise ValueError("no colon")  # noqa: TRY301
    except (ValueError, binascii.Error) as error:
        raise OAuthError(
            "invalid_client",
            "the Authorization header is not HTTP Basic",
            status=401,
            headers={"WWW-Authenticate": f'Basic realm="{realm}"'},
        ) from error
    return Presented(Authentication.CLIENT_SECRET_BASIC, unquote_plus(name), unquote_plus(secret))
