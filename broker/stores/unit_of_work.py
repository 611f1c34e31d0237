"""One transaction: everything done inside a `with` block is kept, or nothing is."""

from types import TracebackType
from typing import Self

from sqlalchemy import Engine
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session

from broker.core.departure import Departures
from broker.flows.unavailable import DatabaseUnavailable
from broker.stores.errors import translated


class UnitOfWork:
    """A session and its transaction.

    No connection is taken before the first statement, so a request that is refused early costs none. Leaving the block
    commits; an exception rolls back. A denial is a value, so it commits (and reaches the journal).
    """

    def __init__(self, engine: Engine) -> None:
        self.session = Session(engine, expire_on_commit=False)
        self.departures = Departures()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.commit()
            elif isinstance(error, PoolTimeout):
                raise translated(error) or error from error
        finally:
            self.departures.close()
            self.session.close()  # rolls back what was not committed

    def commit(self) -> None:
        """Make everything so far durable. Raises DatabaseUnavailable (`outcome_unknown` if the connection broke), and
        NoDeparture, keeping nothing, when something was decided and not journalled.
        """
        self.departures.settle()
        try:
            self.session.flush()
        except PoolTimeout as error:
            raise translated(error) or error from error
        try:
            self.session.commit()
        except DatabaseUnavailable as error:
            error.outcome_unknown = True
            raise

    def rollback(self) -> None:
        """Forget everything since the last commit."""
        self.session.rollback()
