"""`prompt` and `max_age` (OpenID Connect Core 3.1.2.1)."""

from typing import Final

from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters

_PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})


def check_prompt(parameters: Parameters) -> frozenset[str]:
    value = parameters.get("prompt")
    prompts = frozenset(value.split(" ")) if value else frozenset[str]()
    if not prompts <= _PROMPTS:
        raise OAuthError("invalid_request", "prompt holds an unknown value")
    if "none" in prompts and len(prompts) > 1:
        raise OAuthError("invalid_request", "prompt none stands alone")
    return prompts


def check_max_age(parameters: Parameters) -> int | None:
    """Seconds, or None."""
    value = parameters.get("max_age")
    if value is None:
        return None
    if not (value.isascii() and value.isdigit()) or len(value) > 9:
        raise OAuthError("invalid_request", "max_age must be a number of seconds")
    return int(value)
