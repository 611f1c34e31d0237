"""A provider's own description (OpenID Connect Discovery 4), fetched when first needed and kept."""

from typing import Any

from broker.wire.identity_connector import ConnectorError, ProviderFault
from connectors.fetch import Fetcher
from connectors.openid.registration import Registration, origin_of


class Metadata:
    """A failed look-up is not kept: the next login tries again."""

    def __init__(self, registration: Registration, fetch: Fetcher) -> None:
        self._registration = registration
        self._fetch = fetch
        self._document: dict[str, Any] | None = None

    def endpoint(self, name: str) -> str:
        """A URL at one of the provider's origins. Raises ConnectorError, also when it names none."""
        found = self.optional(name)
        if found is None:
            raise self._error(ProviderFault.GARBLED, f"the discovery document has no {name}")
        return found

    def optional(self, name: str) -> str | None:
        """None when the provider names none. Raises ConnectorError for one that lies elsewhere."""
        url = self._read().get(name)
        if url is None:
            return None
        if not isinstance(url, str) or origin_of(url) not in self._registration.origins:
            raise self._error(ProviderFault.UNTRUSTED, f"{name} of the discovery document lies at a foreign origin")
        return url

    def says(self, name: str) -> bool:
        """A flag, false by default."""
        return self._read().get(name) is True

    def _read(self) -> dict[str, Any]:
        if self._document is None:
            issuer = self._registration.issuer
            document = self._fetch.json(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if document.get("issuer") != issuer:  # Discovery 4.3
                raise self._error(ProviderFault.UNTRUSTED, "the discovery document names another issuer")
            self._document = document
        return self._document

    def _error(self, fault: ProviderFault, detail: str) -> ConnectorError:
        return ConnectorError(self._registration.provider, fault, detail)
