"""Requests that ask the same at the same time are answered by one call, so that they share round trips and a commit.

Nothing waits for company: a call begins as soon as the one before it is done, with whatever has gathered meanwhile.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, Generic, TypeVar

Asked = TypeVar("Asked")
Told = TypeVar("Told")

MOST: Final = 32
"""Requests in one call: enough to share its cost, few enough that none waits long for the others."""


def _nobody(_: Any) -> Hashable:
    return None


class Together(Generic[Asked, Told]):
    """`answer` gets some requests and gives for each, in order, its answer or the exception that is raised where it was
    asked. Of requests with one `key` (other than None) a call holds at most one; the others keep their place.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Asked]], Sequence[Told | Exception]],
        *,
        name: str,
        key: Callable[[Asked], Hashable] = _nobody,
        most: int = MOST,
    ) -> None:
        self._answer = answer
        self._key = key
        self._most = most
        self._waiting: deque[tuple[Asked, Future[Told]]] = deque()
        self._lock = threading.Lock()
        self._busy = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def ask(self, asked: Asked) -> Told:
        """Raises what `answer` gave or raised. Whoever stops waiting does not take the request back."""
        return await asyncio.wrap_future(self._enter(asked))

    def close(self) -> None:
        """Answer what was asked, then end."""
        self._thread.shutdown()

    def _enter(self, asked: Asked) -> "Future[Told]":
        future: Future[Told] = Future()
        with self._lock:
            self._waiting.append((asked, future))
            begin, self._busy = not self._busy, True
        if begin:
            self._thread.submit(self._run)
        return future

    def _run(self) -> None:
        while batch := self._take():
            try:
                answers = self._answer([asked for asked, _ in batch])
            except Exception as error:  # noqa: BLE001  handed to everybody who asked
                answers = [error] * len(batch)
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.set_running_or_notify_cancel():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    def _take(self) -> list[tuple[Asked, "Future[Told]"]]:
        with self._lock:
            batch: list[tuple[Asked, Future[Told]]] = []
            held: set[Hashable] = {None}
            later: list[tuple[Asked, Future[Told]]] = []
            while self._waiting and len(batch) < self._most:
                one = self._waiting.popleft()
                key = self._key(one[0])
                if key is not None and key in held:
                    later.append(one)
                else:
                    held.add(key)
                    batch.append(one)
            self._waiting.extendleft(reversed(later))
            self._busy = bool(batch)
            return batch
