"""Request parameters: every one at most once (RFC 6749 3.1), of bounded size, empty ones as if absent (3.1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from broker.oidc.errors import OAuthError, PageError

MAX_BYTES: Final = 16 * 1024
MAX_VALUE: Final = 8192
FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parsed parameters; unknown ones are kept and ignored (RFC 6749 3.1)."""

    values: dict[str, str]

    def get(self, name: str) -> str | None:
        return self.values.get(name)

    def require(self, name: str) -> str:
        """Raises OAuthError invalid_request."""
        value = self.values.get(name)
        if value is None:
            raise OAuthError("invalid_request", f"{name} is required")
        return value


def single_valued(pairs: Iterable[tuple[str, str]]) -> Parameters:
    """Raises OAuthError invalid_request for a repeated or oversized parameter, or a control character."""
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in values:
            raise OAuthError("invalid_request", "a parameter appears more than once")
        if len(name) > 64 or len(value) > MAX_VALUE or not (name + value).isprintable():
            raise OAuthError("invalid_request", "a parameter is too long or contains control characters")
        values[name] = value
    return Parameters({name: value for name, value in values.items() if value})


async def page_query(request: Request) -> Parameters:
    """The query of a page that a person is looking at; a FastAPI dependency. Raises PageError."""
    try:
        return _parse(request.scope["query_string"])
    except OAuthError as error:
        raise PageError("bad_request", status=error.status, cause=error.description) from error


async def page_form(request: Request) -> Parameters:
    """The form of a page that a person is looking at. Raises PageError."""
    try:
        return await form_parameters(request)
    except OAuthError as error:
        raise PageError("bad_request", status=error.status, cause=error.description) from error


async def form_parameters(request: Request) -> Parameters:
    """The parameters of a form body; a FastAPI dependency."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise OAuthError("invalid_request", f"the body must be {FORM}")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise OAuthError("invalid_request", "the body is too large", status=413)
    return _parse(bytes(body))


def _parse(raw: bytes) -> Parameters:
    if len(raw) > MAX_BYTES:
        raise OAuthError("invalid_request", "too many parameters", status=414)
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=64, errors="strict")
    except ValueError as error:
        raise OAuthError("invalid_request", "the parameters are not properly encoded") from error
    return single_valued(pairs)
