"""What a caller may see when the database, rather than the request, is at fault."""

import psycopg
from sqlalchemy.exc import TimeoutError as PoolTimeout

# SQLSTATE classes and codes (PostgreSQL manual, appendix A) that say "not now" rather than "never".
_UNAVAILABLE_CLASSES = ("08", "53", "58")  # connection, insufficient resources, system error
_UNAVAILABLE_CODES = frozenset({"57P01", "57P02", "57P03", "57P05", "25006"})  # shut down, starting, read-only
_BUSY_CODES = frozenset(
    {"40001", "40P01", "55P03", "57014", "25P03"}
)  # serialisation, deadlock, lock, statement timeout


class DatabaseUnavailable(Exception):
    """The database cannot be reached or cannot work now. Nothing of the unit of work was kept, unless
    `outcome_unknown`.
    """

    def __init__(self, why: str, *, outcome_unknown: bool = False) -> None:
        """`outcome_unknown`: the connection broke during the commit itself, which may or may not have happened."""
        super().__init__(why)
        self.outcome_unknown = outcome_unknown


class DatabaseBusy(DatabaseUnavailable):
    """A time limit passed or two transactions collided: the same request may succeed when sent again."""


def translated(error: BaseException, *, disconnected: bool = False) -> DatabaseUnavailable | None:
    """Our word for a driver or pool error, or None for an error in the statement or the data."""
    if isinstance(error, PoolTimeout):
        return DatabaseBusy("every database connection is in use")
    if not isinstance(error, psycopg.Error):
        return None
    code = error.sqlstate
    if code in _BUSY_CODES:
        return DatabaseBusy(f"the database gave up waiting ({code})")
    if disconnected or (code is None and isinstance(error, psycopg.OperationalError)):
        return DatabaseUnavailable("the database cannot be reached")
    if code is not None and (code in _UNAVAILABLE_CODES or code.startswith(_UNAVAILABLE_CLASSES)):
        return DatabaseUnavailable(f"the database cannot work now ({code})")
    return None
