"""One address cannot flood the broker with logins it never finishes, and takes nothing from another."""

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from broker.web.throttle import MAX_CLIENTS, Throttle


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def _receive() -> Message:
    raise AssertionError("the body was asked for")


def ask(
    throttle: Throttle, path: str = "/oauth/par", method: str = "POST", client: str = "192.0.2.1"
) -> tuple[int, dict[bytes, bytes]]:
    """The status and headers of one request."""
    seen: list[Message] = []

    async def send(message: Message) -> None:
        seen.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": [], "client": (client, 5), "query_string": b""}
    asyncio.run(throttle(scope, _receive, send))
    return seen[0]["status"], dict(seen[0]["headers"])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    return Throttle(_app, per_minute=6, monotonic=clock)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/oauth/par"), ("GET", "/oauth/authorize"), ("POST", "/oauth/authorize"), ("POST", "/login/ctid")],
)
def test_what_writes_a_row_for_anybody_is_counted(throttle: Throttle, clock: Clock, method: str, path: str) -> None:
    assert [ask(throttle, path, method)[0] for _ in range(8)] == [200] * 6 + [429] * 2
    assert ask(throttle, path, method)[1][b"retry-after"] == b"10"
    clock.now += 10
    assert [ask(throttle, path, method)[0] for _ in range(2)] == [200, 429]
    clock.now += 3600
    assert [ask(throttle, path, method)[0] for _ in range(7)] == [200] * 6 + [429]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/login"), ("POST", "/oauth/token"), ("GET", "/login/ctid/callback"), ("POST", "/gates/v1/releases")],
)
def test_everything_else_is_not(throttle: Throttle, method: str, path: str) -> None:
    assert {ask(throttle, path, method)[0] for _ in range(20)} == {200}


def test_addresses_are_apart_and_a_network_of_ipv6_is_one(throttle: Throttle) -> None:
    for client in ("192.0.2.1", "192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:2::1"):
        assert [ask(throttle, client=client)[0] for _ in range(7)] == [200] * 6 + [429]
    assert ask(throttle, client="2001:db8:0:1:ffff::2")[0] == 429
    assert ask(throttle, client="unknown")[0] == 200


def test_it_remembers_a_bounded_number_of_addresses(throttle: Throttle) -> None:
    for number in range(MAX_CLIENTS + 50):
        throttle.wait(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(throttle) == MAX_CLIENTS
