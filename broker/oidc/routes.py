"""HTTP face of the authorization server. `install(app, server)` mounts everything; each endpoint lives in its own
module.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.responses import JSONResponse, Response

from broker.oidc import grant_management, metadata
from broker.oidc.authorize.endpoint import authorize, continue_request
from broker.oidc.authorize.pushed import push
from broker.oidc.error_handlers import OfferNonce, oauth_error, page_error, resource_error
from broker.oidc.errors import OAuthError, PageError, ResourceError
from broker.oidc.hot_routes import NO_STORE, HotRoutes, hot_routes
from broker.oidc.login.begin import begin_login
from broker.oidc.login.callback import finish_login, return_by_get
from broker.oidc.login.destination import checked_destination
from broker.oidc.login.page import login_page, page_language
from broker.oidc.logout.endpoint import ask, decide
from broker.oidc.parameters import Parameters, form_parameters, page_form, page_query
from broker.oidc.server import AuthorizationServer, server_of
from broker.oidc.token.revoke import revoke


async def _server(request: Request) -> AuthorizationServer:
    return server_of(request)


PageQuery = Annotated[Parameters, Depends(page_query)]
PageForm = Annotated[Parameters, Depends(page_form)]
Form = Annotated[Parameters, Depends(form_parameters)]
Server = Annotated[AuthorizationServer, Depends(_server)]

router = APIRouter(include_in_schema=False)


@router.get("/.well-known/openid-configuration")
@router.get("/.well-known/oauth-authorization-server")
def get_metadata(server: Server) -> dict[str, Any]:
    return metadata.metadata(server)


@router.get("/oauth/jwks")
def get_jwks(server: Server) -> Response:
    return JSONResponse(metadata.jwks(server), headers={"Cache-Control": "public, max-age=300"})


@router.get("/oauth/authorize")
def get_authorize(request: Request, server: Server, parameters: PageQuery) -> Response:
    return authorize(server, request, parameters)


@router.post("/oauth/authorize")
def post_authorize(request: Request, server: Server, parameters: PageForm) -> Response:
    return authorize(server, request, parameters)


@router.get("/oauth/continue/{handle}")
def get_continue(request: Request, server: Server, handle: str, parameters: PageQuery) -> Response:
    return continue_request(server, request, handle, parameters)


@router.post("/oauth/par")
def post_par(request: Request, server: Server, parameters: Form) -> Response:
    return JSONResponse(push(server, request, parameters), status_code=201, headers=NO_STORE)


@router.post("/oauth/revoke")
def post_revoke(request: Request, server: Server, parameters: Form) -> Response:
    revoke(server, request, parameters)
    return Response(status_code=200, headers=NO_STORE)


@router.get("/oauth/logout")
def get_logout(request: Request, server: Server, parameters: PageQuery) -> Response:
    return ask(server, request, parameters)


@router.post("/oauth/logout")
def post_logout(request: Request, server: Server, parameters: PageForm) -> Response:
    return ask(server, request, parameters)


@router.post("/oauth/logout/decision")
def post_logout_decision(request: Request, server: Server, parameters: PageForm) -> Response:
    return decide(server, request, parameters)


@router.get("/login")
def get_login(request: Request, server: Server, parameters: PageQuery) -> Response:
    return_to = checked_destination(parameters.get("return_to"))
    return login_page(server, request, return_to, page_language(server, request))


@router.post("/login/{provider}")
def post_login(request: Request, server: Server, provider: str, parameters: PageForm) -> Response:
    language = page_language(server, request, parameters.get("lang"))
    return begin_login(server, request, provider=provider, return_to=parameters.get("return_to"), language=language)


@router.get("/login/{provider}/callback")
def get_callback(request: Request, server: Server, provider: str, parameters: PageQuery) -> Response:
    return finish_login(server, request, provider=provider, parameters=parameters)


@router.post("/login/{provider}/callback")
def post_callback(request: Request, server: Server, provider: str, parameters: PageForm) -> Response:
    return return_by_get(server, request, provider=provider, parameters=parameters)


def install(app: FastAPI, server: AuthorizationServer) -> None:
    """Mount the routes and render their errors. Before any other middleware: what the hot routes answer goes no further
    inwards than here.
    """
    app.state.oidc = server
    hot = hot_routes(server)
    app.router.routes[:0] = hot
    app.include_router(router)
    app.include_router(grant_management.router)
    app.add_exception_handler(ResourceError, resource_error)
    app.add_exception_handler(OAuthError, oauth_error)
    app.add_exception_handler(PageError, page_error)
    app.add_middleware(HotRoutes, routes=hot)


def offer_nonces(app: FastAPI, server: AuthorizationServer) -> None:
    """A fresh DPoP nonce where one is needed (RFC 9449 8.2), on refusals of inner middleware too."""
    app.add_middleware(OfferNonce, server=server)
