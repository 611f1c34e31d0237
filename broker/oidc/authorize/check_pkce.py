"""PKCE (RFC 7636 4.3, 4.4.1; RFC 9700 2.1.1): a challenge always, S256 always. Only an oidc_basic client that
authenticates may leave it out, as OpenID Connect Core does.
"""

import re
from typing import Final

from broker.core.client import Authentication
from broker.oidc.client import Client, Profile
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters

_S256_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")  # base64url of 32 bytes


def check_pkce(parameters: Parameters, client: Client) -> str | None:
    """The challenge. An absent method would mean `plain` (4.3), so it is refused like `plain`."""
    method = parameters.get("code_challenge_method")
    optional = client.profile is Profile.OIDC_BASIC and client.auth is not Authentication.NONE
    if optional and parameters.get("code_challenge") is None and method is None:
        return None
    challenge = parameters.require("code_challenge")
    if method != "S256":
        raise OAuthError("invalid_request", "code_challenge_method must be S256")
    if not _S256_CHALLENGE.fullmatch(challenge):
        raise OAuthError("invalid_request", "code_challenge is not an S256 challenge")
    return challenge
