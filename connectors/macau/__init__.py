"""Macau One Account (澳門公共服務一戶通). No public interface document exists: all of it is synthetic and described in
specs/macau.md.
"""

from connectors.macau.connector import MacauConnector
from connectors.macau.settings import MacauSettings

__all__ = ["MacauConnector", "MacauSettings"]
