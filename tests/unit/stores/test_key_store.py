"""The key store: keys survive restarts, stay wrapped, and after `destroy` are in no file of the store."""

import os
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from broker.stores.key_store import FileKeyStore, KeyDestroyed, KeyStoreError
from broker.stores.master_key import FileMasterKey, UnwrapFailed
from broker.stores.secret_files import SecretFileError


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FileKeyStore]:
    made = FileKeyStore.open(tmp_path / "keystore")
    yield made
    made.close()


def _wrapped(folder: Path, subject: UUID) -> bytes:
    with sqlite3.connect(folder / "keys.sqlite") as reader:
        found: bytes = reader.execute("SELECT wrapped FROM records WHERE subject = ?", (subject.bytes,)).fetchone()[0]
    reader.close()
    return found


def _on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_a_key_and_two_seeds_per_subject_survive_a_restart(tmp_path: Path, store: FileKeyStore) -> None:
    first, second = uuid4(), uuid4()
    store.create(first)
    store.create(second)
    key, seeds = store.key(first), store.seeds(first)
    assert len(key) == 32
    assert [len(seed) for seed in seeds] == [16, 16]
    assert len({key, store.key(second), *seeds, *store.seeds(second)}) == 6
    again = FileKeyStore.open(tmp_path / "keystore")
    assert (again.key(first), again.seeds(first)) == (key, seeds)
    again.close()


def test_creating_twice_keeps_the_first_key(store: FileKeyStore) -> None:
    subject = uuid4()
    store.create(subject)
    key = store.key(subject)
    store.create(subject)
    assert store.key(subject) == key


def test_an_unknown_subject_has_no_key(store: FileKeyStore) -> None:
    with pytest.raises(LookupError):
        store.key(uuid4())
    with pytest.raises(LookupError):
        store.seeds(uuid4())


def test_a_destroyed_key_never_comes_back(store: FileKeyStore) -> None:
    subject = uuid4()
    store.create(subject)
    store.destroy(subject)
    store.destroy(subject)  # harmless
    with pytest.raises(KeyDestroyed):
        store.key(subject)
    with pytest.raises(KeyDestroyed):
        store.create(subject)


def test_destroying_an_unknown_subject_is_harmless_and_final(store: FileKeyStore) -> None:
    subject = uuid4()
    store.destroy(subject)
    with pytest.raises(KeyDestroyed):
        store.create(subject)


def test_after_destroy_the_wrapped_key_is_in_no_file(tmp_path: Path, store: FileKeyStore) -> None:
    """Enough subjects, made and destroyed in mixed order, that the tree grows, splits and frees pages."""
    folder = tmp_path / "keystore"
    shuffled = random.Random(7)  # noqa: S311 -- picks whom to forget, reproducibly
    alive: dict[UUID, bytes] = {}
    gone: list[bytes] = []
    for _ in range(400):
        for _ in range(3):
            subject = uuid4()
            store.create(subject)
            alive[subject] = _wrapped(folder, subject)
        victim = shuffled.choice(list(alive))
        gone.append(alive.pop(victim))
        store.destroy(victim)
    disk = _on_disk(folder)
    assert all(wrapped in disk for wrapped in alive.values()), "the scan must be able to find a record"
    assert not [wrapped for wrapped in gone if wrapped in disk or wrapped[20:52] in disk]


def test_a_record_moved_to_another_subject_does_not_open(tmp_path: Path, store: FileKeyStore) -> None:
    mine, yours = uuid4(), uuid4()
    store.create(mine)
    store.create(yours)
    with sqlite3.connect(tmp_path / "keystore" / "keys.sqlite") as attacker:
        attacker.execute(
            "UPDATE records SET wrapped = (SELECT wrapped FROM records WHERE subject = ?) WHERE subject = ?",
            (mine.bytes, yours.bytes),
        )
    attacker.close()
    with pytest.raises(UnwrapFailed):
        store.key(yours)


def test_plain_keys_are_not_on_disk(tmp_path: Path, store: FileKeyStore) -> None:
    subject = uuid4()
    store.create(subject)
    disk = _on_disk(tmp_path / "keystore")
    assert store.key(subject) not in disk
    assert store.seeds(subject)[0] not in disk


def test_every_file_is_private(tmp_path: Path, store: FileKeyStore) -> None:
    store.create(uuid4())
    folder = tmp_path / "keystore"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir() if path.name != "keys.lock"} == {
        "keys.sqlite": "0o600",
        "keys.sqlite-shm": "0o600",
        "keys.sqlite-wal": "0o600",
        "master.key": "0o600",
    }


def test_an_exposed_master_key_is_refused(tmp_path: Path, store: FileKeyStore) -> None:
    (tmp_path / "keystore" / "master.key").chmod(0o640)
    with pytest.raises(SecretFileError, match="open to others"):
        FileKeyStore.open(tmp_path / "keystore")


def test_a_store_without_its_master_key_is_refused_not_given_a_new_one(tmp_path: Path, store: FileKeyStore) -> None:
    (tmp_path / "keystore" / "master.key").unlink()
    with pytest.raises(SecretFileError, match="cannot be read"):
        FileKeyStore.open(tmp_path / "keystore")


def test_a_master_key_of_the_wrong_length_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.write_bytes(bytes(31))
    path.chmod(0o600)
    with pytest.raises(SecretFileError, match="damaged"):
        FileMasterKey.load(path)


def test_destruction_is_not_claimed_while_a_reader_holds_the_log(tmp_path: Path) -> None:
    """Another process in the middle of reading keeps the write-ahead log, with the record, from being emptied."""
    folder = tmp_path / "keystore"
    store = FileKeyStore(folder / "keys.sqlite", FileMasterKey(os.urandom(32)), patience=0.05)
    subject = uuid4()
    store.create(subject)
    wrapped = _wrapped(folder, subject)
    reader = sqlite3.connect(folder / "keys.sqlite", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM records").fetchone()
    with pytest.raises(KeyStoreError, match="destroy again"):
        store.destroy(subject)
    with pytest.raises(KeyDestroyed):
        store.key(subject)
    reader.execute("ROLLBACK")
    reader.close()
    store.destroy(subject)
    assert wrapped not in _on_disk(folder)
    store.close()


def test_the_master_key_is_the_only_thing_that_opens_records() -> None:
    one, two = FileMasterKey(os.urandom(32)), FileMasterKey(os.urandom(32))
    wrapped = one.wrap(b"s" * 64, b"context")
    assert one.unwrap(wrapped, b"context") == b"s" * 64
    for master, context in ((two, b"context"), (one, b"other")):
        with pytest.raises(UnwrapFailed):
            master.unwrap(wrapped, context)
