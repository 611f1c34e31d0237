"""Parameters that would change the request and that this server does not read (OpenID Connect Core 6, 7.2.1)."""

from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters


def check_unsupported(parameters: Parameters) -> None:
    """Ignoring these would answer another question than the client asked."""
    for name in ("request", "registration"):
        if parameters.get(name) is not None:
            raise OAuthError(f"{name}_not_supported", f"{name} is not supported")
