"""Claims leave by one way: what opens them, and what says that they were released, is used in the places named here.

Another use may be right (the person's own view, a comparison); it is then added here, on purpose.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

BROKER = Path(__file__).parents[2] / "broker"

# What a module names -> the modules that may name it.
ALLOWED: dict[tuple[str, str], set[str]] = {
    # Sealed at login, opened in one place; likewise who vouched for them, the portrait and the face.
    ("broker.core.traveller", "CLAIMS"): {"flows/link_identity.py", "flows/opening.py"},
    ("broker.core.traveller", "VOUCHED"): {"flows/link_identity.py", "flows/opening.py"},
    ("broker.core.traveller", "PORTRAIT"): {"flows/link_identity.py", "flows/opening.py"},
    ("broker.core.travel", "template_context"): {"flows/enrol.py", "flows/opening.py"},
    # Turns claims into values for a partner.
    ("broker.core.disclosure", "disclose"): {"flows/release_claims.py"},
    # The person's own profile, shown to them alone: the wallet, and who is logged in on a consent page.
    ("broker.flows.look", "show_profile"): {"web/wallet.py", "web/authorization_consent.py"},
}  # fmt: skip


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(BROKER.rglob("*.py")):
        yield path.relative_to(BROKER).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def _imports(tree: ast.Module) -> set[tuple[str, str]]:
    return {
        (node.module or "", name.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }


def _calls(tree: ast.Module, name: str) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        for node in ast.walk(tree)
    )


@pytest.mark.parametrize("named", ALLOWED, ids=lambda named: f"{named[0]}.{named[1]}")
def test_it_is_named_in_these_places_only(named: tuple[str, str]) -> None:
    found = {path for path, tree in _modules() if named in _imports(tree)}
    assert found <= ALLOWED[named]
    assert found, "the name is gone: this test would guard nothing"


def test_nothing_is_imported_whole_past_this_test() -> None:
    whole = {"broker.core.disclosure", "broker.core.traveller", "broker.flows.look"}
    for path, tree in _modules():
        names = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
        assert not names & whole, path
        assert not any(module in whole and name == "*" for module, name in _imports(tree)), path
        assert ("broker.core", "disclosure") not in _imports(tree), path


def test_only_the_release_says_that_claims_were_released() -> None:
    makers = {path for path, tree in _modules() if _calls(tree, "ReleasedClaims")}
    assert makers == {"flows/release_claims.py"}
