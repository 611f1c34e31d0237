"""The migrations make the tables that the stores declare, and running them again or side by side does no harm."""

import importlib
import pkgutil
import re
import threading
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import broker.stores
from broker.stores.base import metadata
from broker.stores.database import Database
from broker.stores.migrate import current_revisions, migrate
from tests.support.postgres import Cluster

YEAR = re.compile(r"^transfer_(recipient_)?persons_(\d{4}|other)")


def test_the_migrated_schema_is_the_declared_one(database: Database) -> None:
    for module in pkgutil.iter_modules(broker.stores.__path__, "broker.stores."):
        if not module.ispkg:
            importlib.import_module(module.name)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = [change for change in compare_metadata(context, metadata) if not _partition(change)]
    assert differences == []


def _partition(change: Any) -> bool:
    """A year of a partitioned table, which is declared once."""
    return change[0] in ("remove_table", "remove_index") and bool(YEAR.search(str(change[1].name)))


def test_starting_workers_may_all_migrate(cluster: Cluster) -> None:
    cluster.create_database("fresh", "template0")
    url = cluster.url_of("fresh")
    failures: list[Exception] = []

    def work() -> None:
        try:
            migrate(url)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the test shows it
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    present, known = current_revisions(url)
    cluster.drop_database("fresh")
    assert failures == []
    assert present == known
