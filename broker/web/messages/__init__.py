"""The texts of the broker's own pages: for each language one TOML file, and one more for each group of pages, as
`authorization.en.toml`. All languages have the same keys; no section is in two files.
"""

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
    texts: dict[str, Mapping[str, str]] = {}
    for file in sorted(files(__name__).iterdir(), key=lambda file: file.name):
        if file.name == f"{language}.toml" or file.name.endswith(f".{language}.toml"):
            sections = tomllib.loads(file.read_text(encoding="utf-8"))
            if texts.keys() & sections.keys():
                raise ValueError(f"{file.name} says again what another file says")
            texts |= sections
    return texts
