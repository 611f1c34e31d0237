"""The housekeeper: everything once at the start, then at its interval, one failure at a time."""

import logging
import threading

import pytest

from broker.housekeeping import Housekeeper, Task


def test_everything_runs_before_start_returns() -> None:
    ran: list[str] = []
    keeper = Housekeeper([Task("one", 3600, lambda: ran.append("one")), Task("two", 3600, lambda: ran.append("two"))])
    keeper.start()
    assert ran == ["one", "two"]
    keeper.stop()


def test_a_slow_task_keeps_nobody_waiting_who_starts_it_behind() -> None:
    begun, ended = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert ended.wait(10)

    keeper = Housekeeper([Task("slow", 3600, slow)])
    keeper.start_behind()
    assert begun.wait(10), "it runs at once all the same"
    ended.set()
    keeper.stop()


def test_a_failing_task_stops_neither_the_others_nor_itself(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="tongguan.housekeeping")
    calls = 0
    recovered = threading.Event()

    def flaky() -> None:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise RuntimeError("A1234563")

    def steady() -> None:
        if calls >= 4:
            recovered.set()

    keeper = Housekeeper([Task("flaky", 0.01, flaky), Task("steady", 0.01, steady)])
    keeper.start()
    assert recovered.wait(10)
    keeper.stop()
    texts = [record.getMessage() for record in caplog.records]
    assert sum("failed" in text for text in texts) == 1
    assert sum("works again" in text for text in texts) == 1
    assert "A1234563" not in caplog.text
