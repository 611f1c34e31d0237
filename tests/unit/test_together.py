"""Requests of one moment share a call, and nobody's answer goes to somebody else."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import pytest

from broker.flows.unavailable import DatabaseBusy
from broker.together import LINGER, MOST, PATIENCE, ROOM, Together, _settle_all


class Desk:
    """Answers with the double; the first call waits until it is told to go on."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.began, self.go_on = threading.Event(), threading.Event()
        self.slept: list[float] = []

    def answer(self, asked: Sequence[int]) -> list[int | Exception]:
        self.calls.append(list(asked))
        if len(self.calls) == 1:
            self.began.set()
            assert self.go_on.wait(60)
        return [ValueError("odd") if one % 2 else one * 2 for one in asked]

    def together(self) -> "Together[int, int]":
        return Together(self.answer, name="desk", sleep=self.slept.append)

    def crowd(self, together: "Together[int, int]", asked: Sequence[int]) -> "list[Future[int]]":
        """The first is being answered when the others ask."""
        first = together.enter(asked[0])
        assert self.began.wait(60)
        return [first, *(together.enter(one) for one in asked[1:])]


def test_what_gathers_during_a_call_shares_the_next_and_each_gets_its_own_answer() -> None:
    desk = Desk()
    together = desk.together()
    answers = desk.crowd(together, range(7))
    desk.go_on.set()
    together.close()
    assert desk.calls == [[0], [1, 2, 3, 4, 5, 6]]
    assert [answers[one].result(60) for one in (0, 2, 4, 6)] == [0, 4, 8, 12]
    assert all(isinstance(answers[one].exception(60), ValueError) for one in (1, 3, 5))


def test_a_call_holds_no_more_than_it_may_and_lingers_only_after_company() -> None:
    desk = Desk()
    together = desk.together()
    desk.crowd(together, range(MOST + 4))
    desk.go_on.set()
    together.close()
    assert [len(call) for call in desk.calls] == [1, MOST, 3]
    assert desk.slept == [LINGER] * 2 * PATIENCE  # nobody else came


def test_half_of_those_who_came_before_are_enough_company() -> None:
    desk, slept = Desk(), list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(desk.calls) == 2:  # four were answered; they come again one by one
            together.enter(2)

    together: Together[int, int] = Together(desk.answer, name="desk", sleep=sleep)
    desk.crowd(together, [0, 2, 4, 6, 8])
    desk.go_on.set()
    together.close()
    assert [len(call) for call in desk.calls] == [1, 4, 2]
    assert len(slept) == 2 + PATIENCE


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
    _, gone, stays = desk.crowd(together, [0, 2, 4])
    assert gone.cancel()
    desk.go_on.set()
    assert stays.result(60) == 8
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
    answers = desk.crowd(together, [0] + [2] * ROOM)
    with pytest.raises(DatabaseBusy):
        together.enter(2)
    desk.go_on.set()
    assert {answer.result(60) for answer in answers} == {0, 4}
    together.close()


def test_an_answer_too_few_fails_the_call_and_not_the_next() -> None:
    together: Together[int, int] = Together(lambda asked: [] if asked[0] == 1 else asked, name="desk")
    with pytest.raises(RuntimeError, match="0 answers"):
        asyncio.run(together.ask(1))
    assert asyncio.run(together.ask(2)) == 2
    together.close()


def test_one_wake_up_of_the_loop_brings_all_its_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    woken: list[int] = []

    async def ask() -> list[int]:
        loop, together = asyncio.get_running_loop(), desk.together()
        wake = loop.call_soon_threadsafe

        def noted(callback: Callable[..., object], *arguments: object, **named: object) -> asyncio.Handle:
            if callback is _settle_all:
                woken.append(len(arguments[0]))  # type: ignore[arg-type]
            return wake(callback, *arguments, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(loop, "call_soon_threadsafe", noted)
        asked = [asyncio.ensure_future(together.ask(one)) for one in (0, 2, 4, 6)]
        await asyncio.to_thread(desk.began.wait, 60)
        desk.go_on.set()
        answers = await asyncio.gather(*asked)
        together.close()
        return answers

    assert asyncio.run(ask()) == [0, 4, 8, 12]
    assert sum(woken) == 4
    assert len(woken) == len(desk.calls) <= 2


def test_a_loop_that_has_closed_takes_no_answer_from_the_others() -> None:
    desk = Desk()
    together = desk.together()

    async def leave() -> None:
        task = asyncio.ensure_future(together.ask(0))
        await asyncio.to_thread(desk.began.wait, 60)
        task.cancel()

    asyncio.run(leave())
    stays = together.enter(2)
    desk.go_on.set()
    assert stays.result(60) == 4
    together.close()
