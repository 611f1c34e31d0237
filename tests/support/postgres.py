"""A real PostgreSQL for tests: one embedded cluster for the whole run, one fresh database per test."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from broker.stores.database import Database
from broker.stores.migrate import migrate
from broker.stores.postgres import EmbeddedPostgres

TEMPLATE = "migrated"


@dataclass(frozen=True)
class Cluster:
    """Where the run's server is and how to make databases on it."""

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


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The run's server, with a migrated template. The workers of pytest-xdist attach to the same one."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    # A test database dies with the run, so it need not survive a power cut.
    volatile = {"fsync": "off", "full_page_writes": "off", "max_connections": "400"}
    with EmbeddedPostgres(base / "cluster", settings=volatile) as server:
        made = Cluster(server.url, server.admin_url)
        with made.admin() as admin:
            # Session lock: the first worker makes the template, the others wait and find it.
            admin.execute("SELECT pg_advisory_lock(1)")
            if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (TEMPLATE,)).fetchone() is None:
                made.create_database("migrating", "template0")
                migrate(made.url_of("migrating"))
                admin.execute(sql.SQL("ALTER DATABASE migrating RENAME TO {}").format(sql.Identifier(TEMPLATE)))
        yield made


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    """The URL of a fresh, migrated database."""
    name = f"test_{uuid4().hex}"
    cluster.create_database(name, TEMPLATE)
    yield cluster.url_of(name)
    cluster.drop_database(name)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh, migrated database."""
    made = Database(database_url)
    yield made
    made.close()
