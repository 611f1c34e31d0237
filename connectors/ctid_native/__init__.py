"""CTID (居民身份网络可信凭证) and the national network identity app, in their own dialect: specs/ctid.md."""

from connectors.ctid_native.connector import CtidConnector
from connectors.ctid_native.settings import CtidSettings

__all__ = ["CtidConnector", "CtidSettings"]
