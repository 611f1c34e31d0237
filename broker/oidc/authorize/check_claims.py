"""The `claims` parameter (OpenID Connect Core 5.5)."""

from collections.abc import Mapping
from typing import Any

from broker.core.claims_request import InvalidClaimsRequest, read_claims_request
from broker.core.json_text import read_json
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters


def check_claims(parameters: Parameters) -> Mapping[str, Any] | None:
    value = parameters.get("claims")
    if value is None:
        return None
    try:
        return read_claims_request(read_json(value))
    except InvalidClaimsRequest as error:
        raise OAuthError("invalid_request", str(error)) from error
    except (ValueError, RecursionError) as error:
        raise OAuthError("invalid_request", "claims is not JSON, or holds what cannot be stored") from error
