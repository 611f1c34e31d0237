"""What a flow's caller may meet when the database, rather than the request, is at fault."""


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
