"""What a migration made is taken back whole: step by step down again, each revision has the schema it had on the way
up.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from broker.stores import migrations
from broker.stores.database import normalise_url
from tests.support.postgres import Cluster

# Nobody goes back behind it: without travellers there is nothing to keep.
_FIRST = "0002_travellers"
# Columns without their places: one that comes back is the last.
_SCHEMA = """
SELECT 'function ' || oid::regprocedure, pg_get_functiondef(oid) FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
UNION ALL SELECT 'trigger ' || tgname || ' of ' || tgrelid::regclass, pg_get_triggerdef(oid) FROM pg_trigger
    WHERE NOT tgisinternal
UNION ALL SELECT 'column ' || attrelid::regclass || '.' || attname,
        concat_ws(' ', format_type(atttypid, atttypmod), attnotnull, attidentity, pg_get_expr(adbin, adrelid))
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S') AND attnum > 0 AND NOT attisdropped
UNION ALL SELECT 'constraint ' || conname || ' of ' || conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
UNION ALL SELECT 'index ' || indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
"""


@pytest.fixture
def connection(cluster: Cluster) -> Iterator[Connection]:
    """To an empty database."""
    name = f"downgrade_{uuid4().hex}"
    cluster.create_database(name, "template0")
    engine = create_engine(normalise_url(cluster.url_of(name)), poolclass=NullPool)
    try:
        with engine.begin() as opened:
            yield opened
    finally:
        cluster.drop_database(name)


def test_each_step_down_leaves_what_the_steps_up_had_made(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__path__[0])).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    downwards = list(ScriptDirectory.from_config(config).walk_revisions())
    made: dict[str, dict[str, str]] = {}
    for script in reversed(downwards):
        command.upgrade(config, script.revision)
        made[script.revision] = _schema(connection)
    differences = {}
    for script, below in pairwise(downwards):
        if script.revision == _FIRST:
            break
        command.downgrade(config, below.revision)
        before, found = made[below.revision], _schema(connection)
        changed = {name for name, _ in found.items() ^ before.items()}
        differences |= {f"{name} at {below.revision}": (before.get(name), found.get(name)) for name in changed}
    assert differences == {}


def _schema(connection: Connection) -> dict[str, str]:
    return {row[0]: row[1] for row in connection.execute(text(_SCHEMA))}
