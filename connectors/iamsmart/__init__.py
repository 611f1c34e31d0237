"""iAM Smart (智方便), Hong Kong, in its own dialect: specs/iamsmart.md."""

from connectors.iamsmart.connector import IamSmartConnector
from connectors.iamsmart.settings import IamSmartSettings

__all__ = ["IamSmartConnector", "IamSmartSettings"]
