from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ctid_world import CtidWorld, ctid_world


@pytest.fixture
def ctid(tmp_path: Path) -> Iterator[CtidWorld]:
    with ctid_world(tmp_path) as made:
        yield made
