"""One transaction that fails takes no other with it."""

import sqlite3
from pathlib import Path

import pytest

from gate_client.database import open_database, transaction


@pytest.fixture
def database(tmp_path: Path) -> sqlite3.Connection:
    connection = open_database(tmp_path / "gate.db")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
    connection.execute("CREATE TABLE children (parent INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED)")
    return connection


def test_a_commit_that_fails_leaves_no_transaction_open(database: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError), transaction(database) as db:
        db.execute("INSERT INTO children VALUES (7)")  # found out by the commit, not before
    assert not database.in_transaction
    with transaction(database) as db:
        db.execute("INSERT INTO parents VALUES (1)")
    assert database.execute("SELECT (SELECT count(*) FROM parents), (SELECT count(*) FROM children)").fetchone() == (
        1,
        0,
    )


def test_a_transaction_that_sqlite_already_ended_keeps_its_own_error(database: sqlite3.Connection) -> None:
    with pytest.raises(RuntimeError, match="the first error"), transaction(database) as db:
        db.execute("ROLLBACK")  # as SQLite does by itself on a full disk
        raise RuntimeError("the first error")
