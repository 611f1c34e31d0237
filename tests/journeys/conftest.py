"""One stage for the journeys that need nothing special: starting it takes longer than they do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.logins import synthetic_portraits
from tests.support.stage import Stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory, session_database_url: str) -> Iterator[Stage]:
    """A broker and its three providers as processes."""
    home: Path = tmp_path_factory.mktemp("journeys")
    portraits = synthetic_portraits(home / "portraits")
    with Stage(home / "stage", portraits, serve_wallet=False, database_url=session_database_url) as running:
        yield running
