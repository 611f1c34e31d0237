"""The authorization server with its providers, over the fake memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.oidc_memory import OidcMemory
from tests.support.oidc_world import OidcWorld, oidc_world


@pytest.fixture
def memory() -> OidcMemory:
    return OidcMemory()


@pytest.fixture
def world(memory: OidcMemory, tmp_path: Path) -> Iterator[OidcWorld]:
    with oidc_world(memory, tmp_path) as made:
        yield made
