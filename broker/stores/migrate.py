"""Bringing a database's schema up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from broker.flows.unavailable import DatabaseUnavailable
from broker.stores.database import normalise_url
from broker.stores.errors import translated

# Arbitrary but fixed: workers that start together migrate one after another (pg_advisory_lock).
_LOCK = 0x746F6E67_6D696772
_SCRIPTS = Path(__file__).parent / "migrations"


def migrate(database_url: str, *, revision: str = "heads") -> None:
    """Upgrade to `revision`, all in one transaction: a failed migration leaves the schema as it was.

    Raises DatabaseUnavailable when the server cannot be reached.
    """
    engine = create_engine(normalise_url(database_url), poolclass=NullPool, hide_parameters=True)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except OperationalError as error:
        known = translated(error.orig) if error.orig is not None else None
        raise known or DatabaseUnavailable("the migration failed") from error
    finally:
        engine.dispose()


def current_revisions(database_url: str) -> tuple[frozenset[str], frozenset[str]]:
    """(the revisions the database has, the revisions this program has)."""
    engine = create_engine(normalise_url(database_url), poolclass=NullPool, hide_parameters=True)
    try:
        with engine.connect() as connection:
            present = frozenset(MigrationContext.configure(connection).get_current_heads())
    except OperationalError as error:
        raise DatabaseUnavailable("the database cannot be reached") from error
    finally:
        engine.dispose()
    return present, frozenset(ScriptDirectory.from_config(_config()).get_heads())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
