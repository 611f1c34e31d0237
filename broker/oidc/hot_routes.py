"""The endpoints that programs call all day, answered ahead of the router: a request pays neither for matching a hundred
routes nor for dependencies it does not have (specs/authorization-server.md 9).
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from broker.oidc.introspect import introspect
from broker.oidc.parameters import Parameters, form_parameters
from broker.oidc.server import AuthorizationServer
from broker.oidc.token.endpoint import token
from broker.oidc.userinfo import PATH as USERINFO
from broker.oidc.userinfo import body_token, userinfo

NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749 5.1

Endpoint = Callable[[Request], Awaitable[Response]]
FormEndpoint = Callable[[AuthorizationServer, Request, Parameters], Response]


def hot_routes(server: AuthorizationServer) -> list[Route]:
    async def ask_userinfo(request: Request) -> Response:
        in_body = await body_token(request) if request.method == "POST" else None
        return await userinfo(server, request, in_body)

    async def ask_introspection(request: Request) -> Response:
        return await introspect(server, request, await form_parameters(request))

    return [
        Route("/oauth/token", _of_form(server, _token), methods=["POST"]),
        Route("/oauth/introspect", ask_introspection, methods=["POST"]),
        Route(USERINFO, ask_userinfo, methods=["GET", "POST"]),
    ]


class HotRoutes:
    """Innermost middleware: what `routes` answer goes no further; other methods of their addresses do. Exceptions
    become answers by the application's handlers, as behind the router.
    """

    def __init__(self, app: ASGIApp, *, routes: Sequence[Route]) -> None:
        self._app = app
        self._routes = {(method, route.path): route for route in routes for method in route.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = route  # for the log
        request = Request(scope, receive)
        try:
            response = await route.endpoint(request)
        except Exception as error:
            handlers = request.app.exception_handlers
            handler = next((handlers[kind] for kind in type(error).__mro__ if kind in handlers), None)
            if handler is None:
                raise
            response = await handler(request, error)
        await response(scope, receive, send)


def _token(server: AuthorizationServer, request: Request, parameters: Parameters) -> Response:
    return JSONResponse(token(server, request, parameters), headers=NO_STORE)


def _of_form(server: AuthorizationServer, answer: FormEndpoint) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(answer, server, request, await form_parameters(request))

    return endpoint
