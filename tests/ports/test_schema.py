"""The migrations make exactly the tables that the stores speak of."""

import re

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Table

from broker.stores import linking_tables, partner_tables, sample_tables, tables, transfer_tables
from broker.stores.base import metadata
from broker.stores.database import Database

# The years of a partitioned table are no tables of their own to the stores.
_PARTITION = re.compile(r"transfer_(recipient_)?persons_(\d{4}|other)")


def test_the_migrated_schema_is_the_declared_one(database: Database) -> None:
    declared = [
        *vars(tables).values(),
        *vars(partner_tables).values(),
        *vars(linking_tables).values(),
        *vars(sample_tables).values(),
        *vars(transfer_tables).values(),
    ]
    ours = {table.name for table in declared if isinstance(table, Table)}
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = [
            difference
            for difference in compare_metadata(context, metadata)
            if any(name in str(difference) for name in ours) and not _PARTITION.search(str(difference))
        ]
    assert not differences
