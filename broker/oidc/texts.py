"""The words and templates of the authorization server's pages."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import jinja2

LANGUAGE_NAMES: Final = {"zh-Hant": "繁體中文", "zh-Hans": "简体中文", "en": "English", "pt": "Português"}

_ENVIRONMENT: Final = jinja2.Environment(
    loader=jinja2.PackageLoader("broker.oidc", "templates"), autoescape=True, undefined=jinja2.StrictUndefined
)


@cache
def texts() -> Mapping[str, Mapping[str, str]]:
    """Every text by key, then language."""
    loaded: Mapping[str, Mapping[str, str]] = tomllib.loads(
        files("broker.oidc").joinpath("texts.toml").read_text(encoding="utf-8")
    )
    return loaded


def render_text(template: str, language: str, **context: Any) -> str:
    """The page's HTML."""

    def text(key: str, **values: str) -> str:
        return texts()[key][language].format(**values)

    return _ENVIRONMENT.get_template(template).render(
        t=text, language=language, language_names=LANGUAGE_NAMES, **context
    )
