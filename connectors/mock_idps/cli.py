"""`python -m connectors.mock_idps`: run one mock provider."""

from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from connectors.mock_idps.dialect import DIALECTS
from connectors.mock_idps.keys import ProviderKey
from connectors.mock_idps.people import PeopleError, load_people
from connectors.mock_idps.server import MockProvider
from connectors.mock_idps.state import Registered

app = typer.Typer(help="Run a mock identity provider with invented people.", add_completion=False)


@app.callback(invoke_without_command=True)
def run(
    provider: Annotated[str, typer.Option(help="ctid, iamsmart or macau.")],
    portraits: Annotated[Path, typer.Option(help="Directory of <person id>.jpg, the authority's photographs.")],
    client_secret: Annotated[str, typer.Option(envvar="MOCK_IDP_CLIENT_SECRET", help="Secret of the one client.")],
    redirect_uri: Annotated[list[str], typer.Option(help="Where codes may go, compared exactly; repeatable.")],
    port: Annotated[int, typer.Option(help="TCP port.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    issuer: Annotated[str | None, typer.Option(help="Public origin, when it is not http(s)://host:port.")] = None,
    client_id: Annotated[str, typer.Option(help="Name of the one client.")] = "tongguan",
    people: Annotated[Path | None, typer.Option(help="TOML file of people instead of the provider's own.")] = None,
    cert: Annotated[Path | None, typer.Option(help="TLS certificate (PEM).")] = None,
    key: Annotated[Path | None, typer.Option(help="TLS key (PEM).")] = None,
) -> None:
    """Serve until stopped."""
    if provider not in DIALECTS:
        raise typer.BadParameter(f"{provider} is none of {', '.join(DIALECTS)}")
    try:
        known = load_people(provider, portraits=portraits, people=people)
    except (OSError, PeopleError) as error:
        raise typer.BadParameter(str(error)) from error
    for person in known.values():
        if person.portrait is None:
            typer.echo(f"no photograph of {person.person_id}: {portraits / (person.person_id + '.jpg')} is missing")
    origin = (issuer or f"{'https' if cert else 'http'}://{host}:{port}").rstrip("/")
    client = Registered(client_id, client_secret, frozenset(redirect_uri))
    signing_key = ProviderKey.generate(DIALECTS[provider].algorithm)
    server = MockProvider(DIALECTS[provider], issuer=origin, people=known, client=client, key=signing_key)
    typer.echo(f"Mock {provider} on {origin}")
    uvicorn.run(
        server.app(),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        ssl_certfile=cert,
        ssl_keyfile=key,
    )
