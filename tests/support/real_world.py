"""A World over a real database and key store, for tests about concurrency and faults."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.stores.database import Database
from broker.stores.key_store import FileKeyStore
from broker.stores.work import Works
from tests.support.broker_world import World


@pytest.fixture
def real_world(database: Database, tmp_path: Path) -> Iterator[World]:
    """Every flow over PostgreSQL, with the operating system's randomness."""
    keys = FileKeyStore.open(tmp_path / "keystore")
    yield World(Works(database), keys, entropy=os.urandom)  # type: ignore[arg-type]
    keys.close()
