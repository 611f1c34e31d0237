"""A release at a counter: the person shows the code on their telephone, agrees there, and the counter gets a packet."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from broker.wire.identity_connector import ProviderFault
from connectors.fetch import MAX_SIGNED, Answer
from connectors.macau.connector import MacauConnector
from connectors.macau.fields import FORM_FIELDS
from connectors.macau.packet import Packet

MAX_QR: Final = 2048


@dataclass(frozen=True)
class Scanned:
    """A code that was read: wait for the person. Good for two minutes."""

    request: str = field(repr=False)
    fields: frozenset[str]
    purpose: str


class Counter:
    """What a counter of our department does with a code."""

    def __init__(self, connector: MacauConnector) -> None:
        self._connector = connector
        self._flow = connector.flow

    def scan(self, text: str, *, fields: tuple[str, ...], purpose: str, at: datetime) -> Scanned:
        """Ask for `fields` of the person whose code was read. Raises ConnectorError."""
        if not set(fields) <= set(FORM_FIELDS) or not fields or len(text) > MAX_QR:
            raise self._flow.error(ProviderFault.MISCONFIGURED, "a counter asks for what is not there")
        body = {"qr": text, "campos": list(fields), "finalidade": purpose}
        _, answer = self._call("counter_scan_endpoint", body, status=201, at=at)
        request = answer.get("pedido")
        if not isinstance(request, str) or not 1 <= len(request) <= 256:
            raise self._flow.error(ProviderFault.GARBLED, "the counter's request has no name")
        return Scanned(request, frozenset(fields), purpose)

    def collect(self, scanned: Scanned, *, at: datetime) -> Packet | None:
        """What the person released; None while they have not answered. Raises ConnectorError: cancelled when they
        refused.
        """
        url, answer = self._call("counter_result_endpoint", {"pedido": scanned.request}, status=200, at=at)
        state = answer.get("estado")
        if state == "pendente":
            return None
        if state == "recusado":
            raise self._flow.error(ProviderFault.CANCELLED, "the person refused at the counter")
        if state != "entregue":
            raise self._flow.error(ProviderFault.GARBLED, f"{url} answered in an unknown state")
        sealed = json.dumps(answer.get("pacote")).encode()
        packet = self._connector.packets.read(sealed, asked=scanned.fields, purpose=scanned.purpose, at=at)
        if packet.transaction != scanned.request:
            raise self._flow.error(ProviderFault.UNTRUSTED, "the packet belongs to another request")
        return packet

    def _call(self, endpoint: str, body: Mapping[str, Any], *, status: int, at: datetime) -> tuple[str, dict[str, Any]]:
        url = self._flow.metadata.endpoint(endpoint)
        registration = self._flow.registration
        basic = registration.client.proof(issuer=registration.issuer, at=at).basic
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        answer: Answer = self._flow.fetch.send(
            "POST", url, headers=headers, content=json.dumps(body).encode(), auth=basic, limit=MAX_SIGNED
        )
        if answer.status != status:
            raise self._flow.refused(url, answer)
        return url, self._flow.fetch.parse_object(url, answer.body)
