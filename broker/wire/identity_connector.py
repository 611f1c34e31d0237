"""The port every identity provider is reached through, and the one error it raises."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from broker.wire.identity_grant import IdentityGrant


class ProviderFault(StrEnum):
    """What went wrong at a provider, as far as the traveller's next step is concerned."""

    CANCELLED = "cancelled"  # the person said no: offer the choice of provider again
    UNREACHABLE = "unreachable"  # no answer, or not in time: try later or another provider
    WITHHELD = "withheld"  # the person kept back something a login cannot do without
    REFUSED = "refused"  # the provider answered with an error: the login did not count
    UNTRUSTED = "untrusted"  # signature, issuer, audience, nonce or hash did not verify
    GARBLED = "garbled"  # the answer is not what its specification says


class ConnectorError(Exception):
    """A login that produced no grant. `detail` is for the operator's log and never carries personal data or secrets."""

    def __init__(self, provider: str, fault: ProviderFault, detail: str) -> None:
        super().__init__(f"{provider}: {fault}: {detail}")
        self.provider = provider
        self.fault = fault
        self.detail = detail


class IdentityConnector(Protocol):
    """One identity provider. Implementations hold no per-login state: all a login needs comes in as arguments."""

    @property
    def provider(self) -> str:
        """The provider's short name, as in `IdentityGrant.provider` and in `/login/{provider}/callback`."""

    @property
    def names(self) -> Mapping[str, str]:
        """The provider's name for people, by language (`zh-Hant`, `zh-Hans`, `en`, `pt`)."""

    @property
    def origin(self) -> str:
        """Scheme and authority that browsers are sent to; pages name it in their Content-Security-Policy."""

    def authorization_url(
        self, *, state: str, nonce: str, code_challenge: str, redirect_uri: str, language: str
    ) -> str:
        """Where to send the browser. Raises ConnectorError when the provider cannot be found out about."""

    def redeem(self, *, code: str, nonce: str, code_verifier: str, redirect_uri: str, at: datetime) -> IdentityGrant:
        """Exchange the code and verify everything that comes back. Raises ConnectorError, and nothing else."""

    def refusal(self, error: str) -> ConnectorError:
        """What an `error` parameter on the callback means."""
