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
