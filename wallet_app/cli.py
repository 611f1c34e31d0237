"""`tongguan wallet`: serve the wallet's pages."""

from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn

from wallet_app.app import DIST, WalletNotBuilt, create_app

app = typer.Typer(help="The traveller's web wallet.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """The traveller's web wallet."""


@app.command()
def serve(
    broker: Annotated[str, typer.Option(help="Origin of the broker, as browsers reach it.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8401,
    cert: Annotated[Path | None, typer.Option(help="TLS certificate chain; a phone needs TLS.")] = None,
    key: Annotated[Path | None, typer.Option(help="Private key of the certificate.")] = None,
    dist: Annotated[Path, typer.Option(help="The built pages.")] = DIST,
) -> None:
    """Serve the wallet until interrupted. Plain HTTP works in browsers on loopback only."""
    if (cert is None) != (key is None):
        raise typer.BadParameter("--cert and --key belong together")
    try:
        application = create_app(dist, broker)
    except (WalletNotBuilt, ValueError) as error:
        typer.secho(str(error), err=True, fg="red")
        raise typer.Exit(2) from error
    tls: dict[str, Any] = {"ssl_certfile": cert, "ssl_keyfile": key} if cert else {}
    typer.echo(f"Tongguan wallet on {'https' if cert else 'http'}://{host}:{port}")
    # Addresses carry login codes in their query, so requests are not logged.
    uvicorn.run(application, host=host, port=port, access_log=False, server_header=False, log_level="warning", **tls)
