"""The packaged rules, read once in a run: they are values, and reading them takes longer than most tests."""

from functools import cache

from broker.core.rulebook import Rulebook


@cache
def packaged() -> Rulebook:
    return Rulebook.load()
