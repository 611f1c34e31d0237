"""specs/departures.md names every address and every deciding flow: a new one without a row is red."""

import ast
import re
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from tests.api.test_who_may_call import TABLE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "specs/departures.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\d)\.[^\n]*\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
ADDRESS = re.compile(r"`(?:(GET|POST|DELETE) )?(/[^`]*)`")

# Who may wrap what did not come out of flows/opening, and take what is kept for the broker's own use.
WRAPS = {"flows/opening.py", "flows/finish_approval.py", "flows/fetch_approval.py", "flows/decide_notice.py",
         "flows/name_person.py"}  # fmt: skip
OWN_USE = {
    "flows/decide_transfer.py": {"DECIDING"},
    "flows/mint_pass.py": {"COMMITTING"},
    "flows/enrol.py": {"ENROLMENT"},
    "flows/guard.py": {"DECIDING", "SHOWN"},
    "flows/look.py": {"SHOWN"},
    "flows/tell_correction.py": {"RENEWAL"},
    "flows/request_review.py": {"REVIEWING", "SHOWN"},
}


def named() -> tuple[set[tuple[str, str]], set[str]]:
    """Addresses with their method, and patterns without one."""
    exact: set[tuple[str, str]] = set()
    patterns: set[str] = set()
    for section in ("3", "5", "7"):
        for method, path in ADDRESS.findall(SECTIONS[section]):
            if method:
                exact.add((method, path))
            else:
                patterns.add(path)
    return exact, patterns


@cache
def sources() -> dict[str, str]:
    """The modules in which any of this can happen, by their path."""
    words = re.compile(r"decide_transfer|\bKept\(|for_own_use|narrowed\(|_departures\b|\bMAKER\b|[a-z]+:[a-z]+:[a-z]+")
    found = ((path, path.read_text(encoding="utf-8")) for path in sorted((ROOT / "broker").rglob("*.py")))
    return {path.relative_to(ROOT / "broker").as_posix(): text for path, text in found if words.search(text)}


@cache
def modules() -> dict[str, ast.Module]:
    telling = re.compile(r"decide_transfer|\bKept\(|for_own_use|narrowed\(|_departures\b|\bMAKER\b")
    return {path: ast.parse(text) for path, text in sources().items() if telling.search(text)}


def calls(tree: ast.Module, name: str) -> list[ast.Call]:
    def called(node: ast.Call) -> str:
        return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")

    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and called(node) == name]


def test_every_address_stands_on_the_page() -> None:
    exact, patterns = named()
    missing = [
        f"{method} {path}"
        for method, path in TABLE
        if (method, path) not in exact and not any(fnmatchcase(path, pattern) for pattern in patterns)
    ]
    assert missing == [], "say on specs/departures.md what leaves there, and by which decision"
    assert exact - TABLE.keys() == set(), "these addresses are gone"


def test_what_partners_gates_and_the_public_call_has_a_row_of_its_own() -> None:
    _, patterns = named()
    for path in ("/agencies/v1/new", "/gates/v1/new", "/oauth/new", "/transfers/new", "/new"):
        assert not any(fnmatchcase(path, pattern) for pattern in patterns), path


def test_every_flow_that_decides_stands_on_the_page_with_its_journal_kinds() -> None:
    table = SECTIONS["3"]
    for path, tree in modules().items():
        decides = calls(tree, "decide_transfer") or calls(tree, "decide_transfers")
        if path.startswith("flows/") and decides and not Path(path).stem.startswith("decide_transfer"):
            assert f"`{Path(path).stem}`" in table, path
    kinds = set(re.findall(r"`([a-z]+:[a-z]+:[a-z]+)`", table))
    together = (
        "".join(sources().values()) + "partner:form:approved partner:document:approved"
    )  # made in finish_approval
    written = {kind for kind in kinds if kind in together}
    assert kinds - written == set()


def test_what_is_kept_is_wrapped_and_taken_out_in_these_places_only() -> None:
    wraps, own = set(), {}
    for path, tree in modules().items():
        if path == "core/departure.py":
            continue
        if calls(tree, "Kept"):
            wraps.add(path)
        uses = {
            argument.attr
            for call in calls(tree, "for_own_use")
            for argument in call.args
            if isinstance(argument, ast.Attribute)
        }
        if calls(tree, "for_own_use"):
            own[path] = uses or OWN_USE.get(path, set())
        assert not calls(tree, "narrowed") or path in ("core/disclosure.py", "flows/cover_release.py"), path
        reached = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not reached & {"_departures", "MAKER"} or path == "core/permit.py", path
    assert wraps <= WRAPS
    assert own == OWN_USE
