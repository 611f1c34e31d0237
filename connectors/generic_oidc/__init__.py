"""Any OpenID provider, by configuration alone (specs/other-providers.md)."""

from connectors.generic_oidc.connector import GenericConnector
from connectors.generic_oidc.settings import GenericSettings

__all__ = ["GenericConnector", "GenericSettings"]
