"""One line a request, and nothing in it that belongs to a person: no query, no headers, no body, the route's pattern
instead of the path, and of an unexpected exception its type and where it arose, never its text (texts quote values).
"""

import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker.web.problems import Problem, answer

_log = logging.getLogger("tongguan.web")
_ROOT = Path(__file__).resolve().parents[2]


def request_id(scope: Scope) -> str:
    """What this request is called in the log and in problems."""
    return str(scope.get("tongguan.request_id", "-"))


def describe(error: BaseException) -> str:
    """The chain of exception types with the place each arose, innermost cause last."""
    parts: list[str] = []
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        frames = [frame for frame in traceback.extract_tb(link.__traceback__) if str(_ROOT) in frame.filename]
        ours = [frame for frame in frames if "site-packages" not in frame.filename][-3:]
        where = " < ".join(f"{Path(f.filename).relative_to(_ROOT)}:{f.lineno}" for f in reversed(ours))
        state = getattr(link, "sqlstate", None)
        parts.append(f"{type(link).__module__}.{type(link).__name__}{f' {state}' if state else ''} at {where or '?'}")
        link = link.__cause__ or link.__context__
    return "; from ".join(parts)


class RequestLog:
    """Outermost middleware: names the request, logs its outcome, and turns what nobody handled into a 500 problem."""

    def __init__(self, app: ASGIApp, *, new_id: Callable[[], str]) -> None:
        self._app = app
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = scope["tongguan.request_id"] = self._new_id()
        status = 0
        begun = perf_counter()

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", name.encode())]
            await send(message)

        try:
            await self._app(scope, receive, observed)
        except Exception as error:  # noqa: BLE001  the last resort: whatever it was, the caller gets a problem
            _log.error("request %s failed: %s", name, describe(error))
            if not status:
                await answer(Problem("internal-error"), name)(scope, receive, observed)
        finally:
            route = getattr(scope.get("route"), "path", "(no route)")
            spent = (perf_counter() - begun) * 1000
            _log.info("%s %s %s %d %.0f ms", name, scope["method"], route, status, spent)
