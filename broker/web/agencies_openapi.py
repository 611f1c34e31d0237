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
        "error": {"type": "string", "description": "RFC 6750 3.1, RFC 9449 7.1 or RFC 9470 3."},
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
_PROOF: Final[Mapping[str, Any]] = {
    "name": "DPoP",
    "in": "header",
    "required": True,
    "description": "The proof for this request and this token (RFC 9449 4, 7.1).",
    "schema": {"type": "string"},
}
_CREATED, _UNAUTHORIZED, _FORBIDDEN, _UNAVAILABLE = "201", "401", "403", "503"


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
    for operations in made["paths"].values():
        for operation in operations.values():
            _with_headers(operation)
    components = made.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = dict(_PROBLEM)
    components["securitySchemes"] = dict(_SECURITY)
    for leftover in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(leftover, None)
    return made


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}


def _with_headers(operation: dict[str, Any]) -> None:
    """Add the headers that a program acts on."""
    if "security" in operation:
        operation.setdefault("parameters", []).append(dict(_PROOF))
    for status, response in operation["responses"].items():
        refused = status == _UNAUTHORIZED
        headers = {"DPoP-Nonce": _header("The nonce of the next proof (RFC 9449 8.2).", required=refused)}
        if status in (_UNAUTHORIZED, _FORBIDDEN):
            headers["WWW-Authenticate"] = _header("RFC 9449 7.1, RFC 6750 3.", required=refused)
        if status == _CREATED:
            headers["Location"] = _header("Where the request stands.", required=True)
        if status == _UNAVAILABLE:
            headers["Retry-After"] = _header("Seconds (RFC 9110 10.2.3).")
        response["headers"] = headers


def _header(description: str, *, required: bool = False) -> dict[str, Any]:
    return {"description": description, "required": required, "schema": {"type": "string"}}
