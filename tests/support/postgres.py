"""A real PostgreSQL for tests: one embedded cluster for the whole run, and for each test a database that is as new.

Making a database takes a third of a second, emptying one a fiftieth: a worker's databases are emptied and used again,
unless the test changed more than rows.
"""

import os
from collections.abc import Iterator

import pytest
from psycopg import sql

from broker.stores.database import Database
from broker.stores.migrate import migrate
from broker.stores.postgres import EmbeddedPostgres
from tests.support.cluster import Cluster
from tests.support.used_again import Pool, Template

TEMPLATE = "migrated"


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


@pytest.fixture(scope="session")
def pool(cluster: Cluster) -> Iterator[Pool]:
    made = Pool(cluster, Template.of(cluster, TEMPLATE))
    yield made
    made.close()


@pytest.fixture
def database_url(pool: Pool) -> Iterator[str]:
    """The URL of a database as a migration of a new one leaves it."""
    name = pool.take()
    yield pool.cluster.url_of(name)
    pool.put_back(name)


@pytest.fixture(scope="module")
def module_database_url(pool: Pool) -> Iterator[str]:
    """The same, for the tests of one file together."""
    name = pool.take()
    yield pool.cluster.url_of(name)
    pool.put_back(name)


@pytest.fixture(scope="session")
def session_database_url(pool: Pool) -> Iterator[str]:
    """The same, for something that all tests of a worker share."""
    name = pool.take()
    yield pool.cluster.url_of(name)
    pool.put_back(name)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh, migrated database."""
    made = Database(database_url)
    yield made
    made.close()
