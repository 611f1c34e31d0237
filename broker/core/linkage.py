"""How easily a release joins with other data about the person: the `linkage` fact, from data (data/linkage.toml)."""

import tomllib
from collections.abc import Collection
from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict

from broker.core.governance.overlay import linkage
from broker.core.governance.policy import Law

# Not data about a person that could be joined with anything: a recipient has them of everybody it knows.
_ANSWERS = frozenset({"pairwise_pseudonym", "predicate", "verification_result"})


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    quasi_identifiers: frozenset[str]
    stable_identifiers: frozenset[str]


def linkage_of(categories: Collection[str], law: Law, *, beside: Collection[str], met: bool) -> int:
    """0 to 25. `beside`: what the recipient receives about people under its other purposes; `met`: whether it was given
    this person's data before. Data complement a release only where both are so.
    """
    data = _data()
    released = frozenset(categories)
    others = frozenset(beside) - released - _ANSWERS
    return linkage(
        len(released & data.quasi_identifiers),
        complementary_data=met and any(category.personal for category in law.categories_of(sorted(others))),
        stable_identifier=not released.isdisjoint(data.stable_identifiers),
    )


@cache
def _data() -> _Data:
    text = (resources.files("broker.core") / "data" / "linkage.toml").read_text(encoding="utf-8")
    return _Data.model_validate(tomllib.loads(text))
