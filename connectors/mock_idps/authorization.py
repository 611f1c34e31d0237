"""A mock provider's checks of an authorization request: as strict as a real one's, so that mistakes show here."""

import re
from collections.abc import Iterable

from connectors.mock_idps.dialect import Dialect
from connectors.mock_idps.state import Registered, Transaction


class BadRequest(Exception):
    """Shown, not redirected: client or redirect URI is wrong."""


class RedirectedError(Exception):
    """Sent back to the client (RFC 6749 4.1.2.1)."""

    def __init__(self, redirect_uri: str, state: str | None, error: str) -> None:
        super().__init__(error)
        self.redirect_uri = redirect_uri
        self.state = state
        self.error = error


def read_authorization(pairs: Iterable[tuple[str, str]], dialect: Dialect, client: Registered) -> Transaction:
    """Raises BadRequest or RedirectedError."""
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name in parameters:
            raise BadRequest("repeated_parameter")
        parameters[name] = value
    if parameters.get("client_id") != client.client_id:
        raise BadRequest("unknown_client")
    redirect_uri = parameters.get("redirect_uri", "")
    if redirect_uri not in client.redirect_uris:
        raise BadRequest("redirect_uri_not_registered")
    state = parameters.get("state")
    scopes = tuple(parameters.get("scope", "").split())
    known = {"openid", *(scope.name for scope in dialect.scopes)}
    checks = (
        (parameters.get("response_type") == "code", "unsupported_response_type"),
        ("openid" in scopes and set(scopes) <= known, "invalid_scope"),
        (parameters.get("code_challenge_method") == "S256", "invalid_request"),
        (re.fullmatch(r"[A-Za-z0-9_-]{43}", parameters.get("code_challenge", "")) is not None, "invalid_request"),
        (bool(parameters.get("nonce")), "invalid_request"),
    )
    for good, error in checks:
        if not good:
            raise RedirectedError(redirect_uri, state, error)
    return Transaction(
        client_id=client.client_id,
        redirect_uri=redirect_uri,
        scopes=scopes,
        state=state,
        nonce=parameters["nonce"],
        code_challenge=parameters["code_challenge"],
        language=dialect.language(parameters.get(dialect.language_parameter)),
    )
