"""The embedded PostgreSQL: packaged binaries under this project's own supervision.

Why: specs/decisions/embedded-postgresql.md. Standard library only, so that the supervisor process stays small.
"""

from broker.stores.postgres.embedded import EmbeddedPostgres
from broker.stores.postgres.errors import PostgresError

__all__ = ["EmbeddedPostgres", "PostgresError"]
