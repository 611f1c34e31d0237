"""Every exception an endpoint can meet becomes one problem: JSON for programs, a page for people."""

import logging
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from broker.core.denial import GateNotAuthenticated, InvalidInput, UnknownTraveller
from broker.flows.ports import ExaminerUnavailable
from broker.flows.unavailable import DatabaseBusy, DatabaseUnavailable
from broker.oidc.error_handlers import oauth_error
from broker.oidc.errors import OAuthError, ResourceError
from broker.web.pages import problem_page
from broker.web.problems import Problem, answer
from broker.web.request_log import describe, request_id
from broker.wire.errors import WireError

_log = logging.getLogger("tongguan.web")

_OF_CLIENTS = frozenset({"/oauth/token", "/oauth/par", "/oauth/introspect", "/oauth/revoke"})
_OF_TOKENS = {400: "malformed-request", 401: "not-authenticated", 403: "forbidden", 429: "too-often"}
_BY_STATUS = {400: "malformed-request", 404: "not-found", 405: "method-not-allowed", 413: "content-too-large"}


def respond(request: Request, problem: Problem) -> Response:
    """Log the cause and answer in the form the caller reads."""
    name = request_id(request.scope)
    level = logging.ERROR if problem.status >= 500 else logging.INFO
    _log.log(level, "request %s: %s%s", name, problem.slug, f" ({problem.cause})" if problem.cause else "")
    if _wants_page(request):
        return problem_page(request, problem, name)
    return answer(problem, name)


def install(app: FastAPI) -> None:
    """Register one handler per exception type."""
    handlers: dict[type[Exception], Callable[[Any], Problem]] = {
        Problem: lambda error: error,
        RequestValidationError: _of_validation,
        HTTPException: _of_http,
        InvalidInput: lambda error: Problem("invalid-request", error.hint, code=error.code),
        WireError: lambda error: Problem("malformed-request", cause=str(error), reason=error.reason),
        UnknownTraveller: lambda _: Problem("not-authenticated", cause="the traveller is unknown or was erased"),
        GateNotAuthenticated: lambda error: Problem("not-authenticated", cause=error.detail, reason=error.reason),
        ExaminerUnavailable: lambda error: Problem(
            "face-engine-unavailable", cause=describe(error), headers={"Retry-After": "5"}
        ),
        ResourceError: _of_token,
    }
    for kind, problem_of in handlers.items():
        app.add_exception_handler(kind, _handler(problem_of))
    app.add_exception_handler(DatabaseUnavailable, _database_gone)


def _handler(problem_of: Callable[[Any], Problem]) -> Callable[[Request, Exception], Any]:
    async def handle(request: Request, error: Exception) -> Response:
        return respond(request, problem_of(error))

    return handle


def _of_validation(error: RequestValidationError) -> Problem:
    """422 with the place of each fault and never the value that was sent; 400 when the JSON itself is broken."""
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return Problem("malformed-request", "The body is not JSON.")
    places = [{"at": [str(step) for step in fault["loc"]][:8], "fault": fault["type"]} for fault in faults[:20]]
    return Problem("invalid-request", errors=places)


def _of_http(error: HTTPException) -> Problem:
    """What the router itself refuses: no such address, no such method."""
    slug = _BY_STATUS.get(error.status_code, "malformed-request" if error.status_code < 500 else "internal-error")
    return Problem(slug, headers=error.headers)


async def _database_gone(request: Request, error: Exception) -> Response:
    """OAuth clients read errors of RFC 6749 5.2; everybody else reads problems."""
    assert isinstance(error, DatabaseUnavailable)  # noqa: S101  how it is registered
    problem = _of_database(error)
    if request.url.path not in _OF_CLIENTS:
        return respond(request, problem)
    _log.error("request %s: %s (%s)", request_id(request.scope), problem.slug, problem.cause)
    code = "server_error" if error.outcome_unknown else "temporarily_unavailable"
    told = OAuthError(code, "the server cannot answer now; try again", status=503, headers=problem.headers)
    return await oauth_error(request, told)


def _of_database(error: DatabaseUnavailable) -> Problem:
    slug = "outcome-unknown" if error.outcome_unknown else "database-unavailable"
    if isinstance(error, DatabaseBusy):
        slug = "overloaded"
    return Problem(slug, cause=str(error), headers={"Retry-After": "2"})


def _of_token(error: ResourceError) -> Problem:
    """RFC 6750 3.1 and RFC 9449 7.1 live in the headers; the body says the same to people."""
    slug = _OF_TOKENS[error.status]
    problem = Problem(slug, error.description, cause=error.cause or "", headers=error.headers)
    if error.error:
        problem.members["error"] = error.error
    return problem


def _wants_page(request: Request) -> bool:
    """Browsers name text/html first; programs name something else or nothing."""
    accept = request.headers.get("accept", "").split(",")[0].partition(";")[0].strip().lower()
    return accept in {"text/html", "application/xhtml+xml"} and not request.url.path.startswith(
        ("/wallet/", "/gates/", "/journal/", "/oauth/", "/agencies/")
    )
