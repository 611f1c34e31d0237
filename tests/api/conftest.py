"""Fixtures of the API tests: the application over a real database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from broker.stores.database import Database
from tests.support.web_world import WebWorld


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[WebWorld]:
    made = WebWorld(database, tmp_path)
    yield made
    made.keys.close()


@pytest.fixture
def http(web: WebWorld) -> Iterator[TestClient]:
    with web.client() as client:
        yield client


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application with a database that nobody may need: for requests that are refused before any work."""
    unreachable = Database("postgresql://127.0.0.1:1/none", pool_size=1)
    made = WebWorld(unreachable, tmp_path_factory.mktemp("bare"))
    with made.client() as client:
        yield client
    made.keys.close()
