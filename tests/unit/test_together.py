"""Requests of one moment share a call, and nobody's answer goes to somebody else."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future

import pytest

from broker.flows.unavailable import DatabaseBusy
from broker.together import LINGER, MOST, ROOM, Together


class Desk:
    """Answers with the double; the first call waits until it is told to go on."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.go_on = threading.Event()
        self.slept: list[float] = []

    def answer(self, asked: Sequence[int]) -> list[int | Exception]:
        self.calls.append(list(asked))
        if len(self.calls) == 1:
            assert self.go_on.wait(60)
        return [ValueError("odd") if one % 2 else one * 2 for one in asked]

    def together(self) -> "Together[int, int]":
        return Together(self.answer, name="desk", sleep=self.slept.append)


async def ask_all(desk: Desk, together: "Together[int, int]", number: int) -> list[int | BaseException]:
    first = asyncio.ensure_future(together.ask(0))
    while not desk.calls:
        await asyncio.sleep(0)
    others = [asyncio.ensure_future(together.ask(one)) for one in range(1, number)]
    await asyncio.sleep(0)  # they have asked
    desk.go_on.set()
    return await asyncio.gather(first, *others, return_exceptions=True)


def test_what_gathers_during_a_call_shares_the_next_and_each_gets_its_own_answer() -> None:
    desk = Desk()
    together = desk.together()
    answers = asyncio.run(ask_all(desk, together, 7))
    together.close()
    assert desk.calls == [[0], [1, 2, 3, 4, 5, 6]]
    assert [answer for answer in answers if isinstance(answer, int)] == [0, 4, 8, 12]
    assert sum(isinstance(answer, ValueError) for answer in answers) == 3


def test_a_call_holds_no_more_than_it_may_and_lingers_only_after_company() -> None:
    desk = Desk()
    together = desk.together()
    asyncio.run(ask_all(desk, together, MOST + 4))
    together.close()
    assert [len(call) for call in desk.calls] == [1, MOST, 3]
    assert desk.slept == [LINGER, LINGER]


def test_a_call_that_fails_fails_everybody_in_it_and_nobody_after() -> None:
    calls: list[int] = []

    def answer(asked: Sequence[int]) -> list[int]:
        calls.append(len(asked))
        if len(calls) == 1:
            raise OSError("gone")
        return list(asked)

    together: Together[int, int] = Together(answer, name="desk", sleep=lambda _: None)
    with pytest.raises(OSError, match="gone"):
        asyncio.run(together.ask(1))
    assert asyncio.run(together.ask(2)) == 2
    together.close()


def test_whoever_stops_waiting_takes_no_answer_from_the_others() -> None:
    desk = Desk()
    together = desk.together()

    async def leave() -> int:
        first = asyncio.ensure_future(together.ask(0))
        while not desk.calls:
            await asyncio.sleep(0)
        gone, stays = asyncio.ensure_future(together.ask(2)), asyncio.ensure_future(together.ask(4))
        await asyncio.sleep(0)
        gone.cancel()
        desk.go_on.set()
        await first
        return await stays

    assert asyncio.run(leave()) == 8
    together.close()


def test_an_answer_that_comes_later_holds_nobody_up() -> None:
    late: Future[int] = Future()
    calls: list[list[int]] = []

    def answer(asked: Sequence[int]) -> list[int | Future[int]]:
        calls.append(list(asked))
        return [late if one == 1 else one for one in asked]

    async def ask() -> tuple[int, int]:
        together: Together[int, int] = Together(answer, name="desk", sleep=lambda _: None)
        waits = asyncio.ensure_future(together.ask(1))
        second = await together.ask(2)
        late.set_result(10)
        first = await waits
        together.close()
        return first, second

    assert asyncio.run(ask()) == (10, 2)


def test_when_too_many_wait_the_next_is_told_at_once() -> None:
    desk = Desk()
    together = desk.together()

    async def crowd() -> None:
        first = asyncio.ensure_future(together.ask(0))
        while not desk.calls:
            await asyncio.sleep(0)
        waiting = [asyncio.ensure_future(together.ask(2)) for _ in range(ROOM)]
        await asyncio.sleep(0)
        with pytest.raises(DatabaseBusy):
            await together.ask(2)
        desk.go_on.set()
        await asyncio.gather(first, *waiting)

    asyncio.run(crowd())
    together.close()


def test_an_answer_too_few_fails_the_call_and_not_the_next() -> None:
    together: Together[int, int] = Together(lambda asked: [] if asked[0] == 1 else asked, name="desk")
    with pytest.raises(RuntimeError, match="0 answers"):
        asyncio.run(together.ask(1))
    assert asyncio.run(together.ask(2)) == 2
    together.close()
