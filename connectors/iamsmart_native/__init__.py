"""iAM Smart (智方便), Hong Kong, in its own dialect: specs/iamsmart.md."""

from connectors.iamsmart_native.connector import IamSmartConnector
from connectors.iamsmart_native.settings import IamSmartSettings

__all__ = ["IamSmartConnector", "IamSmartSettings"]
