"""`tongguan journal`: recompute the log, export it, and print what an auditor needs to do so independently."""

import re
from pathlib import Path
from typing import Annotated

import typer

from broker.cli.database import Home, database_url, failures
from broker.stores.database import Database
from broker.stores.journal import Journal
from broker.stores.journal_audit import Audit, audit
from broker.stores.journal_export import export as export_journal
from broker.stores.signing_keys import SigningKeys
from broker.web.journal import Proof
from broker.wire.checkpoint import Checkpoint, parse_verifier_key
from broker.wire.checkpoint import verifier_key as verifier_key_of
from broker.wire.checkpoint import verify as verify_checkpoint
from broker.wire.keys import PublicKey
from broker.wire.merkle import ProofError, verify_inclusion
from broker.wire.registry import KeyUse

app = typer.Typer(no_args_is_help=True)

_LEAF = re.compile(r"[0-9a-fA-F]{64}")


@app.command()
def verify(
    home: Home,
    export: Annotated[Path | None, typer.Option(help="Also write the journal to this file.")] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="Trusted verifier key; default: the keys in the home directory.")
    ] = None,
    seen: Annotated[
        Path | None, typer.Option(help="A checkpoint kept from earlier, which the log must still contain.")
    ] = None,
) -> None:
    """Recompute every hash and check every checkpoint; exit status 1 when anything does not hold."""
    with failures(), database_url(home) as url:
        database = Database(url, pool_size=2)
        try:
            keys = _trusted(home, key or [])
            anchor = None if seen is None else _read_checkpoint(seen, keys)
            report = (
                audit(database, keys, seen=anchor)
                if export is None
                else export_journal(database, keys, export, seen=anchor)
            )
        finally:
            database.close()
        _print(report)
    if report.faults:
        raise typer.Exit(1)


@app.command()
def checkpoint(home: Home) -> None:
    """Print the newest signed checkpoint. Keep it somewhere else: it proves later that nothing was cut off."""
    with failures(), database_url(home) as url:
        database = Database(url, pool_size=1)
        try:
            with database.unit_of_work() as uow:
                note = Journal().latest_checkpoint(uow)
        finally:
            database.close()
        if note is None:
            raise ValueError("the journal has no checkpoint yet")
        print(note, end="")


@app.command()
def prove(
    leaf: Annotated[str, typer.Argument(metavar="LEAF_HEX", help="Leaf hash, 64 hex digits.")], home: Home
) -> None:
    """Print, as JSON, the proof that an entry is under the newest checkpoint; it is verified before it is printed."""
    with failures(), database_url(home) as url:
        if _LEAF.fullmatch(leaf) is None:
            raise ValueError("a leaf hash has 64 hexadecimal digits")
        wanted = bytes.fromhex(leaf)
        database = Database(url, pool_size=1)
        try:
            with database.unit_of_work() as uow:
                found, origin = Journal().proof(uow, wanted), Journal().origin(uow)
        finally:
            database.close()
        if found is None:
            raise ValueError("the journal has no such entry in place; a running broker places an entry within a second")
        signed = verify_checkpoint(found.checkpoint, _trusted(home, []), expected_origin=origin)
        try:
            verify_inclusion(wanted, index=found.position, size=signed.size, proof=found.path, root=signed.root)
        except ProofError as error:
            raise ValueError(f"the stored tree does not prove the entry: {error}") from error
        print(Proof.of(wanted, found).model_dump_json(indent=2))


@app.command(name="verifier-key")
def verifier_key(home: Home) -> None:
    """Print the public keys that checkpoints are verified with, one a line, the current one first."""
    with failures(), database_url(home) as url:
        database = Database(url, pool_size=1)
        try:
            with database.unit_of_work() as uow:
                origin = Journal().origin(uow)
        finally:
            database.close()
        for public in SigningKeys(home / "keys").publics(KeyUse.CHECKPOINT):
            print(verifier_key_of(public, origin))


def _trusted(home: Path, texts: list[str]) -> list[PublicKey]:
    if texts:
        return [parse_verifier_key(text)[1] for text in texts]
    return list(SigningKeys(home / "keys").publics(KeyUse.CHECKPOINT))


def _read_checkpoint(path: Path, keys: list[PublicKey]) -> Checkpoint:
    note = path.read_text(encoding="utf-8")
    return verify_checkpoint(note, keys, expected_origin=note.split("\n", 1)[0])


def _print(report: Audit) -> None:
    for fault in report.faults:
        print(f"FAULT: {fault}")
    latest = f", the last signed at {report.latest.signed_at:%Y-%m-%d %H:%M:%S} UTC" if report.latest else ""
    print(
        f"{report.origin}: {report.entries} entries, {report.checkpoints} checkpoints{latest}, {report.waiting} waiting"
    )
    print("verified" if not report.faults else f"NOT VERIFIED: {len(report.faults)} faults")
