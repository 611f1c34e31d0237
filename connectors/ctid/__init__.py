"""CTID (居民身份网络可信凭证) and the national network identity app, in their own dialect: specs/ctid.md."""

from connectors.ctid.connector import CtidConnector
from connectors.ctid.settings import CtidSettings

__all__ = ["CtidConnector", "CtidSettings"]
