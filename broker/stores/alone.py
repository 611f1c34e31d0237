"""One statement that is a transaction of its own, for whoever needs no more: one round trip, no session.

The driver's own interface: SQLAlchemy's describes every column of every answer anew, which costs more than the
statement.
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy import Engine
from sqlalchemy.exc import TimeoutError as PoolTimeout

from broker.stores.errors import translated


def one_row(engine: Engine, statement: str, parameters: Sequence[Any]) -> TupleRow:
    """The first row that a statement gives. Raises as `rows` does, and LookupError when there is none."""
    found = rows(engine, statement, parameters)
    if not found:
        raise LookupError("the statement gave no row")
    return found[0]


def rows(engine: Engine, statement: str, parameters: Sequence[Any]) -> list[TupleRow]:
    """The rows that a statement gives; committed when they are there. Raises DatabaseUnavailable: whether it was
    committed is then unknown.
    """
    try:
        pooled = engine.raw_connection()
    except (PoolTimeout, psycopg.Error) as error:  # every connection is in use, or none can be made
        raise translated(error, disconnected=True) or error from error
    driver: psycopg.Connection[TupleRow] = pooled.driver_connection  # type: ignore[assignment]
    try:
        driver.autocommit = True
        found = driver.execute(statement, parameters, prepare=True).fetchall()
        driver.autocommit = False
    except psycopg.Error as error:
        pooled.invalidate()
        unavailable = translated(error, disconnected=driver.closed)
        if unavailable is None:
            raise
        unavailable.outcome_unknown = True
        raise unavailable from error
    pooled.close()  # back to the pool
    return found
