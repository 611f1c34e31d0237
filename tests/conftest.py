"""Fixtures that any test may ask for by name, and which tests stay together when several workers share them."""

import pytest
from hypothesis import settings

# No deadline for an example, in any test: other work on the machine is not a finding.
settings.register_profile("tongguan", deadline=None)
settings.load_profile("tongguan")

pytest_plugins = ["tests.support.postgres"]

_STARTS_PROCESSES = {"sandbox_stage", "stage"}
"""Fixtures that last a whole run, by their names: whoever asks for one goes where it has been started."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests together that share something costly (`--dist loadgroup`), and begin with them: the single tests
    that follow fill both workers to the end.
    """
    for item in items:
        group = _group(item)
        if group is not None and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


def _group(item: pytest.Item) -> str | None:
    known = getattr(item, "_fixtureinfo", None)
    made_once = None
    for name, definitions in known.name2fixturedefs.items() if known is not None else ():
        scope = definitions[-1].scope
        if scope == "session" and name in _STARTS_PROCESSES:
            return f"{name} of {definitions[-1].baseid}"
        if scope == "module":
            made_once = item.location[0]
    return made_once
