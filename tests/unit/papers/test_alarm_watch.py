"""The watch: a log line and a POST with counts alone; what the webhook does not take comes again."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from os import urandom
from uuid import UUID

import pytest

from broker.alarm_watch import watch_alarms, webhook
from broker.core.rulebook import Rulebook
from broker.stores.partner_http import CallFailed
from tests.ports.fakes import FakeWorks

AT = datetime(2026, 11, 22, 2, tzinfo=UTC)
URL = "https://operations.example/alarms"


def test_an_alarm_is_logged_once_and_posted_until_it_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    works, rulebook, posted = FakeWorks(), Rulebook.load(), []
    answers: list[int | Exception] = [500, CallFailed("no answer"), 204]
    with works.begin() as work:
        work.transfers.met |= {(2026, "HK-SZB", UUID(int=number)) for number in range(701)}

    def post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        posted.append((url, json.loads(body), headers["Content-Type"]))
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer, b""

    with caplog.at_level(logging.WARNING, "tongguan.alarms"):
        for _ in range(4):
            watch_alarms(works.begin, rulebook=rulebook, tell=webhook(URL, post), clock=lambda: AT, entropy=urandom)
    told = {
        "event": "alarm.raised", "year": 2026, "counter": "recipient/HK-SZB", "threshold": "graded", "limit": 1_001,
        "level": 70, "count": 701, "raised_at": AT.isoformat(),
    }  # fmt: skip
    assert posted == [(URL, told, "application/json")] * 3
    assert [record.getMessage() for record in caplog.records] == [
        "70 % of 1001: recipient/HK-SZB stands at 701 (graded, 2026)",
        "the alarm webhook answers 500",
        "the alarm webhook cannot be reached: CallFailed",
    ]
