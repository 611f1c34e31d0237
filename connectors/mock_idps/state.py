"""What a mock provider remembers while it runs. Everything is used once and expires, as at a real one."""

import secrets
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class OneTime(Generic[T]):
    """Values under random names, for a while."""

    def __init__(self, seconds: int, now: Callable[[], float]) -> None:
        self._seconds = seconds
        self._now = now
        self._values: dict[str, tuple[float, T]] = {}
        self._lock = threading.Lock()

    def put(self, value: T) -> str:
        name = secrets.token_urlsafe(32)
        with self._lock:
            expired = [known for known, (end, _) in self._values.items() if end <= self._now()]
            for known in expired:
                del self._values[known]
            self._values[name] = (self._now() + self._seconds, value)
        return name

    def get(self, name: str) -> T | None:
        """The value, kept."""
        with self._lock:
            return self._live(self._values.get(name))

    def take(self, name: str) -> T | None:
        """The value, once."""
        with self._lock:
            return self._live(self._values.pop(name, None))

    def items(self) -> list[tuple[str, T]]:
        """What lives, oldest first."""
        with self._lock:
            return [(name, value) for name, (end, value) in self._values.items() if end > self._now()]

    def _live(self, found: tuple[float, T] | None) -> T | None:
        return found[1] if found is not None and found[0] > self._now() else None
