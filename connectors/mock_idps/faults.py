"""Fault switches of a mock provider: what is broken, where, and how often.

`POST /_mock/faults {"fault": "slow", "seconds": 10, "paths": ["/token"], "times": 3}`, from loopback alone. `slow`,
`down` and `garbage` are worked by `FaultMiddleware` for any mock; the others mean something in a dialect's own words,
so its handlers ask `FaultSwitch.strikes`.
"""

import ipaddress
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import anyio
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

FAULTS_PATH: Final = "/_mock/faults"
GARBAGE: Final = b'{"\xff\xfe garbage: [1, 2,\x00'
_MAX_BODY: Final = 4096


class Fault(StrEnum):
    NONE = "none"
    SLOW = "slow"  # answers `seconds` late
    DOWN = "down"  # answers 503
    GARBAGE = "garbage"  # answers 200 with bytes that are no answer
    WRONG_SIGNATURE = "wrong_signature"  # signs with a key that is not its own
    EXPIRED_KEY = "expired_key"  # uses a key past its time
    REPLAYED_CALLBACK = "replayed_callback"  # sends a callback it has sent before
    CANCELLED = "cancelled"  # says that the person cancelled, whatever they press
    FROZEN = "frozen"  # says that the credential is frozen


@dataclass(frozen=True)
class Setting:
    """`paths`: where the fault strikes, by prefix; empty means everywhere. `times`: how often, None for ever."""

    fault: Fault = Fault.NONE
    seconds: float = 10.0
    paths: tuple[str, ...] = ()
    times: int | None = None


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    fault: Fault
    seconds: float = Field(default=10.0, ge=0, le=120)
    paths: tuple[str, ...] = ()
    times: int | None = Field(default=None, ge=1)


class FaultSwitch:
    """One mock's switch. `sleep` takes seconds; tests pass one that does not wait."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = anyio.sleep) -> None:
        self.sleep = sleep
        self._setting = Setting()
        self._lock = threading.Lock()

    @property
    def setting(self) -> Setting:
        return self._setting

    def set(self, setting: Setting) -> None:
        with self._lock:
            self._setting = setting

    def strikes(self, fault: Fault, path: str) -> bool:
        """Whether `fault` is on at `path`. Each yes uses up one of its `times`."""
        with self._lock:
            now = self._setting
            if now.fault is not fault or (now.paths and not path.startswith(now.paths)):
                return False
            if now.times is not None:
                self._setting = replace(now, times=now.times - 1) if now.times > 1 else Setting()
            return True

    def route(self) -> Route:
        """The switch over HTTP, for the application's routes."""
        return Route(FAULTS_PATH, self._endpoint, methods=["GET", "POST"])

    async def _endpoint(self, request: Request) -> Response:
        if not _from_loopback(request):
            return JSONResponse({"error": "loopback only"}, status_code=403)
        if request.method == "POST":
            # A form of a foreign page cannot send this type without asking first.
            if request.headers.get("content-type", "").partition(";")[0] != "application/json":
                return JSONResponse({"error": "application/json only"}, status_code=415)
            body = await request.body()
            try:
                asked = _Asked.model_validate_json(body[:_MAX_BODY])
            except ValidationError as error:
                return JSONResponse({"error": str(error.errors(include_input=False)[0]["loc"])}, status_code=400)
            self.set(Setting(asked.fault, asked.seconds, asked.paths, asked.times))
        now = self._setting
        return JSONResponse({"fault": now.fault, "seconds": now.seconds, "paths": list(now.paths), "times": now.times})


class FaultMiddleware:
    """Works `slow`, `down` and `garbage` before a request reaches the application, the switch itself apart."""

    def __init__(self, app: ASGIApp, switch: FaultSwitch) -> None:
        self._app = app
        self._switch = switch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or path == FAULTS_PATH:
            await self._app(scope, receive, send)
            return
        if self._switch.strikes(Fault.DOWN, path):
            await Response(status_code=503)(scope, receive, send)
            return
        if self._switch.strikes(Fault.GARBAGE, path):
            await Response(GARBAGE, media_type="application/json")(scope, receive, send)
            return
        seconds = self._switch.setting.seconds
        if self._switch.strikes(Fault.SLOW, path):
            await self._switch.sleep(seconds)
        await self._app(scope, receive, send)


def _from_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
