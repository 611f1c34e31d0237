"""Where a run's PostgreSQL is, and how to make databases on it."""

from dataclasses import dataclass

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url


@dataclass(frozen=True)
class Cluster:
    """One server, with its owner and its superuser."""

    url: str
    admin_url: str

    def url_of(self, database: str) -> str:
        return make_url(self.url).set(database=database).render_as_string(hide_password=False)

    def admin(self, *, database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        """A superuser's connection in autocommit."""
        url = make_url(self.admin_url).set(drivername="postgresql", database=database)
        return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)

    def create_database(self, name: str, template: str) -> None:
        role = make_url(self.url).username or ""
        with self.admin() as admin:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}")
            admin.execute(statement.format(sql.Identifier(name), sql.Identifier(template), sql.Identifier(role)))

    def drop_database(self, name: str) -> None:
        with self.admin() as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
