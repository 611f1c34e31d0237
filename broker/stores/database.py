"""The broker's connection to PostgreSQL: a bounded pool, time limits, and errors a caller can act on."""

import select
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import DisconnectionError

from broker.flows.unavailable import DatabaseBusy, DatabaseUnavailable
from broker.stores.errors import translated
from broker.stores.standing_cache import StandingCache
from broker.stores.unit_of_work import UnitOfWork

__all__ = ["DEFAULT_POOL_SIZE", "Database", "DatabaseBusy", "DatabaseUnavailable", "normalise_url"]

# At least as many connections as threads that serve requests (40 in Starlette), with room for the sequencer and
# background work. With fewer, threads that hold a request wait for threads that hold a connection.
DEFAULT_POOL_SIZE = 48

_STATEMENT_TIMEOUT_MS = 10_000
_LOCK_TIMEOUT_MS = 5_000
_IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000
_CONNECT_TIMEOUT_S = 5
_POOL_WAIT_S = 5.0


class Database:
    """One engine and its pool. Connects on first use. `standing`: the governed changes as this process knows them."""

    def __init__(self, url: str, *, pool_size: int = DEFAULT_POOL_SIZE, application: str = "tongguan") -> None:
        """`url`: any PostgreSQL URL; `postgres://` and `postgresql://` are read as psycopg 3."""
        self.engine: Engine = create_engine(
            normalise_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=_POOL_WAIT_S,
            # The last connection used is the first used again: a quiet broker lets the others grow cold in peace.
            pool_use_lifo=True,
            # A parameter's value never shows in an exception text, hence in no log.
            hide_parameters=True,
            connect_args={
                "application_name": application,
                "connect_timeout": _CONNECT_TIMEOUT_S,
                "options": f"-c statement_timeout={_STATEMENT_TIMEOUT_MS} -c lock_timeout={_LOCK_TIMEOUT_MS} "
                f"-c idle_in_transaction_session_timeout={_IDLE_IN_TRANSACTION_TIMEOUT_MS} -c timezone=UTC",
            },
        )
        self.standing = StandingCache()
        event.listen(self.engine, "checkout", _refuse_the_dead)
        event.listen(self.engine, "handle_error", _translate, retval=True)

    def unit_of_work(self) -> UnitOfWork:
        """A transaction to use with `with`; it takes a connection at its first statement."""
        return UnitOfWork(self.engine)

    def close(self) -> None:
        """Give the connections back. The database can still be used; it connects anew."""
        self.engine.dispose()


def normalise_url(url: str) -> str:
    """The URL with the driver this project uses. Raises ValueError for another database."""
    parsed = make_url(url)
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername != "postgresql+psycopg":
        raise ValueError(f"the broker needs PostgreSQL, not {parsed.drivername}")
    return parsed.render_as_string(hide_password=False)


def _refuse_the_dead(connection: Any, record: object, proxy: object) -> None:
    """A connection that died while it lay in the pool is replaced before a request gets it.

    An idle PostgreSQL connection has nothing to read unless the server closed it or says that it is about to, so a look
    at the socket finds a dead one without the three round trips of a ping.
    """
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    if poll.poll(0):
        raise DisconnectionError("the server closed this connection")


def _translate(context: ExceptionContext) -> DatabaseUnavailable | None:
    """SQLAlchemy hook: what it returns is raised in place of the driver's error."""
    if context.is_pre_ping:
        return None  # a connection that died in the pool, which replaces it by itself
    return translated(context.original_exception, disconnected=context.is_disconnect)
