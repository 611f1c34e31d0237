"""The bureau's packet: opened with our key, its signature verified against the bureau's, its content checked against
what was asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from broker.wire.identity_connector import ConnectorError, ProviderFault
from connectors.macau.department_keys import DepartmentKeys
from connectors.macau.envelope import TYPE, EnvelopeError, NotForUs, open_packet
from connectors.openid.tokens import TokenReader


@dataclass(frozen=True)
class Packet:
    """`shared`: the fields the person ticked. `signed`: the bureau's own text, which is the evidence."""

    shared: frozenset[str]
    data: Mapping[str, Any] = field(repr=False)
    subject: str = field(repr=False)
    transaction: str = field(repr=False)
    signed: bytes = field(repr=False)


class PacketReader:
    """`bureau` reads what the bureau signs for our department."""

    def __init__(self, provider: str, keys: DepartmentKeys, bureau: TokenReader) -> None:
        self._provider = provider
        self._keys = keys
        self._bureau = bureau

    def read(self, sealed: bytes, *, asked: frozenset[str], purpose: str, at: datetime) -> Packet:
        """Raises ConnectorError."""
        # (1) encrypted to us
        try:
            signed = open_packet(sealed, self._keys.find)
        except NotForUs as error:
            raise self._error(ProviderFault.MISCONFIGURED, "the packet is for none of our keys") from error
        except EnvelopeError as error:
            raise self._error(ProviderFault.UNTRUSTED, f"the packet does not open: {error}") from error
        # (2) signed by the bureau, and for us: a packet that another department opened and sealed anew is not
        claims = self._bureau.read(signed, at=at, typ=TYPE)
        # (3) what we asked for, and why we said we ask
        shared, data = claims.get("campos"), claims.get("dados")
        if not isinstance(shared, list) or not isinstance(data, dict) or not isinstance(claims.get("txn"), str):
            raise self._error(ProviderFault.GARBLED, "the packet lacks campos, dados or txn")
        if not all(isinstance(name, str) and name in asked for name in shared):
            raise self._error(ProviderFault.UNTRUSTED, "the packet holds fields that were not asked for")
        if claims.get("finalidade") != purpose:
            raise self._error(ProviderFault.UNTRUSTED, "the packet was released for another purpose")
        return Packet(frozenset(shared), data, claims["sub"], claims["txn"], signed.encode())

    def _error(self, fault: ProviderFault, detail: str) -> ConnectorError:
        return ConnectorError(self._provider, fault, detail)
