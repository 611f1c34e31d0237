"""The mock as an ASGI application."""

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.middleware import Middleware

from connectors.mock_idps.ctid import machine
from connectors.mock_idps.ctid.app_pages import AppPages
from connectors.mock_idps.ctid.world import World
from connectors.mock_idps.faults import FaultMiddleware
from connectors.mock_idps.people import Person
from connectors.mock_idps.settings import MockSettings


def create_app(settings: MockSettings, people: Mapping[str, Person]) -> Starlette:
    """Options: see World."""
    return app_of(World(settings, people))


def app_of(world: World) -> Starlette:
    """For tests that look into the world."""
    switch = world.settings.switch
    return Starlette(
        routes=[*machine.routes(world), *AppPages(world).routes(), world.pages.route(), switch.route()],
        middleware=[Middleware(FaultMiddleware, switch=switch)],
    )
