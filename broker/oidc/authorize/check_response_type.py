"""`response_type` and `response_mode` (RFC 6749 3.1.1, OAuth 2.0 Multiple Response Types 2.1): code, in the query."""

from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters


def check_response_type(parameters: Parameters) -> None:
    if parameters.require("response_type") != "code":
        raise OAuthError("unsupported_response_type", "response_type must be code")
    if parameters.get("response_mode") not in (None, "query"):
        raise OAuthError("invalid_request", "response_mode must be query")
