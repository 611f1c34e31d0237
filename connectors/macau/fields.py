"""What the bureau says about a person, in its words, as ours (specs/macau.md 3)."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from broker.wire.identity_connector import ConnectorError, ProviderFault
from broker.wire.identity_grant import DocumentType, VerifiedClaims
from connectors import read
from connectors.documents import hkid_number, macau_number, portuguese_date, prc_number
from connectors.read import Fail

LOGIN_FIELDS: Final = ("nome", "documento", "data_nascimento", "fotografia")
FORM_FIELDS: Final = (
    *LOGIN_FIELDS,
    "sexo",
    "morada",
    "telemovel",
    "correio_electronico",
    "estado_civil",
    "profissao",
)
MEMBERS: Final = {"nome": ("apelido", "nome", "nome_chines")}
"""The members of `dados` behind a field; one of the same name unless listed."""


def verified_claims(data: Mapping[str, Any], *, at: datetime, fail: Fail) -> VerifiedClaims:
    """Raises ConnectorError: withheld for what was not shared, expired_credential for a document past its last day."""
    kind, number, last_day = _document(read.member(data, "documento", fail), fail)
    birth_date = read.parsed(portuguese_date(read.member(data, "data_nascimento", fail)), "data_nascimento", fail)
    if kind is DocumentType.PRC_RESIDENT_ID and read.parsed(prc_number(number), "documento", fail)[1] != birth_date:
        raise fail(ProviderFault.GARBLED, "the document's number names another birth date")
    if last_day < at.date():
        raise fail(ProviderFault.EXPIRED_CREDENTIAL, "the identity document has expired")
    native_name = data.get("nome_chines")
    return read.verified_claims(
        fail,
        family_name=read.text(read.member(data, "apelido", fail), "apelido", fail),
        given_name=read.text(read.member(data, "nome", fail), "nome", fail),
        native_name=read.text(native_name, "nome_chines", fail) if native_name else None,
        birth_date=birth_date,
        document_type=kind,
        document_number=number,
        document_expires=last_day,
    )


def of_form(data: Mapping[str, Any], shared: frozenset[str]) -> dict[str, Any]:
    """The members behind the fields that were shared, and nothing else that may lie in the packet."""
    wanted = [member for field in FORM_FIELDS if field in shared for member in MEMBERS.get(field, (field,))]
    return {member: data[member] for member in wanted if member in data}


def _document(value: Any, fail: Fail) -> tuple[DocumentType, str, date]:
    if not isinstance(value, dict):
        raise fail(ProviderFault.GARBLED, "documento is not an object")
    text = value.get("numero")
    found: tuple[DocumentType, str | None]
    match value.get("tipo"):
        case "BIR":
            found = DocumentType.MACAU_BIR, macau_number(text)
        case "CIRPC":
            prc = prc_number(text)
            found = DocumentType.PRC_RESIDENT_ID, prc[0] if prc else None
        case "HKID":
            head, _, tail = text.partition("(") if isinstance(text, str) else ("", "", "")
            found = DocumentType.HKID, hkid_number(head, tail.removesuffix(")"))
        case _:
            raise _unknown(fail)
    last_day = read.parsed(portuguese_date(value.get("validade")), "documento.validade", fail)
    return found[0], read.parsed(found[1], "documento.numero", fail), last_day


def _unknown(fail: Fail) -> ConnectorError:
    return fail(ProviderFault.REFUSED, "the account rests on a kind of document that is not accepted")
