"""What a request that a person approved comes to: the same reading whether a result was pulled or called back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cryptography import x509

from broker.wire.approval_connector import DocumentSignature, FilledForm, StepUp
from broker.wire.identity_connector import ProviderFault
from connectors.evidence import evidence_hash
from connectors.iamsmart.api import Api, Opened
from connectors.iamsmart.business_id import Begun, Kind
from connectors.iamsmart.document_signature import SignatureRefused, document_of, read_signature
from connectors.iamsmart.fields import read_fields

Outcome = FilledForm | DocumentSignature | StepUp


class Results:
    """`anchors`: authorities of people's signing certificates."""

    def __init__(self, api: Api, anchors: Sequence[x509.Certificate]) -> None:
        self._api = api
        self._anchors = anchors

    def read(self, begun: Begun, result: Opened, *, at: datetime) -> Outcome:
        """The outcome of a request that was begun. Raises ConnectorError."""
        if begun.kind in (Kind.HASH_SIGNATURE, Kind.PDF_SIGNATURE):
            return self._signature(begun, result, at)
        if begun.kind is Kind.STEP_UP:
            return StepUp(self._passed(result.members), at)
        fields = read_fields(result.members, begun.fields)
        if fields is None:
            raise self._api.error(ProviderFault.GARBLED, "a field of the form is malformed")
        return FilledForm(fields, evidence_hash(result.raw))

    def _signature(self, begun: Begun, result: Opened, at: datetime) -> DocumentSignature:
        try:
            return read_signature(
                result.members,
                anchors=self._anchors,
                expected_sha256=_asked_document(begun, result.members),
                evidence_hash=evidence_hash(result.raw),
                at=self._api.provider_time(at),
            )
        except SignatureRefused as error:
            fault = ProviderFault.UNTRUSTED if self._anchors else ProviderFault.MISCONFIGURED
            raise self._api.error(fault, str(error)) from None

    def _passed(self, content: Mapping[str, Any]) -> bool:
        passed = content.get("isPassed")
        if not isinstance(passed, bool):
            raise self._api.error(ProviderFault.GARBLED, "isPassed is neither true nor false")
        return passed


def _asked_document(begun: Begun, content: Mapping[str, Any]) -> bytes:
    """The digest the result is about, when the request was about the same. Raises SignatureRefused."""
    if (begun.kind is Kind.PDF_SIGNATURE) != ("pdfSignature" in content):
        raise SignatureRefused("the result is of the other kind of signature")
    document = document_of(content)
    if not begun.asked_for(document):
        raise SignatureRefused("the result is about a document nobody asked for")
    return document
