"""Filings in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlmodel import Session

from broker.core.filing import Filing, FilingKind
from broker.stores.paper_tables import FILINGS

_COLUMNS = tuple(field.name for field in fields(Filing))


class SqlFilingRegister:
    """Port `FilingRegister`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, filing: Filing) -> None:
        self._session.execute(insert(FILINGS).values(**_values(filing)))

    def lock(self, filing_id: UUID) -> Filing | None:
        query = select(FILINGS).where(FILINGS.c.filing_id == filing_id).with_for_update()
        row = self._session.execute(query).one_or_none()
        return None if row is None else _filing(row)

    def change(self, filing: Filing) -> None:
        row = update(FILINGS).where(FILINGS.c.filing_id == filing.filing_id)
        self._session.execute(row.values(**_values(filing)))

    def all(self) -> Sequence[Filing]:
        query = select(FILINGS).order_by(FILINGS.c.effective, FILINGS.c.filing_id)
        return [_filing(row) for row in self._session.execute(query)]


def _values(filing: Filing) -> dict[str, Any]:
    return {name: getattr(filing, name) for name in _COLUMNS} | {"kind": filing.kind.value}


def _filing(row: Any) -> Filing:
    values = {name: getattr(row, name) for name in _COLUMNS}
    return Filing(**values | {"kind": FilingKind(row.kind)})
