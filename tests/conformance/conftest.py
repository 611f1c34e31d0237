"""Two worlds: the authorization server with its providers over the fake memory, where the wallet's rules are tested;
and a whole sandbox broker over PostgreSQL, where the modules of the OpenID conformance plans run.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.logins import synthetic_portraits
from tests.support.oidc_memory import OidcMemory
from tests.support.oidc_world import OidcWorld, oidc_world
from tests.support.relying_party import RelyingParty
from tests.support.sandbox_stage import PROVIDER, SandboxStage
from tests.support.sandbox_world import AGENCY, BASIC, OTHER_AGENCY, SandboxWorld, make_home, sandbox_world
from tests.support.stage import Tls


@pytest.fixture
def memory() -> OidcMemory:
    return OidcMemory()


@pytest.fixture
def world(memory: OidcMemory, tmp_path: Path) -> Iterator[OidcWorld]:
    with oidc_world(memory, tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def sandbox_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home: Path = tmp_path_factory.mktemp("sandbox") / "home"
    make_home(home)
    return home


@pytest.fixture
def sandbox(sandbox_home: Path, database_url: str) -> Iterator[SandboxWorld]:
    with sandbox_world(sandbox_home, database_url) as made:
        yield made


@pytest.fixture
def basic_client(sandbox: SandboxWorld) -> RelyingParty:
    """A client of the profile oidc_basic with client_secret_basic, and a person's browser."""
    return RelyingParty(sandbox, BASIC)


@pytest.fixture
def agency(sandbox: SandboxWorld) -> RelyingParty:
    """A client of the profile fapi2, and a person's browser."""
    return RelyingParty(sandbox, AGENCY)


@pytest.fixture
def other_agency(sandbox: SandboxWorld) -> RelyingParty:
    """Another partner's client of the profile fapi2, and another person's browser."""
    party = RelyingParty(sandbox, OTHER_AGENCY)
    party.browser.person = "bea"
    return party


@pytest.fixture(scope="session")
def sandbox_stage(tmp_path_factory: pytest.TempPathFactory, session_database_url: str) -> Iterator[SandboxStage]:
    """A sandbox broker and its provider as processes, over TLS."""
    home = tmp_path_factory.mktemp("sandbox-stage")
    portraits = synthetic_portraits(home / "portraits")
    tls = Tls.make(home / "tls", "127.0.0.1")
    with SandboxStage(
        home / "stage",
        portraits,
        tls=tls,
        serve_wallet=False,
        providers=(PROVIDER, "iamsmart"),
        database_url=session_database_url,
    ) as running:
        yield running
