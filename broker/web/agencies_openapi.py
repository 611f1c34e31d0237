"""The OpenAPI document of the partner API: the schemas that the endpoints use, and every status they answer with."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from broker.web.problems import MEDIA_TYPE

PREFIX: Final = "/agencies/v1"
BY_CLIENT: Final = "clientToken"
BY_PERSON: Final = "personToken"

# What any request may meet: an overload, a lost database, a failure of ours.
_ALWAYS: Final = (500, 503)
_WITH_TOKEN: Final = (401, 403)
_WITH_BODY: Final = (400, 408, 413, 415, 422)

_PROBLEM: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "RFC 9457. `type` is a reference to a page of the broker that explains it.",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "pattern": "^/problems/[a-z-]+$"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string", "pattern": "^urn:tongguan:request:"},
        "reason": {"type": "string"},
        "error": {"type": "string", "description": "RFC 6750 3.1 or RFC 9449 7.1."},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
_SECURITY: Final[Mapping[str, Any]] = {
    BY_PERSON: {
        "type": "http",
        "scheme": "DPoP",
        "description": "Access token of the authorization code flow, bound by DPoP (RFC 9449); `aud` is this API.",
    },
    BY_CLIENT: {
        "type": "http",
        "scheme": "DPoP",
        "description": "Access token of the grant client_credentials with scope `partner`, bound by DPoP.",
    },
}


def problems(*statuses: int, token: bool = True, body: bool = False) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an endpoint: these statuses beside those that all such endpoints have."""
    found = {*statuses, *_ALWAYS, *(_WITH_TOKEN if token else ()), *(_WITH_BODY if body else ())}
    return {status: _problem(status) for status in sorted(found)}


def security(scheme: str) -> dict[str, Any]:
    """`openapi_extra` of an endpoint that takes such a token."""
    return {"security": [{scheme: []}]}


def document(routes: Sequence[BaseRoute], *, issuer: str) -> dict[str, Any]:
    """The whole document of these routes."""
    made: dict[str, Any] = get_openapi(
        title="Tongguan partner API",
        version="1",
        description=(
            "What partner agencies may ask about people who agreed to it. Tokens come from the authorization server "
            f"({issuer}/.well-known/openid-configuration); examples are at {issuer}/developers."
        ),
        routes=routes,
        servers=[{"url": issuer}],
    )
    components = made.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = dict(_PROBLEM)
    components["securitySchemes"] = dict(_SECURITY)
    for leftover in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(leftover, None)
    return made


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    headers: dict[str, Any] = {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers = {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "RFC 9449 7.1."}}
    described: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": schema}},
    }
    return described | ({"headers": headers} if headers else {})
