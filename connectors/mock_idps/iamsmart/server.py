"""The mock as an ASGI application."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware

from connectors.mock_idps.faults import FaultMiddleware
from connectors.mock_idps.iamsmart.api import Api
from connectors.mock_idps.iamsmart.app_pages import AppPages
from connectors.mock_idps.iamsmart.authority import SERVICE_CERTIFICATE, Authority
from connectors.mock_idps.iamsmart.callbacks import Send, over_http
from connectors.mock_idps.iamsmart.provider import Provider
from connectors.mock_idps.iamsmart.service import Service, service_of
from connectors.mock_idps.people import Person
from connectors.mock_idps.settings import MockSettings


def make_provider(
    settings: MockSettings,
    people: Mapping[str, Person],
    *,
    authority: Authority | None = None,
    others: Sequence[Service] = (),
) -> Provider:
    """`others`: services beside the one of `settings`. Option `keys`: a folder that `authority.lay_out` made, from
    which the service's certificate and the signing authority are read. Raises OSError or ValueError.
    """
    options = dict(settings.options)
    if "keys" in options:
        folder = Path(options["keys"])
        options.setdefault("certificate", str(folder / SERVICE_CERTIFICATE))
        authority = authority or Authority.read(folder)
    service = service_of(settings, options)
    services = {each.client_id: each for each in (service, *others)}
    return Provider(
        settings, people, services, authority or Authority.make(datetime.fromtimestamp(settings.now(), UTC))
    )


def create_app(
    settings: MockSettings,
    people: Mapping[str, Person],
    *,
    provider: Provider | None = None,
    send: Send | None = None,
) -> Starlette:
    """`send` delivers callbacks; tests pass their own."""
    provider = provider or make_provider(settings, people)
    deliver = send or over_http(settings.trusted_ca)
    return Starlette(
        routes=[*Api(provider).routes(), *AppPages(provider, deliver).routes(), settings.switch.route()],
        middleware=[Middleware(FaultMiddleware, switch=settings.switch)],
    )
