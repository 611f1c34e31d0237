"""Prints specs/conformance.md from the tests themselves: `python -m tests.conformance.table > specs/conformance.md`."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.conformance.modules import FAPI2, OIDC_BASIC, PLANS, Implementation, Module, mark_of

HERE: Final = Path(__file__).parent
TITLES: Final = {OIDC_BASIC: "OpenID Connect Basic", FAPI2: "FAPI 2.0 Security Profile"}
HEAD: Final = """\
# Conformance

Which module of the OpenID Foundation's conformance plans is which test, and the client profile
([authorization-server](authorization-server.md) 1) it runs under. The names are the suite's own. The suite itself has
not been run against this broker: these tests assert what its modules assert, positive and negative, driving the
application over HTTP as client and browser, with a clock that moves when told. Printed from the tests by
`python -m tests.conformance.table`; a test holds this page to it. What differs from a standard is in
[divergences](divergences.md).
"""
CLIENTS: Final = """
## Clients nobody here wrote

Unmodified, each a process of its own against a broker over loopback HTTP and PostgreSQL; tokens verified by npm `jose`
beside the client's own checks.

| package | profile | what it does | test |
|---|---|---|---|
"""


def marked() -> Iterator[tuple[str, str, Module | Implementation]]:
    """(file, test, mark) of every marked test here."""
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(f"tests.conformance.{path.stem}")
        for name, value in vars(module).items():
            mark = mark_of(value)
            if mark is not None:
                yield path.name, name, mark


def table() -> str:
    """The page. Raises ValueError unless every module of every plan has exactly one test."""
    found = list(marked())
    modules = {mark.name: (file, test, mark) for file, test, mark in found if isinstance(mark, Module)}
    wanted = {name for names in PLANS.values() for name in names}
    if modules.keys() != wanted or len(modules) != sum(isinstance(mark, Module) for *_, mark in found):
        raise ValueError(f"without a test, or with two: {sorted(wanted ^ modules.keys())}")
    page = HEAD
    for plan, names in PLANS.items():
        page += f"\n## {TITLES[plan]}\n\nPlan `{plan}`, {len(names)} modules.\n\n"
        page += "| module | profile | test | remark |\n|---|---|---|---|\n"
        for name in names:
            file, test, module = modules[name]
            page += f"| {name} | {module.profile} | `{file}::{test}` | {module.note} |\n"
    page += CLIENTS
    for file, test, mark in found:
        if isinstance(mark, Implementation):
            page += f"| {mark.package} | {mark.profile} | {mark.does} | `{file}::{test}` |\n"
    return page


if __name__ == "__main__":
    print(table(), end="")
