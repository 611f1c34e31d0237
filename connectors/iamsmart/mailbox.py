"""Where a result waits that came by callback, until the person's browser comes back for it.

In memory it serves one process; several need one that they share.
"""

import threading
from collections import OrderedDict
from datetime import datetime
from typing import Final, Protocol

_MOST: Final = 10_000


class Mailbox(Protocol):
    """Results under their businessID. Contents are personal data."""

    def put(self, business_id: str, raw: bytes, *, until: datetime) -> bool:
        """Keep `raw`, unless something was put under that name before: then False, and nothing changes."""

    def take(self, business_id: str, *, at: datetime) -> bytes | None:
        """The result, once."""


class MemoryMailbox:
    """Implements `Mailbox`. Oldest ones give way when 10,000 are kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[datetime, bytes | None]] = OrderedDict()

    def put(self, business_id: str, raw: bytes, *, until: datetime) -> bool:
        with self._lock:
            if business_id in self._kept:
                return False
            self._kept[business_id] = (until, raw)
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)
            return True

    def take(self, business_id: str, *, at: datetime) -> bytes | None:
        with self._lock:
            until, raw = self._kept.get(business_id, (at, None))
            if raw is not None:
                self._kept[business_id] = (until, None)  # the name stays: what was taken is not put again
            return raw if until > at else None
