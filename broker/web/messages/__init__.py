"""The texts of the broker's own pages, one TOML file per language, all with the same keys."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from broker.core.zone import LANGUAGES

Catalogue = Mapping[str, Mapping[str, str]]

NAMES: Mapping[str, str] = {"zh-Hant": "繁體中文", "zh-Hans": "简体中文", "en": "English", "pt": "Português"}


@cache
def catalogue(language: str) -> Catalogue:
    """All texts in one of the four languages, by section and key. Raises LookupError for another language."""
    if language not in LANGUAGES:
        raise LookupError(f"there are no texts in {language[:16]!r}")
    return tomllib.loads(files(__name__).joinpath(f"{language}.toml").read_text(encoding="utf-8"))
