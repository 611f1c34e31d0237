"""Requests that ask the same at the same time are answered by one call, so that they share round trips and a commit.

A request that comes alone is answered at once. While they come in numbers, a call waits a moment for more of them: what
it costs by itself is then shared by many.
"""

import asyncio
import threading
import time
from asyncio import AbstractEventLoop
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar

from broker.flows.unavailable import DatabaseBusy

Asked = TypeVar("Asked")
Told = TypeVar("Told")

MOST: Final = 32
"""Requests in one call: enough to share its cost, few enough that none waits long for the others."""

LINGER: Final = 0.004
PATIENCE: Final = 3
"""After a call that answered several, the next waits that many times so many seconds at most, until half as many as
before have come. Those whom one call answers come again together, once they have read their answers.
"""

ROOM: Final = 1024
"""Requests that may wait; whoever comes then is told at once to come again."""


@dataclass(frozen=True, slots=True)
class _Place(Generic[Asked, Told]):
    """Somebody who waits: in the event loop `loop`, or in a thread that has none."""

    asked: Asked
    future: "Future[Told] | asyncio.Future[Told]"
    loop: AbstractEventLoop | None


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
        self._waiting: deque[_Place[Asked, Told]] = deque()
        self._lock = threading.Lock()
        self._busy = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def ask(self, asked: Asked) -> Told:
        """Raises what `answer` gave or raised, and DatabaseBusy when too many wait. Whoever stops waiting does not take
        the request back.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Told] = loop.create_future()
        self._join(_Place(asked, future, loop))
        return await future

    def close(self) -> None:
        """Answer what was asked, then end."""
        self._thread.shutdown()

    def enter(self, asked: Asked) -> "Future[Told]":
        """The same for whoever has no event loop: asked by the time it returns. Raises DatabaseBusy."""
        future: Future[Told] = Future()
        self._join(_Place(asked, future, None))
        return future

    def _join(self, place: "_Place[Asked, Told]") -> None:
        with self._lock:
            if len(self._waiting) >= ROOM:
                raise DatabaseBusy(f"{ROOM} requests wait already")
            self._waiting.append(place)
            begin, self._busy = not self._busy, True
        if begin:
            self._thread.submit(self._run)

    def _run(self) -> None:
        while batch := self._take():
            try:
                answers = self._answer([place.asked for place in batch])
                if len(answers) != len(batch):
                    raise RuntimeError(f"{len(answers)} answers to {len(batch)} requests")  # noqa: TRY301
            except Exception as error:  # noqa: BLE001  handed to everybody who asked
                answers = [error] * len(batch)
            self._tell(zip(batch, answers, strict=True))
            if len(batch) > 1:
                self._gather(len(batch) // 2)

    def _gather(self, enough: int) -> None:
        for _ in range(PATIENCE):
            self._sleep(LINGER)
            if len(self._waiting) >= enough:
                return

    def _tell(self, told: "Iterable[tuple[_Place[Asked, Told], Told | Exception | Future[Told]]]") -> None:
        """Everybody in one event loop by one wake-up of it: each costs a system call and a turn of the interpreter."""
        loops: defaultdict[AbstractEventLoop, list[tuple[asyncio.Future[Told], Told | Exception]]] = defaultdict(list)
        for place, answer in told:
            if isinstance(answer, Future):
                answer.add_done_callback(partial(self._tell_later, place))
            elif isinstance(place.future, asyncio.Future) and place.loop is not None:
                loops[place.loop].append((place.future, answer))
            elif isinstance(place.future, Future) and place.future.set_running_or_notify_cancel():
                _settle(place.future, answer)
        for loop, several in loops.items():
            with suppress(RuntimeError):  # the loop has closed, and nobody waits in it
                loop.call_soon_threadsafe(_settle_all, several)

    def _tell_later(self, place: "_Place[Asked, Told]", done: "Future[Told]") -> None:
        error = done.exception()
        if error is not None and not isinstance(error, Exception):
            error = RuntimeError(f"the answer broke off: {type(error).__name__}")
        self._tell([(place, done.result() if error is None else error)])

    def _take(self) -> "list[_Place[Asked, Told]]":
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most))]
            self._busy = bool(batch)
            return batch


def _settle_all(told: "Sequence[tuple[asyncio.Future[Told], Told | Exception]]") -> None:
    for future, answer in told:
        if not future.done():  # whoever waited may have left
            _settle(future, answer)


def _settle(future: "Future[Told] | asyncio.Future[Told]", answer: "Told | Exception") -> None:
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
