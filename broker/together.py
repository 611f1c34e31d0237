"""Requests that ask the same at the same time are answered by one call, so that they share round trips and a commit.

A request that comes alone is answered at once. While they come in numbers, a call waits a moment for more of them: what
it costs by itself is then shared by many.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Final, Generic, TypeVar

from broker.flows.unavailable import DatabaseBusy

Asked = TypeVar("Asked")
Told = TypeVar("Told")

MOST: Final = 32
"""Requests in one call: enough to share its cost, few enough that none waits long for the others."""

LINGER: Final = 0.004
"""Seconds that a call waits for more, after one that answered several."""

ROOM: Final = 1024
"""Requests that may wait; whoever comes then is told at once to come again."""


class Together(Generic[Asked, Told]):
    """`answer` gets some requests and gives for each, in order, its answer, the exception that is raised where it was
    asked, or a future of its answer, for which nobody else waits.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Asked]], Sequence[Told | Exception | Future[Told]]],
        *,
        name: str,
        most: int = MOST,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._answer = answer
        self._most = most
        self._sleep = sleep
        self._waiting: deque[tuple[Asked, Future[Told]]] = deque()
        self._lock = threading.Lock()
        self._busy = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def ask(self, asked: Asked) -> Told:
        """Raises what `answer` gave or raised, and DatabaseBusy when too many wait. Whoever stops waiting does not take
        the request back.
        """
        return await asyncio.wrap_future(self.enter(asked))

    def close(self) -> None:
        """Answer what was asked, then end."""
        self._thread.shutdown()

    def enter(self, asked: Asked) -> "Future[Told]":
        """The same for whoever has no event loop: asked by the time it returns. Raises DatabaseBusy."""
        future: Future[Told] = Future()
        with self._lock:
            if len(self._waiting) >= ROOM:
                raise DatabaseBusy(f"{ROOM} requests wait already")
            self._waiting.append((asked, future))
            begin, self._busy = not self._busy, True
        if begin:
            self._thread.submit(self._run)
        return future

    def _run(self) -> None:
        while batch := self._take():
            try:
                answers = self._answer([asked for asked, _ in batch])
                if len(answers) != len(batch):
                    raise RuntimeError(f"{len(answers)} answers to {len(batch)} requests")  # noqa: TRY301
            except Exception as error:  # noqa: BLE001  handed to everybody who asked
                answers = [error] * len(batch)
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.set_running_or_notify_cancel():
                    continue
                if isinstance(answer, Future):
                    answer.add_done_callback(partial(_pass_on, future))
                elif isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
            if len(batch) > 1:
                self._sleep(LINGER)

    def _take(self) -> list[tuple[Asked, "Future[Told]"]]:
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most))]
            self._busy = bool(batch)
            return batch


def _pass_on(future: "Future[Told]", done: "Future[Told]") -> None:
    error = done.exception()
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(done.result())
