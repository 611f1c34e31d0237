"""`response_type` (RFC 6749 3.1.1): a code."""

from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters


def check_response_type(parameters: Parameters) -> None:
    if parameters.require("response_type") != "code":
        raise OAuthError("unsupported_response_type", "response_type must be code")
