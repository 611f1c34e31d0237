"""Milliseconds by stage, in the order the stages first ran."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter


class Stopwatch:
    """A stage that runs twice (a retake) adds up."""

    def __init__(self) -> None:
        self._began = perf_counter()
        self.spent: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = perf_counter()
        try:
            yield
        finally:
            self.add(name, (perf_counter() - began) * 1000)

    def add(self, name: str, milliseconds: float) -> None:
        self.spent[name] = self.spent.get(name, 0.0) + milliseconds

    def elapsed(self) -> float:
        """Milliseconds since this stopwatch was made."""
        return (perf_counter() - self._began) * 1000
