"""What is given out under a duty of the broker's own: data with a version (data/duties.toml)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Final, Self

from broker.core.transfer import PurposeTerms

NOTICE_OF_ENDING: Final = "notice-of-ending"


@dataclass(frozen=True, slots=True)
class Duties:
    """The law of each duty, by its id."""

    version: str
    terms: Mapping[str, PurposeTerms]

    @classmethod
    def load(cls, text: str | None = None) -> Self:
        """From TOML text, or from the packaged data. Raises ValueError when a duty is incomplete or missing."""
        source = text or (resources.files("broker.core") / "data" / "duties.toml").read_text(encoding="utf-8")
        data = tomllib.loads(source)
        terms = {str(entry["id"]): PurposeTerms.of(entry) for entry in data["duties"]}
        if terms.keys() != {NOTICE_OF_ENDING}:
            raise ValueError(f"duties.toml states the law of {NOTICE_OF_ENDING}, and of nothing else")
        return cls(str(data["version"]), terms)
