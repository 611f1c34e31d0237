"""The pages' texts: four languages, the same keys, and a word for everything the rulebook can name."""

import re
from pathlib import Path

import pytest

from broker.core.rulebook import Rulebook
from broker.core.zone import LANGUAGES
from broker.web.messages import NAMES, catalogue
from broker.web.pages import _FOR_PEOPLE
from broker.web.problems import REGISTER

ROOT = Path(__file__).parents[3]


def _keys(language: str) -> set[tuple[str, str]]:
    return {(section, key) for section, texts in catalogue(language).items() for key in texts}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same_things(language: str) -> None:
    assert _keys(language) == _keys("en")
    assert all(text.strip() for texts in catalogue(language).values() for text in texts.values())
    assert language in NAMES


@pytest.mark.parametrize("language", LANGUAGES)
def test_places_to_fill_in_are_the_same(language: str) -> None:
    for section, key in _keys("en"):
        places = re.findall(r"\{\w*\}", catalogue("en")[section][key])
        assert re.findall(r"\{\w*\}", catalogue(language)[section][key]) == places


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans"])
def test_chinese_uses_its_own_punctuation(language: str) -> None:
    for texts in catalogue(language).values():
        for text in texts.values():
            assert not re.search(r"[\u4e00-\u9fff][,;:?!(]", text), text


@pytest.mark.parametrize(
    "file",
    [
        "broker/web/messages/zh-Hant.toml",
        "broker/web/messages/zh-Hans.toml",
        "broker/oidc/texts.toml",
        "broker/core/data/purposes.toml",
        "broker/core/governance/data/explanations/zh-Hant.toml",
        "broker/core/governance/data/explanations/zh-Hans.toml",
        "wallet_app/ui/src/messages/zh-Hant.json",
        "wallet_app/ui/src/messages/zh-Hans.json",
    ],
)
def test_chinese_addresses_people_politely(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert "你" not in text
    assert "您" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_a_notice_names_has_a_text(language: str) -> None:
    rulebook = Rulebook.load()
    texts = catalogue(language)
    for purpose in rulebook.purposes.purposes.values():
        assert purpose.categories <= texts["category"].keys()
        assert purpose.retention in texts["retention"]


def test_another_language_is_refused() -> None:
    with pytest.raises(LookupError):
        catalogue("../en")


def test_what_people_read_exists() -> None:
    assert set(_FOR_PEOPLE) <= set(REGISTER)
    assert set(_FOR_PEOPLE.values()) <= catalogue("en")["problem"].keys()
