"""The fault switches every mock provider has."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from connectors.mock_idps.faults import GARBAGE, Fault, FaultMiddleware, FaultSwitch, Setting
from tests.support.oidc_world import Hosts


async def _answer(_: Request) -> Response:
    return PlainTextResponse("well")


@dataclass
class Mock:
    http: httpx.Client
    switch: FaultSwitch
    app: Starlette
    portal: BlockingPortal
    slept: list[float] = field(default_factory=list)

    def turn(self, **setting: object) -> httpx.Response:
        return self.http.post("http://mock.test/_mock/faults", json=setting)

    def get(self, path: str = "/token") -> httpx.Response:
        return self.http.get(f"http://mock.test{path}")


@pytest.fixture
def mock() -> Iterator[Mock]:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    switch = FaultSwitch(sleep)
    routes = [Route("/token", _answer), Route("/jwks", _answer), switch.route()]
    app = Starlette(routes=routes, middleware=[Middleware(FaultMiddleware, switch=switch)])
    with start_blocking_portal() as portal:
        yield Mock(httpx.Client(transport=Hosts(portal, {"mock.test": app})), switch, app, portal, slept)


def test_nothing_is_broken_at_first(mock: Mock) -> None:
    assert mock.get().text == "well"
    assert mock.http.get("http://mock.test/_mock/faults").json()["fault"] == "none"


def test_down_until_told_otherwise(mock: Mock) -> None:
    assert mock.turn(fault="down").json()["fault"] == "down"
    assert [mock.get().status_code for _ in range(3)] == [503] * 3
    assert mock.turn(fault="none").status_code == 200
    assert mock.get().status_code == 200


def test_garbage_is_a_200_that_is_no_json(mock: Mock) -> None:
    mock.turn(fault="garbage")
    answer = mock.get()
    assert (answer.status_code, answer.content) == (200, GARBAGE)


def test_slow_waits_its_seconds_then_answers(mock: Mock) -> None:
    mock.turn(fault="slow", seconds=7.5)
    assert mock.get().text == "well"
    assert mock.slept == [7.5]


def test_a_fault_may_strike_some_paths_and_some_times_only(mock: Mock) -> None:
    mock.turn(fault="down", paths=["/token"], times=2)
    assert mock.get("/jwks").status_code == 200
    assert [mock.get().status_code for _ in range(3)] == [503, 503, 200]


def test_a_dialects_own_faults_are_asked_for(mock: Mock) -> None:
    mock.switch.set(Setting(Fault.FROZEN, paths=("/authorize",), times=1))
    assert not mock.switch.strikes(Fault.FROZEN, "/token")
    assert not mock.switch.strikes(Fault.CANCELLED, "/authorize")
    assert mock.switch.strikes(Fault.FROZEN, "/authorize/decision")
    assert not mock.switch.strikes(Fault.FROZEN, "/authorize")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"fault": "odd"}', b'{"fault": "down", "times": 0}', b'{"fault": "down", "x": 1}']
)
def test_an_unknown_switch_is_refused(mock: Mock, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = mock.http.post("http://mock.test/_mock/faults", content=body, headers=headers)
    assert answer.status_code == 400
    assert mock.get().status_code == 200


def test_only_loopback_and_only_json(mock: Mock) -> None:
    assert mock.http.post("http://mock.test/_mock/faults", content=b'{"fault": "down"}').status_code == 415

    async def from_afar(client: tuple[str, int]) -> httpx.Response:
        transport = httpx.ASGITransport(mock.app, client=client)
        async with httpx.AsyncClient(transport=transport) as far:
            return await far.post("http://mock.test/_mock/faults", json={"fault": "down"})

    for host in ("192.0.2.7", "not an address"):
        assert mock.portal.call(from_afar, (host, 1)).status_code == 403
    assert mock.portal.call(from_afar, ("::1", 1)).status_code == 200
