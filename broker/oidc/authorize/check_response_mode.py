"""`response_mode` (OAuth 2.0 Multiple Response Types 2.1, OAuth 2.0 Form Post Response Mode): how the answer reaches
the client. In the query, or for other clients than FAPI 2.0's as a form that the browser posts.
"""

from typing import Final, Literal

from broker.oidc.client import Client, Profile
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters

ResponseMode = Literal["query", "form_post"]
MODES: Final = ("query", "form_post")


def check_response_mode(parameters: Parameters, client: Client) -> ResponseMode:
    """Raises OAuthError."""
    mode = parameters.get("response_mode") or "query"
    if mode == "form_post" and client.profile is not Profile.FAPI2:
        return "form_post"
    if mode != "query":
        raise OAuthError("invalid_request", "this client is answered with response_mode query")
    return "query"


def mode_for_refusal(parameters: Parameters, client: Client) -> ResponseMode:
    """The mode in which a request that is wrong elsewhere is answered; one that is wrong itself counts as none."""
    try:
        return check_response_mode(parameters, client)
    except OAuthError:
        return "query"
