"""What must happen without anybody asking: lists signed before they age, keys destroyed when their time has come.

One process of the broker runs it beside the journal's sequencer. Every task is safe to repeat and to run twice at once.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from broker.core.counting import CountingTerms
from broker.core.retention import RetentionRules
from broker.core.sampling import Rates
from broker.flows.commit_sampling import commit_sampling
from broker.flows.end_counting import end_counting, keep_ledger
from broker.flows.epoch_secrets import retire_epoch_secrets
from broker.flows.erase import destroy_erased_keys
from broker.flows.forget_lists import forget_lists
from broker.flows.lapse_consents import BATCH, lapse_consents
from broker.flows.ports import BeginWork, KeyStore
from broker.flows.publish_status_list import current_status_list
from broker.flows.publish_trust_list import publish_trust_list
from broker.flows.read_releases import read_releases
from broker.flows.run_retention import run_retention
from broker.flows.unavailable import DatabaseUnavailable
from broker.wire.keys import Entropy, Signer
from broker.wire.trust_list import TrustedKey

Clock = Callable[[], datetime]

ANSWER_LIFETIME = timedelta(hours=1)
"""How long an answer to a consent page outlives the request that waited for it."""

_log = logging.getLogger("tongguan.housekeeping")


@dataclass(frozen=True, slots=True)
class Task:
    """`run` is called every `seconds`; what it raises is logged and does not stop the others."""

    name: str
    seconds: float
    run: Callable[[], object]


def tasks(
    begin: BeginWork,
    *,
    keys: KeyStore,
    root: Signer,
    status_signer: Signer,
    receipt_signer: Signer,
    issuer: str,
    trusted: Callable[[], Sequence[TrustedKey]],
    sweep_logins: Callable[[datetime], int],
    clock: Clock,
    entropy: Entropy,
) -> tuple[Task, ...]:
    """All of them, the trust list first: no gate can be enrolled without one."""

    def trust_list() -> None:
        with begin() as work:
            publish_trust_list(work, root=root, keys=trusted(), at=clock().replace(microsecond=0))

    def status_lists() -> None:
        at = clock().replace(microsecond=0)
        with begin() as work:
            numbers = work.status.in_use(at)
        for number in numbers:
            with begin() as work:
                current_status_list(work, signer=status_signer, list_no=number, at=at)

    def epochs() -> None:
        with begin() as work:
            retire_epoch_secrets(work, keys=keys, at=clock(), entropy=entropy)

    def consents() -> None:
        settled = BATCH
        while settled == BATCH:
            with begin() as work:
                settled = lapse_consents(work, keys=keys, at=clock(), entropy=entropy)
        with begin() as work:
            work.answers.drop_before(clock() - ANSWER_LIFETIME)

    terms = RetentionRules.load()

    def retention() -> None:
        at = clock()
        run_retention(
            begin,
            rules=terms,
            categories=terms.due(at),
            signer=receipt_signer,
            issuer=issuer,
            at=at,
            entropy=entropy,
        )

    def partners() -> None:
        with begin() as work:
            work.approvals.sweep(clock())

    def identities() -> None:
        with begin() as work:
            work.identities.sweep(clock())

    rates = Rates.load()

    def samples() -> None:
        with begin() as work:
            commit_sampling(work, keys=keys, rates=rates, at=clock(), entropy=entropy)
        read_releases(begin, keys=keys, rates=rates, at=clock(), entropy=entropy)

    counting = CountingTerms.load()

    return (
        Task("trust list", 600, trust_list),
        Task("status lists", 60, status_lists),
        Task("erased keys", 300, lambda: destroy_erased_keys(begin, keys=keys, at=clock())),
        Task("epoch secrets", 300, epochs),
        Task("lapsed consents", 900, consents),
        # Before what sweeps without a receipt.
        Task("retention", 60, retention),
        Task("partners' requests", 60, partners),
        Task("held identities", 3600, identities),
        Task("releases and samples", 10, samples),
        Task("transfer ledger", 60, lambda: keep_ledger(begin, at=clock())),
        Task(
            "counting keys",
            3600,
            lambda: end_counting(begin, keys=keys, terms=counting, at=clock(), entropy=entropy),
        ),
        Task("lists", 3600, lambda: forget_lists(begin, keys=keys, at=clock(), entropy=entropy)),
        Task("logins", 600, lambda: sweep_logins(clock())),
    )


class Housekeeper:
    """A thread that runs each task at its interval until stopped."""

    def __init__(self, to_do: Sequence[Task]) -> None:
        self._tasks = to_do
        self._stopping = threading.Event()
        self._failing: set[str] = set()
        self._due = {task.name: monotonic() for task in to_do}
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Run every task once now, in this thread, then again and again in the background."""
        for task in self._tasks:
            self._attempt(task)
        self._due = {task.name: monotonic() + task.seconds for task in self._tasks}
        self._thread.start()

    def start_behind(self) -> None:
        """The same, the first time in the background too: for what waits for others' hosts."""
        self._thread.start()

    def stop(self) -> None:
        """Return when the task under way has ended."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        due = self._due
        while not self._stopping.wait(max(0.0, min(due.values()) - monotonic())):
            for task in self._tasks:
                if due[task.name] <= monotonic() and not self._stopping.is_set():
                    self._attempt(task)
                    due[task.name] = monotonic() + task.seconds

    def _attempt(self, task: Task) -> None:
        try:
            task.run()
        except Exception as error:  # noqa: BLE001  one failing task must not keep the others from their work
            if task.name not in self._failing:
                why = str(error) if isinstance(error, DatabaseUnavailable) else type(error).__name__
                _log.error("%s: failed (%s); tried again every %.0f s", task.name, why, task.seconds)
            self._failing.add(task.name)
        else:
            if task.name in self._failing:
                _log.info("%s: works again", task.name)
            self._failing.discard(task.name)
