"""`python -m connectors.mock_idps`: run one mock provider."""

from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from connectors.mock_idps.native import NATIVE, create_app_of
from connectors.mock_idps.people import PeopleError, load_people
from connectors.mock_idps.settings import MockSettings

app = typer.Typer(help="Run a mock identity provider with invented people.", add_completion=False)


@app.callback(invoke_without_command=True)
def run(
    provider: Annotated[str, typer.Option(help=f"{', '.join(NATIVE)}.")],
    portraits: Annotated[Path, typer.Option(help="Directory of <person id>.jpg, the authority's photographs.")],
    client_secret: Annotated[str, typer.Option(envvar="MOCK_IDP_CLIENT_SECRET", help="Secret of the one client.")],
    redirect_uri: Annotated[list[str], typer.Option(help="Where answers may go, compared exactly; repeatable.")],
    port: Annotated[int, typer.Option(help="TCP port.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    issuer: Annotated[str | None, typer.Option(help="Public origin, when it is not http(s)://host:port.")] = None,
    client_id: Annotated[str, typer.Option(help="Name of the one client.")] = "tongguan",
    callback_url: Annotated[str | None, typer.Option(help="Where notices from server to server go.")] = None,
    trusted_ca: Annotated[Path | None, typer.Option(help="PEM file to believe at the callback URL.")] = None,
    option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, as the dialect wants it; repeatable.")] = None,
    people: Annotated[Path | None, typer.Option(help="TOML file of people instead of the provider's own.")] = None,
    cert: Annotated[Path | None, typer.Option(help="TLS certificate (PEM).")] = None,
    key: Annotated[Path | None, typer.Option(help="TLS key (PEM).")] = None,
) -> None:
    """Serve until stopped. What breaks is switched at /_mock/faults, from loopback."""
    if provider not in NATIVE:
        raise typer.BadParameter(f"{provider} is none of {', '.join(NATIVE)}")
    try:
        known = load_people(provider, portraits=portraits, people=people)
    except (OSError, PeopleError) as error:
        raise typer.BadParameter(str(error)) from error
    for person in known.values():
        if person.portrait is None:
            typer.echo(f"no photograph of {person.person_id}: {portraits / (person.person_id + '.jpg')} is missing")
    settings = MockSettings(
        issuer=(issuer or f"{'https' if cert else 'http'}://{host}:{port}").rstrip("/"),
        client_id=client_id,
        client_secret=client_secret,
        redirect_uris=frozenset(redirect_uri),
        callback_url=callback_url,
        trusted_ca=trusted_ca,
        options=_options(option or []),
    )
    try:
        served = create_app_of(provider)(settings, known)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{provider} cannot start: {error}") from error
    typer.echo(f"Mock {provider} on {settings.issuer}")
    uvicorn.run(
        served,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        ssl_certfile=cert,
        ssl_keyfile=key,
    )


def _options(given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{text!r} is not NAME=VALUE")
        found[name] = value
    return found
