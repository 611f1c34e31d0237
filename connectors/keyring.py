"""Keys by id that may change while the broker runs: an id that is not known has them read again, from wherever they are
(a published key set, files in the settings' folder).
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")


class KeyRing(Generic[K]):
    """`load()` returns every current key by id; its exceptions pass through and leave what was known.

    Unknown ids, which anybody can send, read at most `times` in `interval` seconds; the reading is done by one thread.
    """

    def __init__(
        self,
        load: Callable[[], Mapping[str, K]],
        *,
        times: int = 4,
        interval: float = 20.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._interval = interval
        self._reads: deque[float] = deque(maxlen=times)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._keys: Mapping[str, K] = {}

    def get(self, kid: str) -> K | None:
        """The key of that id, or None when it is not there even after reading again."""
        found = self._keys.get(kid)
        if found is not None:
            return found
        with self._lock:
            found = self._keys.get(kid)
            if found is None and self._may_read():
                self._read()
                found = self._keys.get(kid)
        return found

    def reload(self) -> Mapping[str, K]:
        """Read again at once, as after a refusal that says our idea of the keys is old; every key, by id."""
        with self._lock:
            self._read()
            return self._keys

    def all(self) -> Mapping[str, K]:
        """Every key known; read if none ever was."""
        with self._lock:
            if not self._reads:
                self._read()
            return self._keys

    def _may_read(self) -> bool:
        full = len(self._reads) == self._reads.maxlen
        return not full or self._monotonic() >= self._reads[0] + self._interval

    def _read(self) -> None:
        self._keys = dict(self._load())
        # Only after success: a failed reading is tried again by the next who asks.
        self._reads.append(self._monotonic())
