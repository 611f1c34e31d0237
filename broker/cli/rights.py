"""`tongguan rights`: verify what people were handed, without a database; delete what has had its time."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from broker.cli import incidents
from broker.cli.database import Home, database_url, failures
from broker.core import erasure_certificate, portability
from broker.core import retention as deletion
from broker.core.retention import RetentionRules
from broker.core.statement_check import (
    MAX_STATEMENT,
    Statement,
    read_jwks,
    verify_export,
    verify_journal_place,
    verify_statement,
)
from broker.flows.run_retention import count_due, run_retention
from broker.settings import Settings
from broker.stores.database import Database
from broker.stores.signing_keys import SigningKeys
from broker.stores.work import Works
from broker.wire.checkpoint import parse_verifier_key
from broker.wire.keys import PublicKey
from broker.wire.registry import KeyUse

app = typer.Typer(no_args_is_help=True)
app.add_typer(incidents.app, name="breach")

_TYPES = (erasure_certificate.TYP, deletion.TYP)


@app.callback()
def _root() -> None:
    """People's rights: verify certificates and exports, answer incidents, delete what its time ended."""


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A certificate (.jws), an export (.json) or a deletion receipt (.jws).")],
    keys: Annotated[
        Path, typer.Option(help="The broker's statement keys as a JWK Set: saved from BROKER/agencies/v1/jwks.")
    ],
    journal_key: Annotated[
        list[str] | None,
        typer.Option(help="A verifier key of the journal, got elsewhere (`tongguan journal verifier-key`)."),
    ] = None,
) -> None:
    """Check signature, type and place in the journal; print what is stated. Exit status 1 when one does not hold."""
    with failures():
        trusted = read_jwks(keys.read_bytes())
        statement = _read(file, trusted)
        print(json.dumps(statement.claims, indent=2, ensure_ascii=False))
        print(f"signed by {statement.kid}: {statement.typ}")
        place = statement.claims.get("journal")
        if place is not None:
            _place(place, journal_key or [])


def _read(file: Path, trusted: tuple[PublicKey, ...]) -> Statement:
    if file.stat().st_size > MAX_STATEMENT:
        raise ValueError("the file is too large to be a statement")
    text = file.read_text(encoding="utf-8")
    if text.lstrip().startswith("{"):
        return verify_export(text, trusted, expected=(portability.TYP,))
    return verify_statement(text, trusted, expected=_TYPES)


def _place(place: Any, texts: list[str]) -> None:
    """The journal's part. Without a key from elsewhere it proves nothing, and that is said."""
    if not texts:
        print("journal: NOT CHECKED, name a --journal-key")
        return
    parsed = [parse_verifier_key(text) for text in texts]
    checkpoint = verify_journal_place(place, [key for _, key in parsed], origin=parsed[0][0])
    print(
        f"journal: entry {place['leaf']} is under the checkpoint of {checkpoint.size} entries, {checkpoint.signed_at}"
    )


@app.command()
def retention(
    home: Home,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is due, and delete nothing.")] = False,
    receipts: Annotated[Path | None, typer.Option(help="Write each receipt into this folder too.")] = None,
) -> None:
    """Delete what has had its time, with a signed receipt for each category. A running broker does so by itself."""
    rules, at = RetentionRules.load(), datetime.now(UTC)
    with failures(), database_url(home) as url:
        database = Database(url, pool_size=1)
        try:
            if dry_run:
                for category, due in count_due(Works(database).begin, rules=rules, at=at):
                    typer.echo(f"{category.id}: {due} due, kept {category.hours} h ({category.why})")
                return
            removed = run_retention(
                Works(database).begin,
                rules=rules,
                categories=rules.category,
                signer=SigningKeys.load(home / "keys").signer(KeyUse.RECEIPT),
                issuer=Settings.load(home).issuer,
                at=at,
                entropy=os.urandom,
            )
            for one in removed:
                typer.echo(f"{one.category}: {one.deleted} deleted, {len(one.receipts)} receipts")
            if receipts is not None:
                _write_receipts(database, receipts, {name for one in removed for name in one.receipts})
        finally:
            database.close()


def _write_receipts(database: Database, folder: Path, wanted: set[UUID]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with Works(database).begin() as work:
        for kept in work.retention.receipts(limit=len(wanted)):
            if kept.receipt_id in wanted:
                (folder / f"{kept.category}-{kept.receipt_id}.jws").write_text(kept.receipt, encoding="ascii")
