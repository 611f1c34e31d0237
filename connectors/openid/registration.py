"""Where a provider is and who the broker is there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from broker.wire.identity_connector import ProviderFault
from connectors.openid.client_auth import ClientAuthentication

SKEW: Final = timedelta(seconds=60)
MAX_AGE: Final = timedelta(minutes=10)
"""How old an ID token may be: it is fetched within seconds of being made."""

_OURS: Final = ProviderFault.MISCONFIGURED
CODES: Final[Mapping[str, ProviderFault]] = {
    # RFC 6749 4.1.2.1, 5.2
    "access_denied": ProviderFault.CANCELLED,
    "temporarily_unavailable": ProviderFault.UNREACHABLE,
    "server_error": ProviderFault.UNREACHABLE,
    "invalid_grant": ProviderFault.REFUSED,
    "invalid_request": _OURS,
    "invalid_client": _OURS,
    "unauthorized_client": _OURS,
    "unsupported_grant_type": _OURS,
    "unsupported_response_type": _OURS,
    "invalid_scope": _OURS,
    # OpenID Connect Core 3.1.2.6; RFC 9101 7; RFC 9126 2.3; RFC 9396 5
    "login_required": ProviderFault.CANCELLED,
    "consent_required": ProviderFault.CANCELLED,
    "interaction_required": ProviderFault.CANCELLED,
    "account_selection_required": ProviderFault.CANCELLED,
    "request_not_supported": _OURS,
    "request_uri_not_supported": _OURS,
    "invalid_request_uri": _OURS,
    "invalid_request_object": _OURS,
    "invalid_authorization_details": _OURS,
    # OpenID Connect Core Unmet Authentication Requirements 1.0
    "unmet_authentication_requirements": ProviderFault.NOT_ENROLLED,
    # RFC 6750 3.1
    "invalid_token": ProviderFault.REFUSED,
    "insufficient_scope": ProviderFault.WITHHELD,
}
"""What an `error` means to the traveller. One that is not listed is REFUSED."""


@dataclass(frozen=True)
class Registration:
    """`issuer` exactly as the provider writes it. `algorithms`: those its tokens may be signed with. `pushed`: whether
    requests are pushed (RFC 9126); None: when the provider has an endpoint for it. `elsewhere`: origins apart from the
    issuer's own where its endpoints may be. `codes` add to and win over CODES.
    """

    provider: str
    issuer: str
    client: ClientAuthentication
    scopes: tuple[str, ...]
    algorithms: tuple[str, ...]
    pushed: bool | None = None
    elsewhere: frozenset[str] = frozenset()
    codes: Mapping[str, ProviderFault] = field(default_factory=dict)

    @property
    def origins(self) -> frozenset[str]:
        return self.elsewhere | {origin_of(self.issuer)}

    def fault(self, code: object) -> ProviderFault:
        if not isinstance(code, str):
            return ProviderFault.REFUSED
        return self.codes.get(code) or CODES.get(code, ProviderFault.REFUSED)


def origin_of(url: str) -> str:
    """Scheme and authority."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
