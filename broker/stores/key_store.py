"""The local key store: each subject's key and transform seeds, wrapped, in an SQLite file apart from the database.

Destroying a record must leave no copy in any file of the store (specs/key-store.md 3), and SQLite alone does not
promise that for cells it moves while rebalancing a tree. So records never move. They have one
length, are appended in rowid order, and are destroyed by overwriting them in place with zeros; the write-ahead log is
then emptied.
"""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from uuid import UUID

from broker.stores.master_key import OVERHEAD, FileMasterKey, MasterKey
from broker.stores.secret_files import create_secret, require_private

KEY_BYTES = 32
SEED_BYTES = 16
SEEDS = 2
_RECORD_BYTES = KEY_BYTES + SEEDS * SEED_BYTES
_DOMAIN = b"tongguan/key-store/v1"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subject BLOB NOT NULL UNIQUE,
    wrapped BLOB NOT NULL,
    destroyed INTEGER NOT NULL DEFAULT FALSE
) STRICT
"""


class KeyDestroyed(LookupError):
    """The subject's key was destroyed; it never comes back."""


class KeyStoreError(Exception):
    """The store cannot do its work now. After `destroy`: the record may survive in a file, so destroy again."""


class FileKeyStore:
    """The port `KeyStore` of the flows over one SQLite file. Safe across threads and processes; caches no key."""

    def __init__(
        self,
        path: Path,
        master: MasterKey,
        *,
        wrapped_bytes: int = _RECORD_BYTES + OVERHEAD,
        entropy: Callable[[int], bytes] = os.urandom,
        patience: float = 10.0,
    ) -> None:
        """`wrapped_bytes`: the length of what `master` makes of a record of 64 bytes. `patience`: seconds to wait for
        other processes' locks.
        """
        self._master = master
        self._wrapped_bytes = wrapped_bytes
        self._entropy = entropy
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (path.parent / "keys.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # switching a new file to write-ahead logging does not wait its turn
            if not path.exists():
                create_secret(path, b"")  # SQLite gives its -wal and -shm files the mode of this one
            require_private(path, path.lstat())
            self._reads = _Connection(path, patience)
            self._writes = _Connection(path, patience)
            with self._writes.use() as connection:
                connection.execute(_SCHEMA)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The store in `folder` (`keys.sqlite`, `master.key`), made on first use.

        Raises SecretFileError when the master key is exposed, or missing although there are records.
        """
        store, master = folder / "keys.sqlite", folder / "master.key"
        try:
            return cls(store, FileMasterKey.create(master) if not store.exists() else FileMasterKey.load(master))
        except FileExistsError:  # an earlier start made the master key and no store, or another worker was faster
            return cls(store, FileMasterKey.load(master))

    def create(self, subject: UUID) -> None:
        """Make the subject's key and seeds, durably; harmless when they exist. Raises KeyDestroyed when they did."""
        secret = self._entropy(_RECORD_BYTES)
        wrapped = self._master.wrap(secret, _context(subject))
        if len(wrapped) != self._wrapped_bytes:
            raise KeyStoreError("the master key wraps to another length than the store was set up for")
        with self._writes.use() as connection:
            connection.execute(
                "INSERT INTO records (subject, wrapped) VALUES (?, ?) ON CONFLICT (subject) DO NOTHING",
                (subject.bytes, wrapped),
            )
        self._find(subject)

    def key(self, subject: UUID) -> bytes:
        """The 32-byte key. Raises LookupError (KeyDestroyed when there was one)."""
        return self._record(subject)[:KEY_BYTES]

    def seeds(self, subject: UUID) -> tuple[bytes, ...]:
        """The 16-byte transform seeds, in the engine's order of embedders. Raises LookupError."""
        seeds = self._record(subject)[KEY_BYTES:]
        return tuple(seeds[i : i + SEED_BYTES] for i in range(0, len(seeds), SEED_BYTES))

    def destroy(self, subject: UUID) -> None:
        """Erase key and seeds from every file of the store; harmless when there are none.

        Remembers that there was a key, so that none is made again. Raises KeyStoreError when a copy may be left.
        """
        with self._writes.use() as connection:
            connection.execute(
                "INSERT INTO records (subject, wrapped, destroyed) VALUES (?1, ?2, TRUE) "
                "ON CONFLICT (subject) DO UPDATE SET wrapped = ?2, destroyed = TRUE",
                (subject.bytes, bytes(self._wrapped_bytes)),
            )
            blocked, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if blocked:
                raise KeyStoreError("readers kept the write-ahead log from being emptied: destroy again")

    def close(self) -> None:
        """Close the files."""
        for connection in (self._reads, self._writes):
            connection.close()

    def _record(self, subject: UUID) -> bytes:
        return self._master.unwrap(self._find(subject), _context(subject))

    def _find(self, subject: UUID) -> bytes:
        with self._reads.use() as connection:
            found = connection.execute(
                "SELECT wrapped, destroyed FROM records WHERE subject = ?", (subject.bytes,)
            ).fetchone()
        if found is None:
            raise LookupError("no such key")
        if found[1]:
            raise KeyDestroyed
        return bytes(found[0])


class _Connection:
    """One SQLite connection, used by one thread at a time."""

    def __init__(self, path: Path, patience: float) -> None:
        self._lock = threading.Lock()
        self._handle = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "temp_store = MEMORY"):
            self._handle.execute(f"PRAGMA {pragma}")

    @contextmanager
    def use(self) -> Iterator[sqlite3.Connection]:
        """The connection, alone; SQLite's complaints become KeyStoreError."""
        with self._lock:
            try:
                yield self._handle
            except sqlite3.Error as error:
                raise KeyStoreError(f"the key store failed: {error}") from error

    def close(self) -> None:
        with self._lock:
            self._handle.close()


def _context(subject: UUID) -> bytes:
    return _DOMAIN + subject.bytes
