"""Sending the browser to a provider, and remembering that it left."""

import logging
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from broker.core.authorization import LoginAttempt
from broker.oidc.errors import PageError
from broker.oidc.login.binding import Binding, cookie_name
from broker.oidc.login.destination import checked_destination
from broker.oidc.login.memory import seal_memory
from broker.oidc.login.page import failure_page
from broker.oidc.login.wanted import login_wanted
from broker.oidc.server import AuthorizationServer
from broker.wire.identity_connector import ConnectorError, LoginStart, ProviderFault

_log: Final = logging.getLogger(__name__)

# What lies with the person or their credential: the provider did its part.
_THE_PERSONS: Final = frozenset(
    {
        ProviderFault.CANCELLED,
        ProviderFault.WITHHELD,
        ProviderFault.TIMED_OUT,
        ProviderFault.EXPIRED_CREDENTIAL,
        ProviderFault.FROZEN,
        ProviderFault.NOT_ENROLLED,
        ProviderFault.NOT_SAME_PERSON,
        ProviderFault.POOR_PHOTO,
        ProviderFault.WRONG_ACCOUNT,
    }
)


def callback_uri(server: AuthorizationServer, provider: str) -> str:
    """One redirect URI for each provider, so an answer of one can never be taken for another's (RFC 9700 4.4.2.2)."""
    return f"{server.issuer}/login/{provider}/callback"


def begin_login(
    server: AuthorizationServer,
    request: Request,
    *,
    provider: str,
    return_to: str | None,
    language: str,
    link_session: bytes | None = None,
) -> Response:
    """303 to the provider. `link_session`: hash of the session that adds an identity. Raises PageError."""
    connector = server.connectors.get(provider)
    if connector is None:
        raise PageError("unknown_provider", status=404, cause="no such provider")
    # Another site may not start logins here: the browser says where the form came from (Fetch Metadata).
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise PageError("login_mixup", status=403, cause="a login was started from another site")
    destination = checked_destination(return_to)
    binding = Binding(server.entropy(8).hex(), server.secret(), destination)
    at = server.clock()
    wanted = login_wanted(server, destination, at)
    start = LoginStart(binding.state, callback_uri(server, provider), language, at, server.entropy, wanted)
    try:
        redirection = connector.begin(start)
    except ConnectorError as error:
        return provider_failure(server, error, language=language, return_to=destination)
    lifetime = server.lifetimes.login_attempt
    memory = seal_memory(server, binding, redirection.memory)
    with server.open_unit() as unit:
        unit.add_login_attempt(
            LoginAttempt(binding.secret_hash, provider, language, memory, at + lifetime, link_session)
        )
    response = RedirectResponse(redirection.url, status_code=303, headers={"Cache-Control": "no-store"})
    response.set_cookie(
        cookie_name(binding.attempt_id, secure=server.secure),
        binding.cookie_value,
        max_age=int(lifetime.total_seconds()),
        path="/",
        secure=server.secure,
        httponly=True,
        samesite="lax",  # the provider's redirect back is a top-level navigation, which Lax admits
    )
    return response


def provider_failure(server: AuthorizationServer, error: ConnectorError, *, language: str, return_to: str) -> Response:
    """The page for a login that a provider did not complete; the cause goes to the log."""
    _log.warning("login not completed: %s", error)
    key = f"provider_{error.fault}"
    status = 200 if error.fault in _THE_PERSONS else 502
    return failure_page(server, language, key, provider=error.provider, return_to=return_to, status=status)
