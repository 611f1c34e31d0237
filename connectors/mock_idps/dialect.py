"""What makes one mock provider differ from another: languages, scopes, claim names, keys and client authentication."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from connectors.mock_idps.people import Person

Claims = dict[str, Any]


@dataclass(frozen=True)
class Scope:
    """Something a person may share: its name on the wire, and what it means in each of the provider's languages."""

    name: str
    meaning: Mapping[str, str]


@dataclass(frozen=True)
class Dialect:
    """One provider. `userinfo(person, scopes)` are the claims of the signed packet, `sub` and the JWT's own apart."""

    provider: str
    title: Mapping[str, str]
    accent: str
    language_parameter: str
    languages: Mapping[str, str]  # what the parameter may say -> language of the pages
    algorithm: Literal["ES256", "RS256"]
    authentication: Literal["client_secret_basic", "client_secret_post"]
    acr: str
    scopes: tuple[Scope, ...]
    userinfo: Callable[[Person, frozenset[str]], Claims]
    photo_scope: str | None = None  # the scope of a separate photo endpoint, where there is one

    def language(self, asked: str | None) -> str:
        """The page's language for what the client asked."""
        return self.languages.get(asked or "", next(iter(self.languages.values())))


def _macau(person: Person, scopes: frozenset[str]) -> Claims:
    claims: Claims = {}
    if "identidade" in scopes:
        claims |= person.record
    if "fotografia" in scopes and person.portrait is not None:
        claims["fotografia"] = b64encode(person.portrait).decode()
    return claims


DIALECTS: Final[Mapping[str, Dialect]] = {
    dialect.provider: dialect
    for dialect in (
        Dialect(
            provider="macau",
            title={"zh-Hant": "一戶通", "pt": "Conta Única", "en": "Macau One Account"},
            accent="#00614a",
            language_parameter="ui_locales",
            languages={"zh-MO": "zh-Hant", "zh-CN": "zh-Hant", "pt": "pt", "en": "en"},
            algorithm="ES256",
            authentication="client_secret_basic",
            acr="urn:mo:conta-unica:rosto",
            scopes=(
                Scope(
                    "identidade",
                    {
                        "zh-Hant": "姓名、居民身份證編號、出生日期",
                        "pt": "Nome, número do BIR, data de nascimento",
                        "en": "Name, resident identity card number, date of birth",
                    },
                ),
                Scope(
                    "fotografia",
                    {"zh-Hant": "居民身份證相片", "pt": "Fotografia do BIR", "en": "Photograph of the identity card"},
                ),
            ),
            userinfo=_macau,
        ),
    )
}
