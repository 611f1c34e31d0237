"""Every test of this folder that asks for `world` runs twice: over the fakes and over a real database."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.stores.database import Database
from broker.stores.key_store import FileKeyStore
from broker.stores.work import Works
from tests.ports.fakes import FakeKeyStore, FakeWorks
from tests.support.broker_world import World


@pytest.fixture(params=["fakes", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "fakes":
        yield World(FakeWorks(), FakeKeyStore(os.urandom))
        return
    database: Database = request.getfixturevalue("database")
    keys = FileKeyStore.open(tmp_path / "keystore")
    yield World(Works(database), keys)
    keys.close()
