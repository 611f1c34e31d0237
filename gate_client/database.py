"""The gate's one SQLite file. Write-ahead log, synchronous=FULL: what a commit returned from survives a power cut."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = 1
LAST_RESORT_PAGES = 20_000
EMPTYING_MS = 100

_SCHEMA = """
CREATE TABLE clock (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    highest INTEGER NOT NULL,
    floor INTEGER NOT NULL
) STRICT;
-- A proof (pass and counter, never its signature bytes) belongs to the lane that read it first, until it lapses.
CREATE TABLE reservations (
    pass_id BLOB NOT NULL,
    counter INTEGER NOT NULL,
    lane TEXT NOT NULL,
    session BLOB NOT NULL,
    lapses_at INTEGER NOT NULL,
    PRIMARY KEY (pass_id, counter)
) STRICT, WITHOUT ROWID;
-- A session from its reservation to its decision. What is still here at start was cut off.
CREATE TABLE sessions (
    session BLOB PRIMARY KEY,
    lane TEXT NOT NULL,
    pass_id BLOB NOT NULL,
    began_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- The pass is the thing that is used up: the primary key is what keeps an exit from opening twice for one pass.
CREATE TABLE spends (
    pass_id BLOB PRIMARY KEY,
    session BLOB NOT NULL UNIQUE,
    spent_at INTEGER NOT NULL,
    forget_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- An opening that was allowed and is not yet known to have happened.
CREATE TABLE openings (
    session BLOB PRIMARY KEY,
    lane TEXT NOT NULL,
    event_id BLOB NOT NULL UNIQUE,
    openings_before INTEGER
) STRICT, WITHOUT ROWID;
-- Crossings in order. An event whose opening is unsettled has no `opened` and is not sent yet.
CREATE TABLE outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id BLOB NOT NULL UNIQUE,
    event BLOB NOT NULL,
    opened INTEGER CHECK (opened IN (0, 1)),
    decided_at INTEGER NOT NULL,
    sent_at INTEGER
) STRICT;
CREATE INDEX outbox_unsent ON outbox (number) WHERE sent_at IS NULL;
CREATE TABLE trust_list (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL,
    issued_at INTEGER NOT NULL,
    raw BLOB NOT NULL
) STRICT;
CREATE TABLE status_lists (
    list_no INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    issued_at INTEGER NOT NULL,
    raw BLOB NOT NULL
) STRICT;
CREATE TABLE epoch_secrets (
    epoch INTEGER PRIMARY KEY,
    secret BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
"""


class DatabaseDamagedError(Exception):
    """The file is not the gate's database, or of another version. The lane stays out of service."""


def open_database(path: Path, *, busy_ms: int = 5000) -> sqlite3.Connection:
    """Open or create the file (mode 0600). One connection a thread; writers wait for one another up to `busy_ms`."""
    if not path.exists():
        path.touch(mode=0o600)
    connection = sqlite3.connect(path, timeout=busy_ms / 1000, isolation_level=None, cached_statements=64)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")  # a destroyed epoch secret leaves no bytes in free pages
        # The sync thread checkpoints (`checkpoint`); a commit does so itself only where that thread died.
        connection.execute(f"PRAGMA wal_autocheckpoint = {LAST_RESORT_PAGES}")
        _create(connection)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise DatabaseDamagedError(str(error)) from error
    except DatabaseDamagedError:
        connection.close()
        raise
    return connection


def _create(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in _SCHEMA.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
        elif version != VERSION:
            raise DatabaseDamagedError(f"database version {version}, this gate knows {VERSION}")


def checkpoint(connection: sqlite3.Connection) -> None:
    """Move the write-ahead log into the file, without making anybody wait."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def empty_log(connection: sqlite3.Connection) -> bool:
    """Move the write-ahead log into the file and cut it to nothing. False while somebody still reads from it.

    Writers wait meanwhile, so this does not wait for readers longer than a lane would not notice.
    """
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute(f"PRAGMA busy_timeout = {EMPTYING_MS}")
    try:
        (blocked, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience}")
    return not blocked


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or nothing, durable when the block returns. Takes the write lock at once, so a read in it cannot go stale."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a commit that failed leaves it open; a full disk has ended it already
            connection.execute("ROLLBACK")
        raise
