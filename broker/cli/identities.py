"""`tongguan identities`: logins that wait for an officer, who has seen the document (specs/linking.md 3)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import httpx
import typer

from broker.cli.database import database_url, failures
from broker.core.denial import Denied, Refusal, UnknownTraveller
from broker.flows.confirm_identity import settle_identity
from broker.flows.merge_people import merge_people
from broker.outbound import trust
from broker.settings import Settings
from broker.stores.database import Database
from broker.stores.key_store import FileKeyStore
from broker.stores.signing_keys import SigningKeys
from broker.stores.work import SqlWork, Works
from broker.wire.registry import KeyUse

app = typer.Typer(no_args_is_help=True)

Home = Annotated[Path, typer.Option("--home", envvar="TONGGUAN_HOME", help="The broker's home directory.")]


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
def held(home: Home) -> None:
    """What waits: id, since when, provider, why. Nothing about the person: the officer asks them for it."""
    with _work(home) as work:
        for waiting in work.identities.held_for(None, datetime.now(UTC)):
            since = waiting.created_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
            typer.echo(f"{waiting.held_id}  {since}  {waiting.provider}  {waiting.reason}")


@app.command()
def settle(
    held_id: UUID,
    home: Home,
    officer: Annotated[str, typer.Option(help="Who decided; it goes into the journal.")],
    same_person: Annotated[bool, typer.Option("--same-person/--another", help="What the documents showed.")],
) -> None:
    """Link the identity to the person it may be, or let it go."""
    keys = FileKeyStore.open(home / "keystore")
    try:
        with _work(home) as work:
            outcome = settle_identity(
                work,
                keys=keys,
                held_id=held_id,
                same_person=same_person,
                officer=officer,
                at=datetime.now(UTC),
                entropy=os.urandom,
            )
    finally:
        keys.close()
    if isinstance(outcome, Denied):
        typer.echo(outcome.detail)
        raise typer.Exit(0 if outcome.reason is Refusal.IDENTITY_REFUSED else 1)
    typer.echo(f"linked: {outcome.provider}")


@app.command()
def merge(
    survivor: Annotated[UUID, typer.Argument(help="The account that stays.")],
    merged: Annotated[UUID, typer.Argument(help="The account that ends; it is erased.")],
    home: Home,
    officer: Annotated[str, typer.Option(help="Who decided; it goes into the journal.")],
) -> None:
    """Two accounts are one person's: one stays, with the identities, documents and counts of both."""
    with failures():
        signer = SigningKeys.load(home / "keys").signer(KeyUse.STATUS)
    keys = FileKeyStore.open(home / "keystore")
    at = datetime.now(UTC)
    try:
        with _work(home) as work:
            outcome = merge_people(
                work,
                keys=keys,
                status_signer=signer,
                survivor=survivor,
                merged=merged,
                officer=officer,
                at=at,
                entropy=os.urandom,
            )
    except UnknownTraveller as unknown:
        outcome = Denied(Refusal.IDENTITY_UNKNOWN, f"there is no account {unknown}")
    finally:
        keys.close()
    if isinstance(outcome, Denied):
        typer.echo(outcome.detail, err=True)
        raise typer.Exit(1)
    typer.echo(f"merged; complete at {outcome.complete_at.isoformat()}")


@app.command()
def status(home: Home) -> None:
    """The way to each provider as one worker of the running broker sees it."""
    with failures():
        settings = Settings.load(home)
    try:
        with httpx.Client(verify=trust(settings.trusted_ca), trust_env=False, timeout=5) as http:
            found = http.get(f"{settings.issuer}/providers/status").raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        typer.echo(f"the broker at {settings.issuer} does not answer: {type(error).__name__}", err=True)
        raise typer.Exit(1) from error
    for name, health in found.items():
        offset = health["clock_offset_seconds"]
        typer.echo(f"{name}  {health['circuit']}  {health['busy']}/{health['places']} calls  clock {offset:+.0f} s")
