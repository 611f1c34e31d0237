from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.macau_world import MacauWorld, macau_world


@pytest.fixture
def macau(tmp_path: Path) -> Iterator[MacauWorld]:
    with macau_world(tmp_path) as made:
        yield made
