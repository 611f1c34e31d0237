"""The thread that delivers notices to partners, beside housekeeping and the journal's sequencer."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from broker.core.rulebook import Rulebook
from broker.flows.deliver_events import Batch, EventSender, deliver_batch, take_batches
from broker.flows.ports import BeginWork, KeyStore
from broker.flows.unavailable import DatabaseUnavailable
from broker.wire.keys import Entropy, Signer

_log = logging.getLogger("tongguan.delivery")

_PARTNERS = 4
"""How many partners are served side by side."""


class Delivery:
    """Delivers what is due, then looks again after `interval` seconds, until stopped."""

    def __init__(
        self,
        begin: BeginWork,
        *,
        keys: KeyStore,
        rulebook: Rulebook,
        sender: EventSender,
        signer: Signer,
        issuer: str,
        clock: Callable[[], datetime],
        entropy: Entropy,
        interval: float = 1.0,
    ) -> None:
        self._begin = begin
        self._keys, self._rulebook = keys, rulebook
        self._sender = sender
        self._signer = signer
        self._issuer = issuer
        self._clock = clock
        self._entropy = entropy
        self._interval = interval
        self._stopping = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)

    def round(self) -> int:
        """Deliver what is due now; returns how many notices were accepted."""
        batches = take_batches(self._begin, at=self._clock(), partners=_PARTNERS)
        if not batches:
            return 0
        with ThreadPoolExecutor(_PARTNERS, thread_name_prefix="delivery") as pool:
            return sum(pool.map(self._deliver, batches))

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Return when the round under way has ended."""
        self._stopping.set()
        self._thread.join()

    def _deliver(self, batch: Batch) -> int:
        return deliver_batch(
            self._begin,
            batch,
            keys=self._keys,
            rulebook=self._rulebook,
            sender=self._sender,
            signer=self._signer,
            issuer=self._issuer,
            clock=self._clock,
            entropy=self._entropy,
        )

    def _run(self) -> None:
        while not self._stopping.wait(self._interval):
            try:
                while self.round() and not self._stopping.is_set():
                    pass
            except Exception as error:  # noqa: BLE001  the notices stay in the outbox; the next round tries again
                if not self._failing:
                    why = str(error) if isinstance(error, DatabaseUnavailable) else type(error).__name__
                    _log.error("delivery of notices failed (%s); tried again every %.0f s", why, self._interval)
                self._failing = True
            else:
                self._failing = False
