"""Statements of the hot paths through the driver itself: SQLAlchemy compiles each statement and describes every column
of every answer anew, which costs more than statements this small.
"""

from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from sqlmodel import Session

from broker.stores.errors import translated


class Rows:
    """The rows of one statement."""

    def __init__(self, found: list[Any], affected: int) -> None:
        self._found, self.rowcount = found, affected

    def all(self) -> list[Any]:
        """Every row, by name and by place."""
        return self._found

    def one_or_none(self) -> Any:
        """The only row, by name and by place; None without one. Raises LookupError for several."""
        if len(self._found) > 1:
            raise LookupError("more than one row")
        return self._found[0] if self._found else None

    def one(self) -> Any:
        """Raises LookupError unless there is exactly one."""
        row = self.one_or_none()
        if row is None:
            raise LookupError("no row")
        return row

    def scalar_one(self) -> Any:
        """The first column of the only row."""
        return self.one()[0]


def run(session: Session, statement: str, values: tuple[object, ...] = ()) -> Rows:
    """Execute in the session's transaction. `statement` is text of ours with `%s` for each value. Raises
    DatabaseUnavailable as the session does.
    """
    # The session counts this connection as begun, so its commit and its rollback reach what is done here.
    driver: psycopg.Connection[Any] = session.connection().connection.driver_connection  # type: ignore[assignment]
    try:
        with driver.cursor(row_factory=namedtuple_row) as cursor:
            cursor.execute(statement, values, prepare=True)
            return Rows(cursor.fetchall() if cursor.description is not None else [], cursor.rowcount)
    except psycopg.Error as error:
        unavailable = translated(error, disconnected=driver.closed)
        if unavailable is None:
            raise
        raise unavailable from error
