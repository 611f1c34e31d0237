"""The driver's errors in the flows' words."""

import psycopg
from sqlalchemy.exc import TimeoutError as PoolTimeout

from broker.flows.unavailable import DatabaseBusy, DatabaseUnavailable

# SQLSTATE classes and codes (PostgreSQL manual, appendix A) that say "not now" rather than "never".
_UNAVAILABLE_CLASSES = ("08", "53", "58")  # connection, insufficient resources, system error
_UNAVAILABLE_CODES = frozenset({"57P01", "57P02", "57P03", "57P05", "25006"})  # shut down, starting, read-only
_BUSY_CODES = frozenset(
    {"40001", "40P01", "55P03", "57014", "25P03"}
)  # serialisation, deadlock, lock, statement timeout


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
