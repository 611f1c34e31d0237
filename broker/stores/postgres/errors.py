"""What goes wrong with the embedded server, in words an operator can act on."""


class PostgresError(Exception):
    """The embedded PostgreSQL cannot be set up, started or reached; the message says why and what to do."""
