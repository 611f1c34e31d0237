"""Every purpose and duty declares legal basis, exporter kind, basis, line of work and storage: nothing is assumed."""

import re
from collections.abc import Callable
from importlib import resources

import pytest

from broker.core.duty import Duties
from broker.core.partner_purpose import PartnerPurposes
from broker.core.purpose import Purposes

FILES: dict[str, Callable[[str], object]] = {
    "purposes.toml": Purposes.load,
    "partner_purposes.toml": PartnerPurposes.load,
    "duties.toml": Duties.load,
}
STATED = ("legal_basis", "exporter_kind", "basis", "industry", "storage")


def packaged(name: str) -> str:
    return (resources.files("broker.core") / "data" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FILES)
def test_the_packaged_data_states_it(name: str) -> None:
    text = packaged(name)
    assert FILES[name](text)
    entries = text.count("[[duties]]") + text.count("[[purposes]]")
    assert {stated: len(re.findall(rf"^{stated} = ", text, re.MULTILINE)) for stated in STATED} == dict.fromkeys(
        STATED, entries
    )


@pytest.mark.parametrize("stated", STATED)
@pytest.mark.parametrize("name", FILES)
def test_one_that_leaves_it_out_stops_the_process(name: str, stated: str) -> None:
    text, taken = re.subn(rf"^{stated} = .*\n", "", packaged(name), count=1, flags=re.MULTILINE)
    assert taken == 1
    with pytest.raises(ValueError, match=r"state"):
        FILES[name](text)


@pytest.mark.parametrize(("stated", "wrong"), [("exporter_kind", "club"), ("basis", "habit"), ("legal_basis", " ")])
@pytest.mark.parametrize("name", FILES)
def test_one_that_states_something_else_stops_it_too(name: str, stated: str, wrong: str) -> None:
    text = re.sub(rf"^{stated} = .*$", f'{stated} = "{wrong}"', packaged(name), count=1, flags=re.MULTILINE)
    with pytest.raises(ValueError, match=r"state"):
        FILES[name](text)
