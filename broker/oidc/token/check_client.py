"""Which client is asking (RFC 6749 3.2.1): a public client names itself in the body and must not pretend to
authenticate.
"""

from starlette.requests import Request

from broker.oidc.client import Client
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters
from broker.oidc.server import AuthorizationServer


def check_client(server: AuthorizationServer, request: Request, parameters: Parameters) -> Client:
    """Raises OAuthError invalid_client (5.2)."""
    client = server.clients.find(parameters.get("client_id"))
    if request.headers.get("authorization") is not None:
        headers = {"WWW-Authenticate": f'Basic realm="{server.issuer}"'}
        raise OAuthError("invalid_client", "no client here authenticates with a header", status=401, headers=headers)
    if client is None or parameters.get("client_secret") or parameters.get("client_assertion"):
        raise OAuthError("invalid_client", "unknown client, or not the way this client identifies itself", status=401)
    return client
