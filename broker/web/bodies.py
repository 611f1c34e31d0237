"""What a request body may be: its types and its size, enforced while it arrives and before any endpoint runs.

Every body is read here, bounded three times: by the rule of its address, by what all bodies of that address may hold
together in this process, and by time. Endpoints therefore never wait for a slow sender while they hold a thread or a
transaction, and whoever fills the budget of one address takes nothing from another: bodies are read before anybody
knows who sends them, and stalled photographs must not cut a gate.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker.oidc.dpop import ALGORITHMS
from broker.web.problems import Problem, answer
from broker.web.request_log import request_id

KIB = 1024
MIB = 1024 * KIB
_SECONDS = 30.0
_CHALLENGE = f'DPoP algs="{" ".join(ALGORITHMS)}"'  # RFC 9449 7.1


@dataclass(frozen=True, slots=True)
class BodyRule:
    """Accepted media types (without parameters) and the largest size in bytes.

    `together`: bytes that all bodies of the address being read or worked on may take. `with_token`: only requests that
    carry an access token are read at all; whether it is a good one is found out later.
    """

    media_types: frozenset[str]
    limit: int
    together: int = 16 * MIB
    with_token: bool = False


JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
COSE = "application/cose"
# For every address without a rule of its own: small forms and JSON.
DEFAULT_RULE = BodyRule(frozenset({JSON, FORM}), 64 * KIB)

Rules = Mapping[tuple[str, str], BodyRule]


class Bodies:
    """Middleware that hands the application complete, admissible bodies only."""

    def __init__(self, app: ASGIApp, *, rules: Rules, seconds: float = _SECONDS) -> None:
        """`rules` by (method, path); addresses without one share DEFAULT_RULE and its budget."""
        self._app = app
        self.rules = rules
        self._seconds = seconds
        self._held: Counter[tuple[str, str] | None] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "GET" and not _announces_body(scope):
            await self._app(scope, receive, send)  # nothing is read, so nothing is waited for or held
            return
        address = (scope["method"], scope["path"])
        budget = address if address in self.rules else None
        rule = self.rules.get(address, DEFAULT_RULE)
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                await self._read(scope, receive, rule, budget, body)
        except TimeoutError:
            await self._refuse(Problem("request-timeout"), scope, receive, send)
        except Problem as problem:
            await self._refuse(problem, scope, receive, send)
        except _SenderLeft:
            return
        else:
            await self._app(scope, _Replay(bytes(body), receive), send)
        finally:
            self._held[budget] -= len(body)

    async def _read(
        self, scope: Scope, receive: Receive, rule: BodyRule, budget: tuple[str, str] | None, body: bytearray
    ) -> None:
        headers = dict(scope["headers"])
        if rule.with_token and not _carries_token(scope):
            raise Problem("not-authenticated", headers={"WWW-Authenticate": _CHALLENGE}, cause="no access token")
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > rule.limit:
            raise _too_large(rule)
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _SenderLeft
            chunk = message.get("body", b"")
            if chunk and not body:
                _require_type(headers, rule)
            if len(body) + len(chunk) > rule.limit:
                raise _too_large(rule)
            if self._held[budget] + len(chunk) > rule.together:
                raise Problem("overloaded", headers={"Retry-After": "2"}, cause="bodies in flight fill their budget")
            body += chunk
            self._held[budget] += len(chunk)
            if not message.get("more_body", False):
                return

    async def _refuse(self, problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
        # The rest of the body is not read, so the connection cannot be used again (RFC 9110 9.3.1 and 15.5.14).
        problem.headers["Connection"] = "close"
        await answer(problem, request_id(scope))(scope, receive, send)


class _SenderLeft(Exception):
    """The client hung up in the middle of its body; there is nobody to answer."""


class _Replay:
    """`receive` over a body that is already here."""

    def __init__(self, body: bytes, rest: Receive) -> None:
        self._message: Message | None = {"type": "http.request", "body": body, "more_body": False}
        self._rest = rest

    async def __call__(self) -> Message:
        if self._message is not None:
            message, self._message = self._message, None
            return message
        return await self._rest()


def _announces_body(scope: Scope) -> bool:
    """RFC 9112 6: a request has a body when it says so."""
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])


def _carries_token(scope: Scope) -> bool:
    """Whether there is one Authorization header of the scheme DPoP (RFC 9449 7.1)."""
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    scheme, _, token = given[0].partition(b" ") if len(given) == 1 else (b"", b"", b"")
    return scheme.lower() == b"dpop" and bool(token)


def _require_type(headers: Mapping[bytes, bytes], rule: BodyRule) -> None:
    given = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    if given not in rule.media_types:
        raise Problem("unsupported-media-type", accepted=sorted(rule.media_types))


def _too_large(rule: BodyRule) -> Problem:
    return Problem("content-too-large", limit=rule.limit)
