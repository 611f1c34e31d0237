"""Texts and languages of the authorization server's pages."""

import re
from pathlib import Path

import pytest

import broker.oidc
from broker.oidc.language import choose_language
from broker.oidc.server import LANGUAGES
from broker.oidc.texts import texts
from broker.wire.identity_connector import ProviderFault


def test_every_text_has_four_languages_with_the_same_placeholders() -> None:
    for key, by_language in texts().items():
        assert set(by_language) == set(LANGUAGES), key
        assert len({tuple(sorted(re.findall(r"{\w+}", text))) for text in by_language.values()}) == 1, key


def test_every_failure_has_a_text() -> None:
    keys = {f"provider_{fault}" for fault in ProviderFault}
    source = "".join(path.read_text() for path in Path(broker.oidc.__path__[0]).rglob("*.py"))
    keys |= set(re.findall(r'PageError\(\s*"(\w+)"', source))
    assert keys <= set(texts())
    assert len(keys) > 10


@pytest.mark.parametrize(
    ("explicit", "accept", "expected"),
    [
        ("pt", "en", "pt"),
        ("xx", "en", "en"),
        (None, "zh-HK,zh;q=0.9,en;q=0.8", "zh-Hant"),
        (None, "zh-Hant-MO", "zh-Hant"),
        (None, "zh-CN", "zh-Hans"),
        (None, "zh", "zh-Hans"),
        (None, "pt-PT;q=0.5, en;q=0.4", "pt"),
        (None, "de, fr", "zh-Hant"),
        (None, "en;q=0, pt;q=x, zh-CN;q=0.1", "zh-Hans"),
        (None, None, "zh-Hant"),
        (None, ";;;,,q=", "zh-Hant"),
    ],
)
def test_choose_language(explicit: str | None, accept: str | None, expected: str) -> None:
    assert choose_language(explicit, accept, "zh-Hant") == expected
