"""Breaker, budget, clock offset, guard and key ring: what keeps one provider's trouble its own."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.wire.identity_connector import ConnectorError, ProviderFault
from connectors.fetch import Fetcher
from connectors.keyring import KeyRing
from connectors.resilience.breaker import Breaker, BreakerPolicy, Circuit
from connectors.resilience.budget import RetryBudget
from connectors.resilience.guard import Guard, Limits, NotAdmitted
from connectors.resilience.offset import MOST, offset_of, tolerated

POLICY = BreakerPolicy(threshold=3, pause=10, longest_pause=35, probe_limit=30)
AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def _opened(at: float = 0.0) -> Breaker:
    breaker = Breaker(POLICY)
    for _ in range(3):
        breaker = breaker.failed(at)
    return breaker


def test_failures_in_a_row_open_the_circuit_and_a_success_between_them_does_not() -> None:
    breaker = Breaker(POLICY).failed(0).failed(1).succeeded(2).failed(3).failed(4)
    assert breaker.circuit(5) is Circuit.CLOSED
    breaker = breaker.failed(5)
    assert breaker.circuit(5) is Circuit.OPEN
    assert breaker.admit(14.9) is None
    assert breaker.circuit(15) is Circuit.HALF_OPEN


def test_half_open_lets_one_probe_through_and_its_result_decides() -> None:
    probing = _opened().admit(10)
    assert probing is not None
    assert probing.admit(11) is None
    assert probing.succeeded(12).circuit(12) is Circuit.CLOSED
    again = probing.failed(12)
    assert again.circuit(31.9) is Circuit.OPEN  # the pause has doubled
    assert again.circuit(32) is Circuit.HALF_OPEN


def test_the_pause_grows_to_its_limit_and_starts_small_after_a_recovery() -> None:
    breaker, now = _opened(), 0.0
    pauses = []
    for _ in range(4):
        pauses.append(breaker.pause)
        now += breaker.pause
        probing = breaker.admit(now)
        assert probing is not None
        breaker = probing.failed(now)
    assert pauses == [10, 20, 35, 35]
    well = breaker.admit(now + 35)
    assert well is not None
    closed = well.succeeded(now + 36)
    for _ in range(3):
        closed = closed.failed(now + 40)
    assert closed.pause == 10


def test_a_probe_that_never_ends_or_tells_nothing_makes_room_for_another() -> None:
    probing = _opened().admit(10)
    assert probing is not None
    assert probing.admit(39) is None
    assert probing.admit(40) is not None
    assert probing.abandoned().admit(11) is not None


def test_who_set_out_before_the_circuit_opened_neither_closes_it_nor_lengthens_the_pause() -> None:
    breaker = _opened()
    assert breaker.succeeded(1) == breaker
    assert breaker.failed(9) == breaker


@given(st.lists(st.tuples(st.sampled_from(["admit", "fail", "succeed", "abandon"]), st.floats(0, 20)), max_size=60))
def test_an_open_circuit_never_admits_and_always_ends(events: list[tuple[str, float]]) -> None:
    breaker, now = Breaker(POLICY), 0.0
    for event, passed in events:
        now += passed
        if event == "admit":
            admitted = breaker.admit(now)
            if breaker.circuit(now) is Circuit.OPEN:
                assert admitted is None
            if breaker.circuit(now) is Circuit.CLOSED:
                assert admitted is not None
            breaker = admitted or breaker
        elif event == "fail":
            breaker = breaker.failed(now)
        elif event == "succeed":
            breaker = breaker.succeeded(now)
        else:
            breaker = breaker.abandoned()
    later = now + POLICY.longest_pause + POLICY.probe_limit
    assert breaker.admit(later) is not None


def test_retries_are_a_share_of_calls() -> None:
    budget, retried = RetryBudget(share=0.1, most=2, left=2), 0
    for _ in range(100):
        budget = budget.called()
        left = budget.retry()
        if left is not None:
            budget, retried = left, retried + 1
    assert 10 <= retried <= 12


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Sat, 21 Nov 2026 08:01:00 GMT", timedelta(minutes=1)),
        ("Sat, 21 Nov 2026 07:59:59 GMT", timedelta()),
        ("Sat, 21 Nov 2026 07:50:00 GMT", timedelta(minutes=-10)),
        ("yesterday", None),
        ("Sat, 99 Nov 2026 08:00:00 GMT", None),
        ("", None),
        (None, None),
    ],
)
def test_the_date_header_tells_the_offset(date: str | None, expected: timedelta | None) -> None:
    assert offset_of(date, at=AT) == expected


@given(st.text(max_size=60))
def test_any_date_header_at_all(date: str) -> None:
    offset_of(date, at=AT)


def test_more_than_five_minutes_is_not_believed() -> None:
    assert tolerated(MOST) == MOST
    assert tolerated(MOST + timedelta(seconds=1)) == timedelta()


def test_a_full_bulkhead_refuses_at_once_and_has_room_again() -> None:
    guard = Guard(Limits(places=1, patience=0))
    with guard.place(lambda: 0.0):
        with pytest.raises(NotAdmitted), guard.place(lambda: 0.0):
            pass
        assert guard.health(0).busy == 1
    with guard.place(lambda: 0.0):
        pass
    assert guard.health(0).busy == 0


def _fetcher(answer: Callable[[httpx.Request], httpx.Response], **limits: Any) -> tuple[Fetcher, list[float]]:
    """A fetcher over `answer` and its clock, a list of one number."""
    clock = [0.0]
    guard = Guard(Limits(limits.pop("places", 8), limits.pop("patience", 0), BreakerPolicy(threshold=3, pause=10)))
    http = httpx.Client(transport=httpx.MockTransport(answer))
    return Fetcher("macau", http, guard=guard, monotonic=lambda: clock[0], clock=lambda: AT), clock


def _status(fetcher: Fetcher, method: str = "POST", **options: Any) -> int | ProviderFault:
    try:
        return fetcher.send(method, "http://macau.test/x", **options).status
    except ConnectorError as error:
        return error.fault


def test_a_provider_that_is_down_is_left_alone_until_a_probe_finds_it_well() -> None:
    asked, status = [], [503]

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status[0])

    fetcher, clock = _fetcher(answer)
    assert [_status(fetcher) for _ in range(10)] == [ProviderFault.UNREACHABLE] * 10
    assert len(asked) == 3
    assert fetcher.health().circuit is Circuit.OPEN
    status[0], clock[0] = 200, 10.0
    assert _status(fetcher) == 200
    assert fetcher.health().circuit is Circuit.CLOSED


def test_refusals_and_strange_answers_are_not_an_outage() -> None:
    fetcher, _ = _fetcher(lambda _: httpx.Response(403))
    assert [_status(fetcher) for _ in range(10)] == [403] * 10
    assert fetcher.health().circuit is Circuit.CLOSED


def test_only_what_is_idempotent_is_asked_again_and_only_once() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        raise httpx.ConnectError("", request=request)

    fetcher, _ = _fetcher(answer)
    _status(fetcher, "POST", content=b"{}")
    assert asked == ["POST"]
    _status(fetcher, "GET")
    assert asked == ["POST", "GET", "GET"]
    fetcher, _ = _fetcher(answer)
    _status(fetcher, "POST", content=b"{}", idempotent=True)
    _status(fetcher, "GET", idempotent=False)
    assert asked[3:] == ["POST", "POST", "GET"]


def test_a_call_that_took_long_is_not_repeated() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        clock[0] += 6
        raise httpx.ReadTimeout("", request=request)

    fetcher, clock = _fetcher(answer)
    assert _status(fetcher, "GET") is ProviderFault.UNREACHABLE
    assert len(asked) == 1


def test_a_slow_provider_holds_its_own_places_and_no_more() -> None:
    """Every thread beyond the places is answered at once, while the first still wait."""
    release, inside = threading.Event(), threading.Semaphore(0)

    def answer(_: httpx.Request) -> httpx.Response:
        inside.release()
        assert release.wait(20)
        return httpx.Response(200)

    fetcher, _ = _fetcher(answer, places=2)
    results: list[int | ProviderFault] = []
    threads = [threading.Thread(target=lambda: results.append(_status(fetcher))) for _ in range(2)]
    for thread in threads:
        thread.start()
        assert inside.acquire(timeout=20)
    assert _status(fetcher) is ProviderFault.UNREACHABLE
    # Being turned away says nothing about the provider.
    assert fetcher.health().circuit is Circuit.CLOSED
    release.set()
    for thread in threads:
        thread.join(20)
    assert results == [200, 200]


def test_a_burst_waits_for_places_and_only_so_many_wait() -> None:
    release, inside = threading.Event(), threading.Semaphore(0)

    def answer(_: httpx.Request) -> httpx.Response:
        inside.release()
        assert release.wait(20)
        return httpx.Response(200)

    fetcher, _ = _fetcher(answer, places=1, patience=20)
    results: list[int | ProviderFault] = []
    threads = [threading.Thread(target=lambda: results.append(_status(fetcher))) for _ in range(3)]
    threads[0].start()
    assert inside.acquire(timeout=20)
    # One has the place and one may wait for it: of the two that come now one is turned away at once.
    for thread in threads[1:]:
        thread.start()
    while len(results) < 1:
        threads[1].join(0.01)
    assert results == [ProviderFault.UNREACHABLE]
    release.set()
    for thread in threads:
        thread.join(20)
    assert results[1:] == [200, 200]


def test_the_providers_clock_is_noted() -> None:
    fetcher, _ = _fetcher(lambda _: httpx.Response(200, headers={"Date": "Sat, 21 Nov 2026 08:03:00 GMT"}))
    _status(fetcher)
    assert fetcher.offset == timedelta(minutes=3)


def test_a_key_that_is_not_known_is_read_again_but_not_for_ever() -> None:
    published, clock, reads = {"a": 1}, [0.0], [0]

    def load() -> dict[str, int]:
        reads[0] += 1
        return published

    ring = KeyRing(load, times=3, interval=20, monotonic=lambda: clock[0])
    assert ring.get("a") == 1
    published = {"b": 2}
    assert ring.get("b") == 2
    assert ring.get("a") is None  # retired: the third reading
    assert [ring.get("unheard-of") for _ in range(5)] == [None] * 5
    assert reads[0] == 3
    published, clock[0] = {"c": 3}, 20.0
    assert ring.get("c") == 3
    assert dict(ring.reload()) == {"c": 3}


def test_keys_that_cannot_be_read_leave_what_was_known() -> None:
    broken = [False]

    def load() -> dict[str, int]:
        if broken[0]:
            raise OSError("unreadable")
        return {"a": 1}

    ring = KeyRing(load)
    assert dict(ring.all()) == {"a": 1}
    broken[0] = True
    with pytest.raises(OSError, match="unreadable"):
        ring.get("b")
    assert ring.get("a") == 1
