"""The mock as an ASGI application."""

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.middleware import Middleware

from connectors.mock_idps.faults import FaultMiddleware
from connectors.mock_idps.macau import browser, machine, phone
from connectors.mock_idps.macau.state import World
from connectors.mock_idps.people import Person
from connectors.mock_idps.settings import MockSettings


def create_app(settings: MockSettings, people: Mapping[str, Person]) -> Starlette:
    """Options: `recipient_keys` (file of the client's public JWK set; without it the client is no registered
    department), `packets` (how many about one person).
    """
    return app_of(World(settings, people))


def app_of(world: World) -> Starlette:
    """For tests that look into the world."""
    switch = world.settings.switch
    return Starlette(
        routes=[
            *machine.routes(world),
            *browser.routes(world),
            *phone.routes(world),
            world.pages.route(),
            switch.route(),
        ],
        middleware=[Middleware(FaultMiddleware, switch=switch)],
    )
