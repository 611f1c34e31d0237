"""One statement that is a transaction of its own, for requests that need no more: one round trip, no session.

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
    """The one row that a statement gives; committed when it is there. Raises DatabaseUnavailable: whether it was
    committed is then unknown.
    """
    try:
        pooled = engine.raw_connection()
    except (PoolTimeout, psycopg.Error) as error:  # every connection is in use, or none can be made
        raise translated(error, disconnected=True) or error from error
    driver: psycopg.Connection[TupleRow] = pooled.driver_connection  # type: ignore[assignment]
    try:
        driver.autocommit = True
        row = driver.execute(statement, parameters, prepare=True).fetchone()
        driver.autocommit = False
    except psycopg.Error as error:
        pooled.invalidate()
        unavailable = translated(error, disconnected=driver.closed)
        if unavailable is None:
            raise
        unavailable.outcome_unknown = True
        raise unavailable from error
    pooled.close()  # back to the pool
    if row is None:
        raise LookupError("the statement gave no row")
    return row
