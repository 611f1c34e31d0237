"""The endpoints that programs call all day: plain routes ahead of all others, so that a request pays neither for
matching a hundred routes nor for dependencies it does not have (specs/authorization-server.md 9).
"""

from collections.abc import Callable
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from broker.oidc.introspect import introspect
from broker.oidc.parameters import Parameters, form_parameters
from broker.oidc.server import AuthorizationServer
from broker.oidc.token.endpoint import token
from broker.oidc.userinfo import PATH as USERINFO
from broker.oidc.userinfo import body_token, userinfo

NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749 5.1

FormEndpoint = Callable[[AuthorizationServer, Request, Parameters], Response]


def hot_routes(server: AuthorizationServer) -> list[Route]:
    async def ask_userinfo(request: Request) -> Response:
        in_body = await body_token(request) if request.method == "POST" else None
        return await userinfo(server, request, in_body)

    return [
        Route("/oauth/token", _of_form(server, _token), methods=["POST"]),
        Route("/oauth/introspect", _of_form(server, introspect), methods=["POST"]),
        Route(USERINFO, ask_userinfo, methods=["GET", "POST"]),
    ]


def _token(server: AuthorizationServer, request: Request, parameters: Parameters) -> Response:
    return JSONResponse(token(server, request, parameters), headers=NO_STORE)


def _of_form(server: AuthorizationServer, answer: FormEndpoint) -> Callable[[Request], object]:
    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(answer, server, request, await form_parameters(request))

    return endpoint
