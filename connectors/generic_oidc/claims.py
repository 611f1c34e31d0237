"""What a provider's claims mean, as the settings map them."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from broker.wire.identity_connector import ProviderFault
from broker.wire.identity_grant import DocumentType, VerifiedClaims
from connectors import read
from connectors.documents import hkid_number, macau_number, prc_number
from connectors.generic_oidc.settings import ClaimMap
from connectors.read import Fail

_HKID: Final = re.compile(r"([A-Z]{1,2}[0-9]{6})\(?([0-9A])\)?")
_PERMIT: Final = re.compile(r"[HM][0-9]{8}")


def pointed(document: Mapping[str, Any], pointer: str) -> Any:
    """What a JSON pointer names (RFC 6901 4); None when it names nothing."""
    value: Any = document
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, Mapping) and name in value:
            value = value[name]
        else:
            return None
    return value


def verified_claims(document: Mapping[str, Any], where: ClaimMap, fail: Fail) -> VerifiedClaims:
    """Raises ConnectorError: withheld for a claim that is not there, garbled for one that cannot be read."""
    birth_date = _date(_needed(document, where.birth_date, fail))
    text = _needed(document, where.document_number, fail)
    number = read.parsed(document_number(where.document_type, text), where.document_number, fail)
    prc = prc_number(number) if where.document_type is DocumentType.PRC_RESIDENT_ID else None
    if prc is not None and prc[1] != birth_date:
        raise fail(ProviderFault.GARBLED, "the document's number names another birth date")
    expires = pointed(document, where.document_expires) if where.document_expires else None
    names = {"family_name": where.family_name, "given_name": where.given_name, "native_name": where.native_name}
    return read.verified_claims(
        fail,
        **{name: _name(document, pointer, fail) for name, pointer in names.items() if pointer is not None},
        birth_date=read.parsed(birth_date, where.birth_date, fail),
        document_type=where.document_type,
        document_number=number,
        document_expires=read.parsed(_date(expires), "document_expires", fail) if expires is not None else None,
    )


def document_number(kind: DocumentType, text: object) -> str | None:
    """Without brackets, its check character verified where the rule is public; None for anything else."""
    if not isinstance(text, str):
        return None
    if kind is DocumentType.PRC_RESIDENT_ID:
        found = prc_number(text)
        return found[0] if found else None
    if kind is DocumentType.HKID:
        parts = _HKID.fullmatch(text)
        return hkid_number(parts[1], parts[2]) if parts else None
    if kind is DocumentType.MACAU_BIR:
        return macau_number(text)
    return text if _PERMIT.fullmatch(text) else None


def _needed(document: Mapping[str, Any], pointer: str, fail: Fail) -> Any:
    return read.member({pointer: pointed(document, pointer)}, pointer, fail)


def _name(document: Mapping[str, Any], pointer: str, fail: Fail) -> str | None:
    """Not everybody has every name: an absent or empty one is none, and VerifiedClaims asks for one of them."""
    value = pointed(document, pointer)
    return read.text(value, pointer, fail) if value not in (None, "") else None


def _date(value: object) -> date | None:
    """OpenID Connect Core 5.1: `YYYY-MM-DD`, and here always with its year."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None
