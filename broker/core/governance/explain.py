"""A decision in plain words, in each of the four languages (data/explanations). Every code has a sentence in each."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from types import MappingProxyType
from typing import Self

from broker.core.governance.codes import Band, Duty, Flag, Gate, Mechanism, Subtype, Why
from broker.core.governance.decision import Decision
from broker.core.zone import LANGUAGES

_CODES: Mapping[str, type[StrEnum]] = {
    "decision": Mechanism,
    "gate": Gate,
    "subtype": Subtype,
    "band": Band,
    "reason": Why,
    "flag": Flag,
    "obligation": Duty,
}
# The mechanisms that can be named as another way, and the lines that belong to no code.
_OTHER: Mapping[str, frozenset[str]] = {
    "alternative": frozenset({"gba_sc"}),
    "line": frozenset({"rights", "near_nonsensitive", "near_sensitive", "score", "due", "grounds"}),
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """`headline` says whether the release may go; `lines` say why, what is to be done, and on which articles."""

    language: str
    headline: str
    lines: tuple[str, ...]
    citations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Sentences by language, section and code."""

    texts: Mapping[str, Mapping[str, Mapping[str, str]]]

    @classmethod
    def load(cls) -> Self:
        """The packaged catalogue. Raises ValueError when a language lacks a code or names one that does not exist."""
        folder = resources.files("broker.core.governance") / "data" / "explanations"
        texts = {}
        for language in LANGUAGES:
            data = tomllib.loads((folder / f"{language}.toml").read_text(encoding="utf-8"))
            texts[language] = _complete(language, data)
        return cls(MappingProxyType(texts))

    def explain(self, decision: Decision, language: str) -> Explanation:
        """`decision` in `language`. Raises ValueError for a language that has no catalogue."""
        if language not in self.texts:
            raise ValueError(f"explanations exist in {', '.join(LANGUAGES)}")
        text = self.texts[language]
        lines = [
            text["decision"][decision.decision],
            *([] if decision.subtype is None else [text["subtype"][decision.subtype]]),
            *(text["reason"][reason] for reason in decision.reasons),
            # A flag that repeats a reason would say the same twice.
            *(text["flag"][flag] for flag in decision.flags if flag.value not in decision.reasons),
            *_counts(decision, text["line"]),
            *(text["obligation"][duty] for duty in decision.obligations),
            *(text["line"]["due"].format(due=day) for name, day in decision.dates if name == "due"),
            *(text["alternative"][mechanism] for mechanism in decision.alternatives),
            text["band"][decision.band],
            text["line"]["score"].format(score=decision.score),
            text["line"]["grounds"].format(citations=" · ".join(decision.citations)),
            # PIPL 24: whoever is refused, or kept waiting, by an automated decision can have a person look at it.
            *([] if decision.gate.permits else [text["line"]["rights"]]),
        ]
        return Explanation(language, text["gate"][decision.gate], tuple(lines), decision.citations)


def _counts(decision: Decision, words: Mapping[str, str]) -> list[str]:
    """How near the year's counts come to a threshold, from the first warning mark on."""
    counters = decision.counters
    if counters is None:
        return []
    counts = {"nonsensitive": counters.nonsensitive, "sensitive": counters.sensitive}
    return [
        words[f"near_{near.counted_class}"].format(
            year=counters.year,
            count=counts[near.counted_class],
            percent=near.percent,
            threshold=near.threshold,
        )
        for near in counters.warnings
    ]


def _complete(language: str, data: Mapping[str, Mapping[str, str]]) -> Mapping[str, Mapping[str, str]]:
    wanted = {section: frozenset(member.value for member in codes) for section, codes in _CODES.items()}
    for section, codes in {**wanted, **_OTHER}.items():
        given = {code for code, text in data.get(section, {}).items() if text}
        if given != codes:
            raise ValueError(f"{language}: [{section}] differs in {', '.join(sorted(given ^ codes))}")
    return data
