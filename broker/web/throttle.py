"""How many logins one client address may begin: each writes a row before anybody has proven who they are."""

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from time import monotonic as monotonic_seconds
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from broker.web.problems import Problem, answer
from broker.web.request_log import request_id

MAX_CLIENTS: Final = 10_000
"""Addresses remembered; beyond, the one not heard of for longest is forgotten."""

_BEGINNINGS: Final = frozenset({"/oauth/par", "/staff/v1/challenges", "/staff/v1/sign-ins"})
_IPV6_NETWORK: Final = 64  # one household, or one attacker


class Throttle:
    """Middleware: a token bucket for each client address, in this process alone. 429 before the body is read."""

    def __init__(self, app: ASGIApp, *, per_minute: int, monotonic: Callable[[], float] = monotonic_seconds) -> None:
        """A bucket holds `per_minute` requests and fills up in a minute."""
        self._app = app
        self._most = float(per_minute)
        self._rate = per_minute / 60
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # (requests left, when)

    def __len__(self) -> int:
        return len(self._buckets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _begins_login(scope["method"], scope["path"]):
            seconds = self.wait(_client(scope))
            if seconds > 0:
                headers = {"Retry-After": str(ceil(seconds)), "Connection": "close"}
                problem = Problem("too-many-requests", headers=headers)
                await answer(problem, request_id(scope))(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def wait(self, client: str) -> float:
        """Take one request from the client's bucket; 0, or the seconds until there is one to take."""
        now = self._monotonic()
        left, when = self._buckets.pop(client, (self._most, now))
        left = min(self._most, left + (now - when) * self._rate)
        allowed = left >= 1
        self._buckets[client] = (left - 1 if allowed else left, now)
        if len(self._buckets) > MAX_CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate


def _begins_login(method: str, path: str) -> bool:
    if path == "/oauth/authorize":
        return True
    return method == "POST" and (path in _BEGINNINGS or path.startswith("/login/"))


def _client(scope: Scope) -> str:
    """The peer's address; of IPv6 its network, because one client has as many addresses there as it likes."""
    name = str((scope.get("client") or ("", 0))[0])
    try:
        address = ip_address(name)
    except ValueError:
        return name
    return str(ip_network((address, _IPV6_NETWORK), strict=False)) if isinstance(address, IPv6Address) else name
