"""`tongguan rights breach`: incidents with personal data, who was touched, whom to tell by when (specs/rights.md 9)."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from broker.cli.database import Home, database_url, failures
from broker.core.incident import Statement, deadlines
from broker.flows.open_incident import count_affected, open_incident
from broker.stores.database import Database
from broker.stores.key_store import FileKeyStore
from broker.stores.work import SqlWork, Works

app = typer.Typer(no_args_is_help=True, help="Incidents with personal data.")

File = Annotated[Path, typer.Argument(help="The statement of the incident (TOML); `example` prints one.")]

_EXAMPLE = """\
known_at = 2026-11-22T09:00:00+08:00          # when the operator knew
contact = "privacy@operator.example"
places = ["CN", "HK"]                         # whose authorities are to be told

[criterion]                                   # whoever's data went there, then
since = 2026-11-20T00:00:00+08:00
until = 2026-11-22T00:00:00+08:00
recipient = "harbour-bank"                    # and or: purpose = "...", gate = "..."

# The same four in every language: zh-Hant, zh-Hans, en, pt.
[words.en]
what = "Names and dates of birth you gave to Harbour Bank could be read by others for two hours."
harm = "Somebody may pretend to be you."
measures = "The bank closed the hole; we suspended it."
advice = "Be wary of calls that name your bank."
"""


@contextmanager
def _work(home: Path) -> Iterator[SqlWork]:
    with failures(), database_url(home) as url:
        database = Database(url, pool_size=1)
        try:
            with Works(database).begin() as work:
                yield work
        finally:
            database.close()


@app.command()
def example() -> None:
    """Print a statement to begin with."""
    typer.echo(_EXAMPLE, nl=False)


@app.command()
def count(statement: File, home: Home) -> None:
    """How many people it touched, and whom to tell by when. Nobody is told yet, nothing is entered."""
    with failures():
        stated = Statement.read(statement.read_text(encoding="utf-8"))
        with _work(home) as work:
            affected = count_affected(work, stated)
        typer.echo(json.dumps({"affected": affected, "deadlines": deadlines(stated)}, indent=2))


@app.command(name="open")
def open_command(
    statement: File,
    home: Home,
    operator: Annotated[str, typer.Option(help="Who opens it, as an id: it goes into the journal's public part.")],
) -> None:
    """Enter the incident, and put a notice before everybody it touched."""
    with failures():
        stated = Statement.read(statement.read_text(encoding="utf-8"))
        keys = FileKeyStore.open(home / "keystore")
        try:
            with _work(home) as work:
                opened = open_incident(
                    work, stated, keys=keys, opened_by=operator, at=datetime.now(UTC), entropy=os.urandom
                )
        finally:
            keys.close()
        found = {
            "incident": str(opened.incident_id),
            "affected": opened.affected,
            "journal": opened.leaf.hex(),
            "deadlines": deadlines(stated),
        }
        typer.echo(json.dumps(found, indent=2))


@app.command(name="list")
def list_command(home: Home) -> None:
    """Every incident: when, how many were touched, how many have read their notice."""
    with _work(home) as work:
        for incident, read in work.incidents.counts():
            opened = incident.opened_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
            typer.echo(
                f"{incident.incident_id}  {opened}  {incident.affected} touched  {read} read  {incident.opened_by}"
            )
