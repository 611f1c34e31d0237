"""Fields of forms: what a partner asks for in our words, and where each provider's dialect keeps it
(specs/partner-api.md 8). Reading is total: a value of another shape than the dialect's is left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from broker.core.denial import InvalidInput

JSON = Any
Reader = Callable[[Mapping[str, JSON]], JSON]


@dataclass(frozen=True, slots=True)
class _Field:
    """`asked` is the dialect's name of the field; `read` finds the value among what the provider filled in."""

    asked: str
    read: Reader


def _member(*path: str) -> Reader:
    def read(filled: Mapping[str, JSON]) -> JSON:
        value: JSON = filled
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value if value is None or isinstance(value, str | dict) else None

    return read


def _joined(separator: str, *paths: tuple[str, ...]) -> Reader:
    readers = [_member(*path) for path in paths]

    def read(filled: Mapping[str, JSON]) -> JSON:
        parts = [part for part in (reader(filled) for reader in readers) if isinstance(part, str) and part]
        return separator.join(parts) or None

    return read


def _day(name: str, separator: str) -> Reader:
    """20080229 without a separator, 29/02/2008 with one; as ISO 8601."""

    def read(filled: Mapping[str, JSON]) -> JSON:
        text = filled.get(name)
        if not isinstance(text, str):
            return None
        parts = text.split(separator) if separator else [text[6:], text[4:6], text[:4]]
        try:
            day, month, year = (int(part) for part in parts)
            return date(year, month, day).isoformat()
        except ValueError:
            return None

    return read


def _choice(path: tuple[str, ...], words: Mapping[str, str]) -> Reader:
    reader = _member(*path)

    def read(filled: Mapping[str, JSON]) -> JSON:
        value = reader(filled)
        return words.get(value) if isinstance(value, str) else None

    return read


def _hkid_when_there(filled: Mapping[str, JSON]) -> JSON:
    return None if _member("idNo", "Identification")(filled) is None else "hkid"


_IAMSMART: Final[Mapping[str, _Field]] = {
    "name": _Field("enName", _member("enName", "UnstructuredName")),
    "native_name": _Field("chName", _member("chName", "ChineseName")),
    "birthdate": _Field("birthDate", _day("birthDate", "")),
    "gender": _Field("gender", _member("gender")),
    "document_type": _Field("idNo", _hkid_when_there),
    "document_number": _Field("idNo", _joined("", ("idNo", "Identification"), ("idNo", "CheckDigit"))),
    "email": _Field("emailAddress", _member("emailAddress")),
    "phone_number": _Field(
        "mobileNumber", _joined(" ", ("mobileNumber", "CountryCode"), ("mobileNumber", "SubscriberNumber"))
    ),
    "address": _Field("residentialAddress", _member("residentialAddress")),
}
_DOCUMENTS: Final = {"BIR": "macau_bir", "CIRPC": "prc_resident_id", "HKID": "hkid"}
_MACAU: Final[Mapping[str, _Field]] = {
    "name": _Field("nome", _joined(" ", ("apelido",), ("nome",))),
    "family_name": _Field("nome", _member("apelido")),
    "given_name": _Field("nome", _member("nome")),
    "native_name": _Field("nome", _member("nome_chines")),
    "birthdate": _Field("data_nascimento", _day("data_nascimento", "/")),
    "gender": _Field("sexo", _member("sexo")),
    "document_type": _Field("documento", _choice(("documento", "tipo"), _DOCUMENTS)),
    "document_number": _Field("documento", _member("documento", "numero")),
    "email": _Field("correio_electronico", _member("correio_electronico")),
    "phone_number": _Field("telemovel", _member("telemovel")),
    "address": _Field("morada", _member("morada")),
}
_DIALECTS: Final[Mapping[str, Mapping[str, _Field]]] = {"iamsmart": _IAMSMART, "macau": _MACAU}

FIELDS: Final = frozenset(name for dialect in _DIALECTS.values() for name in dialect)
"""Everything a partner can ask to be filled in at some provider."""


def dialect_fields(provider: str, names: frozenset[str]) -> tuple[str, ...]:
    """What to ask that provider for, each field once. Raises InvalidInput when it cannot fill all of them."""
    dialect = _DIALECTS.get(provider, {})
    if not names or not names <= dialect.keys():
        raise InvalidInput("fields_not_offered", "the provider does not fill these fields")
    return tuple(sorted({dialect[name].asked for name in names}))


def read_fields(provider: str, names: frozenset[str], filled: Mapping[str, JSON]) -> dict[str, JSON]:
    """The values of `names` in our words, and of nothing else; what the person kept back is absent."""
    dialect = _DIALECTS.get(provider, {})
    values = {name: dialect[name].read(filled) for name in names if name in dialect}
    return {name: value for name, value in values.items() if value is not None}
