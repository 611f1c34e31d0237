"""Accounts of the mock: what each may do, and what the bureau knows about the person behind it."""

from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any, Final

from connectors.mock_idps.people import Person

PERSONAL: Final = "pessoal"
KINDS: Final = (PERSONAL, "entidade", "servico_publico")

FIELDS: Final = (
    "nome",
    "documento",
    "data_nascimento",
    "fotografia",
    "sexo",
    "morada",
    "telemovel",
    "correio_electronico",
    "estado_civil",
    "profissao",
)
"""What a person may share, in the order of the page. `nome` is three members: `apelido`, `nome`, `nome_chines`."""


def kind(person: Person) -> str:
    return str(person.record.get("conta", PERSONAL))


def obstacle(person: Person, at: float) -> str | None:
    """Why this account cannot log in at all, as the error code of specs/macau.md 7; None when it can."""
    if person.record.get("estado") == "suspensa":
        return "conta_suspensa"
    if person.record.get("eid") == "nenhuma":
        return "eid_nao_vinculada"
    day, month, year = (int(part) for part in str(person.record["documento"]["validade"]).split("/"))
    if date(year, month, day) < datetime.fromtimestamp(at, UTC).date():
        return "documento_caducado"
    return None


def shared(person: Person, fields: Iterable[str]) -> dict[str, Any]:
    """The members of a packet for the chosen fields. What the bureau does not hold is left out."""
    record, found = person.record, dict[str, Any]()
    for field in fields:
        if field == "nome":
            found |= {name: record[name] for name in ("apelido", "nome", "nome_chines") if record.get(name)}
        elif field == "fotografia":
            found |= {field: b64encode(person.portrait).decode()} if person.portrait is not None else {}
        elif record.get(field):
            found[field] = dict(record[field]) if isinstance(record[field], dict) else record[field]
    return found
