"""Every purpose and duty declares legal basis, exporter kind, basis, line of work and storage: nothing is assumed."""

import re
from collections.abc import Callable
from importlib import resources

import pytest

from broker.core.duty import Duties
from broker.core.partner_purpose import PartnerPurposes
from broker.core.purpose import Purposes
from broker.core.zone import LANGUAGES

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


@pytest.mark.parametrize("language", LANGUAGES)
def test_people_read_the_law_in_their_language_with_every_article(language: str) -> None:
    for purpose in (*Purposes.load().purposes.values(), *PartnerPurposes.load().purposes.values()):
        said = purpose.texts["law"][language]
        assert set(re.findall(r"[0-9]+", purpose.legal_basis)) <= set(re.findall(r"[0-9]+", said)), purpose.purpose_id
        assert all(name in said for name in ("PIPL", "PDPO", "AMLO") if name in purpose.legal_basis)
        assert len({purpose.texts["law"][other] for other in LANGUAGES}) == len(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["purposes.toml", "partner_purposes.toml"])
def test_law_without_words_in_a_language_stops_the_process(name: str, language: str) -> None:
    text, taken = re.subn(rf"(\[purposes\.law\]\n(?:.*\n)*?){language} = .*\n", r"\1", packaged(name), count=1)
    assert taken == 1
    with pytest.raises(ValueError, match=rf"law has no text in {language}"):
        FILES[name](text)
