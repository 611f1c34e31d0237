"""Statements of the hot paths, past SQLAlchemy's compiler: a third of the cost of `session.execute` for small ones."""

from typing import Any

from sqlalchemy import CursorResult
from sqlmodel import Session


def run(session: Session, statement: str, values: tuple[object, ...] = ()) -> CursorResult[Any]:
    """Execute in the session's transaction. `statement` is text of ours with `%s` for each value."""
    return session.connection().exec_driver_sql(statement, values)
