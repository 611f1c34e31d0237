"""`tongguan gates`: which gates there are is the operator's decision."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from broker.cli.database import database_url, failures
from broker.core.denial import InvalidInput
from broker.core.rulebook import Rulebook
from broker.flows.enrol_gate import invite_gate, retire_gate
from broker.stores.database import Database
from broker.stores.work import Works

app = typer.Typer(no_args_is_help=True)

Home = Annotated[Path, typer.Option("--home", envvar="TONGGUAN_HOME", help="The broker's home directory.")]


@app.command()
def invite(home: Home, zone: Annotated[str, typer.Option(help="The zone the gate will stand in, as HK-SZB.")]) -> None:
    """Print a one-time code with which one gate of the zone can enrol within 24 hours."""
    with failures(), database_url(home) as url:
        works = Works(Database(url, pool_size=1))
        try:
            with works.begin() as work:
                invited = invite_gate(
                    work, rulebook=Rulebook.load(), zone=zone, at=datetime.now(UTC), entropy=os.urandom
                )
        except InvalidInput as error:
            raise typer.BadParameter(error.hint) from error
    typer.echo(f"{invited.gate_id}, until {invited.expires_at:%Y-%m-%d %H:%M} UTC:", err=True)
    typer.echo(invited.code)


@app.command()
def retire(home: Home, gate: Annotated[str, typer.Option(help="The gate's id.")]) -> None:
    """Refuse everything that gate asks from now on."""
    with failures(), database_url(home) as url:
        works = Works(Database(url, pool_size=1))
        try:
            with works.begin() as work:
                retire_gate(work, gate_id=gate, at=datetime.now(UTC), entropy=os.urandom)
        except InvalidInput as error:
            raise typer.BadParameter(error.hint) from error
    typer.echo(f"{gate} is retired.")
