"""`dpop_jkt` (RFC 9449 10): the key the code will be bound to, announced beforehand."""

import re
from typing import Final

from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters

_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def check_dpop_jkt(parameters: Parameters, *, proven: str | None) -> str | None:
    """`proven` is the thumbprint of a proof sent along with a pushed request (10.1); the two must then agree."""
    announced = parameters.get("dpop_jkt")
    if announced is not None and not _THUMBPRINT.fullmatch(announced):
        raise OAuthError("invalid_request", "dpop_jkt is not a thumbprint")
    if announced is not None and proven is not None and announced != proven:
        raise OAuthError("invalid_request", "dpop_jkt does not match the DPoP proof")
    return announced or proven
