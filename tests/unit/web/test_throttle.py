"""One address cannot flood the broker with logins it never finishes, and takes nothing from another."""

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from broker.oidc.buckets import MAX_NAMES
from broker.web.throttle import Throttle
from broker.web.trusted_proxies import TrustedProxies


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
    throttle: Throttle, path: str = "/oauth/authorize", method: str = "POST", client: str = "192.0.2.1"
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
    [
        ("GET", "/oauth/authorize"),
        ("POST", "/oauth/authorize"),
        ("POST", "/login/ctid"),
        ("POST", "/staff/v1/challenges"),
        ("POST", "/staff/v1/sign-ins"),
    ],
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
    [
        ("GET", "/login"),
        ("POST", "/oauth/token"),
        ("POST", "/oauth/par"),
        ("GET", "/login/ctid/callback"),
        ("POST", "/gates/v1/releases"),
    ],
)
def test_everything_else_is_not(throttle: Throttle, method: str, path: str) -> None:
    assert {ask(throttle, path, method)[0] for _ in range(20)} == {200}


def test_addresses_are_apart_and_a_network_of_ipv6_is_one(throttle: Throttle) -> None:
    for client in ("192.0.2.1", "192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:2::1"):
        assert [ask(throttle, client=client)[0] for _ in range(7)] == [200] * 6 + [429]
    assert ask(throttle, client="2001:db8:0:1:ffff::2")[0] == 429
    assert ask(throttle, client="unknown")[0] == 200


def test_it_remembers_a_bounded_number_of_addresses(throttle: Throttle) -> None:
    for number in range(MAX_NAMES + 50):
        throttle.buckets.take(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(throttle.buckets) == MAX_NAMES


async def _address_seen(networks: tuple[str, ...], peer: str, *said: str) -> str:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["client"][0])

    headers = [(b"x-forwarded-for", line.encode()) for line in said]
    scope = {"type": "http", "headers": headers, "client": (peer, 5)}
    await TrustedProxies(app, networks=networks)(scope, _receive, _nothing)
    return seen[0]


async def _nothing(message: Message) -> None: ...


@pytest.mark.parametrize(
    ("networks", "peer", "said", "seen"),
    [
        ((), "10.0.0.1", ("198.51.100.7",), "10.0.0.1"),
        (("10.0.0.0/8",), "192.0.2.9", ("198.51.100.7",), "192.0.2.9"),
        (("10.0.0.0/8",), "10.0.0.1", ("198.51.100.7",), "198.51.100.7"),
        (("10.0.0.0/8",), "10.0.0.1", ("203.0.113.1, 198.51.100.7",), "198.51.100.7"),
        (("10.0.0.0/8",), "10.0.0.1", ("203.0.113.1", "198.51.100.7, 10.0.0.2"), "198.51.100.7"),
        (("10.0.0.0/8",), "10.0.0.1", ("198.51.100.7, unknown",), "10.0.0.1"),
        (("10.0.0.0/8",), "10.0.0.1", (), "10.0.0.1"),
        (("10.0.0.0/8",), "10.0.0.1", ("",), "10.0.0.1"),
        (("10.0.0.0/8",), "::ffff:10.0.0.1", ("2001:db8::7",), "2001:db8::7"),
        (("10.0.0.0/8",), "10.0.0.1", ("10.0.0.3, 10.0.0.2",), "10.0.0.3"),
    ],
)
def test_only_a_named_proxy_says_who_is_behind_it(
    networks: tuple[str, ...], peer: str, said: tuple[str, ...], seen: str
) -> None:
    """The first address from the right that no trusted proxy has: what a client wrote itself stands left of it."""
    assert asyncio.run(_address_seen(networks, peer, *said)) == seen
