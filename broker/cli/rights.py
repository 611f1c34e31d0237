"""`tongguan rights`: verify what people were handed, without a database."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from broker.cli.database import failures
from broker.core import erasure_certificate, portability
from broker.core.statement_check import (
    MAX_STATEMENT,
    Statement,
    read_jwks,
    verify_export,
    verify_journal_place,
    verify_statement,
)
from broker.wire.checkpoint import parse_verifier_key
from broker.wire.keys import PublicKey

app = typer.Typer(no_args_is_help=True)

_TYPES = (erasure_certificate.TYP,)


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
