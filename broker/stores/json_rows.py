"""Rows that PostgreSQL handed over as JSON (`to_jsonb`), with the types of their table again."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, LargeBinary, Table, Uuid
from sqlalchemy.types import TypeEngine

Reader = Callable[[Any], Any]

_READERS: Final[tuple[tuple[type[TypeEngine[Any]], Reader], ...]] = (
    (Uuid, UUID),
    (DateTime, datetime.fromisoformat),
    (LargeBinary, lambda written: bytes.fromhex(written.removeprefix("\\x"))),
)


class JsonRows:
    """Reads such rows of one table: each becomes an object with a member for every column and every further key."""

    def __init__(self, table: Table) -> None:
        typed = ((column.name, _reader(column.type)) for column in table.columns)
        self._readers = {name: reader for name, reader in typed if reader is not None}

    def read(self, row: Mapping[str, Any], **types: Reader) -> Any:
        """`types` reads keys that are no columns."""
        readers = self._readers | types
        return SimpleNamespace(
            **{
                name: value if value is None or name not in readers else readers[name](value)
                for name, value in row.items()
            }
        )


def _reader(kind: TypeEngine[Any]) -> Reader | None:
    if isinstance(kind, ARRAY):
        item = _reader(kind.item_type)
        return None if item is None else lambda written: [item(one) for one in written]
    return next((reader for known, reader in _READERS if isinstance(kind, known)), None)
