"""The claims a partner can be told, in the words the person reads (data/claims.toml)."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Self

from broker.core.denial import InvalidInput
from broker.core.identity_release import base_claim
from broker.core.zone import LANGUAGES, in_every_language

_WITH_PLACES = "resident_of:"
_WITH_DAY = "permit_valid:"


@dataclass(frozen=True, slots=True)
class ClaimKind:
    """One claim. `category` is the kind of data (core.governance); `predicate`: only a yes or no leaves."""

    name: str
    category: str
    sensitive: bool
    predicate: bool
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ClaimWords:
    """Every claim by name, and the names of places."""

    version: str
    claims: Mapping[str, ClaimKind]
    places: Mapping[str, Mapping[str, str]]

    @classmethod
    def load(cls, text: str | None = None) -> Self:
        """From TOML text, or from the packaged data. Raises ValueError when a claim lacks a language."""
        source = text or (resources.files("broker.core") / "data" / "claims.toml").read_text(encoding="utf-8")
        data = tomllib.loads(source)
        claims = {
            name: ClaimKind(
                name=name,
                category=str(entry["category"]),
                sensitive=bool(entry.get("sensitive", False)),
                predicate=bool(entry.get("predicate", False)),
                texts=in_every_language({language: entry.get(language, "") for language in LANGUAGES}, f"claim {name}"),
            )
            for name, entry in data["claims"].items()
        }
        places = {code: in_every_language(names, f"place {code}") for code, names in data["places"].items()}
        return cls(str(data["version"]), claims, places)

    def kind(self, claim: str) -> ClaimKind:
        """The kind of a claim, whatever its argument. Raises InvalidInput for a claim that is not known."""
        try:
            return self.claims[base_claim(claim)]
        except KeyError:
            raise InvalidInput("unknown_claim", f"no claim is called {claim[:32]!r}") from None

    def words(self, claim: str, language: str) -> str:
        """What the claim says about a person, its argument spelled out. Raises InvalidInput."""
        if claim in self.claims:
            return self.claims[claim].texts[language]
        base, _, argument = claim.partition(":")
        kind = self.kind(base)
        if claim.startswith(_WITH_PLACES):
            named = _listed([self.place(code, language) for code in argument.split(",")], language)
            return self.claims[_WITH_PLACES].texts[language].format(places=named)
        if claim.startswith(_WITH_DAY):
            return self.claims[_WITH_DAY].texts[language].format(day=argument)
        return kind.texts[language]

    def place(self, code: str, language: str) -> str:
        """The name of a jurisdiction; the code itself where the data has no name for it."""
        return self.places[code][language] if code in self.places else code

    def sensitive(self, claims: Iterable[str]) -> tuple[str, ...]:
        """Those of `claims` that are sensitive personal information, sorted. Raises InvalidInput."""
        return tuple(sorted(claim for claim in claims if self.kind(claim).sensitive))


def _listed(names: list[str], language: str) -> str:
    joined = {"zh-Hant": ("、", "或"), "zh-Hans": ("、", "或"), "en": (", ", " or "), "pt": (", ", " ou ")}[language]
    return joined[1].join([joined[0].join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
