"""How many logins one client address may begin: each writes a row before anybody has proven who they are. Pushed
requests are limited by the client that proved itself (broker.oidc.authorize.pushed).
"""

from collections.abc import Callable
from math import ceil
from time import monotonic as monotonic_seconds
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from broker.oidc.buckets import Buckets
from broker.oidc.client_address import client_address
from broker.web.problems import Problem, answer
from broker.web.request_log import request_id

_BEGINNINGS: Final = frozenset({"/staff/v1/challenges", "/staff/v1/sign-ins"})


class Throttle:
    """Middleware: a token bucket for each client address, in this process alone. 429 before the body is read."""

    def __init__(self, app: ASGIApp, *, per_minute: int, monotonic: Callable[[], float] = monotonic_seconds) -> None:
        """A bucket holds `per_minute` requests and fills up in a minute."""
        self._app = app
        self.buckets = Buckets(per_minute, monotonic=monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _begins_login(scope["method"], scope["path"]):
            seconds = self.buckets.take(client_address(scope))
            if seconds > 0:
                headers = {"Retry-After": str(ceil(seconds)), "Connection": "close"}
                problem = Problem("too-many-requests", headers=headers)
                await answer(problem, request_id(scope))(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _begins_login(method: str, path: str) -> bool:
    if path == "/oauth/authorize":
        return True
    return method == "POST" and (path in _BEGINNINGS or path.startswith("/login/"))
