"""`tongguan changes`: what two operators change together (specs/governed-changes.md)."""

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from broker.cli.database import failures
from broker.cli.partners import AsJson, Home, desk
from broker.cli.staff import KeyFile, read_key_file
from broker.core.change_body import LISTS, Kind
from broker.core.change_statement import read_statement
from broker.core.denial import InvalidInput
from broker.core.governed_change import REFUSED, ChangeRefusal, GovernedChange
from broker.core.jws import to_base64url
from broker.core.rulebook import Rulebook
from broker.core.special_list import Special, key_id, made_of, member, read_entries
from broker.flows.ports import KeyStore, Work
from broker.flows.propose_change import Proposal, propose_change
from broker.flows.sign_change import sign_change
from broker.flows.withdraw_change import withdraw_change
from broker.settings import Settings
from broker.stores.key_store import FileKeyStore
from broker.wire.identity_grant import DocumentType
from broker.wire.keys import LocalSigner

app = typer.Typer(no_args_is_help=True)

MAX_FILE: Final = 8 * 1024 * 1024
ChangeId = Annotated[str, typer.Argument(help="The change's id.")]
Because = Annotated[str, typer.Option(help="Why, for whoever reads it later. Public.")]
Hours = Annotated[float | None, typer.Option("--hours", min=0.1, help="How long it stands, in hours.")]
Days = Annotated[float | None, typer.Option("--days", min=0.1, help="How long it stands, in days.")]
EntriesFile = Annotated[
    Path | None,
    typer.Option("--entries", exists=True, dir_okay=False, help="document_type,number,grade[,since] lines."),
]


@dataclass(frozen=True, slots=True)
class _Office:
    """An operator at work: transaction, key store, rules, which broker, and the moment."""

    work: Work
    keys: KeyStore
    rulebook: Rulebook
    origin: str
    at: datetime


@contextmanager
def office(home: Path) -> Iterator[_Office]:
    """One transaction over the broker's database, with its key store."""
    with desk(home) as at_work:
        keys = FileKeyStore.open(home / "keystore")
        try:
            yield _Office(at_work.work, keys, _rulebook(at_work.settings), at_work.settings.issuer, at_work.at)
        finally:
            keys.close()


@app.command()
def propose(
    kind: Annotated[Kind, typer.Argument(help="What is changed.")],
    home: Home,
    key: KeyFile,
    because: Because,
    body: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="What it says: JSON or TOML.")] = None,
    entries: EntriesFile = None,
    since: Annotated[datetime | None, typer.Option("--from", help="From when (UTC); now if not said.")] = None,
    hours: Hours = None,
    days: Days = None,
) -> None:
    """Propose a change, and put the first signature on it. A second operator signs with `sign`."""
    with failures():
        staff_id, signer = read_key_file(key)
    with office(home) as at:
        begins = at.at if since is None else since.replace(tzinfo=since.tzinfo or UTC)
        proposal = Proposal(
            kind=kind,
            because=because,
            since=begins,
            until=max(begins, at.at) + _length(hours, days),
            body=None if body is None else _read_body(body),
            entries=None if entries is None else read_entries(_text(entries), kind),
        )
        change = propose_change(
            at.work,
            proposal,
            keys=at.keys,
            policy=at.rulebook.transfers.policy,
            origin=at.origin,
            staff_id=staff_id,
            at=at.at,
            entropy=os.urandom,
        )
        signed = _signed(at, change, staff_id, signer)
    _say(signed)


@app.command()
def sign(
    key: KeyFile,
    change: Annotated[str | None, typer.Argument(help="The change's id.")] = None,
    home: Annotated[Path | None, typer.Option("--home", envvar="TONGGUAN_HOME", help="The broker's home.")] = None,
    statement: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The statement as the broker's page gives it.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="You have read it.")] = False,
) -> None:
    """Sign a change: at the broker by its id, or elsewhere its statement, and print the signature for the page."""
    with failures():
        staff_id, signer = read_key_file(key)
    if statement is not None:
        raw = statement.read_bytes()[:MAX_FILE]
        with failures():
            _confirm(read_statement(raw), yes)
        print(to_base64url(signer.sign(raw)))
        return
    if change is None or home is None:
        raise typer.BadParameter("name a change and --home, or --statement")
    with office(home) as at:
        found = _found(at.work, change)
        _confirm(found, yes)
        signed = _put(at, found, staff_id, signer)
    if isinstance(signed, ChangeRefusal):  # journalled, so the work above is kept
        typer.echo(f"error: {REFUSED[signed]}", err=True)
        raise typer.Exit(1)
    _say(signed)


@app.command()
def withdraw(change: ChangeId, home: Home, key: KeyFile, because: Because) -> None:
    """Propose that a change in force ends now, and put the first signature on that."""
    with failures():
        staff_id, signer = read_key_file(key)
    with office(home) as at:
        ending = withdraw_change(
            at.work,
            change_id=_id(change),
            because=because,
            keys=at.keys,
            policy=at.rulebook.transfers.policy,
            origin=at.origin,
            staff_id=staff_id,
            at=at.at,
            entropy=os.urandom,
        )
        signed = _signed(at, ending, staff_id, signer)
    _say(signed)


@app.command(name="list")
def list_changes(
    home: Home, limit: Annotated[int, typer.Option(min=1, max=1000)] = 50, as_json: AsJson = False
) -> None:
    """Changes, newest first, and which of them stand now."""
    with desk(home) as at_work:
        standing = at_work.work.changes.standing(at_work.at)
        found = [
            document(change, standing.state(change, at_work.at)) for change in at_work.work.changes.all(limit=limit)
        ]
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for each in found:
        print(f"{each['change']}  {each['state']:<9} {each['kind']:<17} until {each['until']}  {each['because']}")


@app.command()
def show(change: ChangeId, home: Home) -> None:
    """One change, with its signatures. A list shows how long it is, and nobody who is on it."""
    with desk(home) as at_work:
        found = _found(at_work.work, change)
        _say(found, at_work.work.changes.standing(at_work.at).state(found, at_work.at))


@app.command()
def compare(
    change: ChangeId,
    home: Home,
    entries: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The file the list is said to be of.")],
) -> None:
    """Say whether a list is made of exactly these entries: what its second signer asks before signing."""
    with office(home) as at:
        found = _found(at.work, change)
        if found.kind not in LISTS:
            raise InvalidInput("not_a_list", "that change is no list")
        key = at.keys.key(key_id(found.change_id))
        made = made_of(found.change_id, found.kind, read_entries(_text(entries), found.kind), key=key)
        same = made.digest() == found.body["digest"]
    print("The same entries." if same else "Other entries.")
    raise typer.Exit(0 if same else 1)


@app.command()
def check(
    change: ChangeId,
    home: Home,
    document_type: Annotated[DocumentType, typer.Option("--type", help="The kind of document.")],
    number: Annotated[str, typer.Option(prompt=True, hide_input=True, help="Its number; asked for if not given.")],
) -> None:
    """Ask a list about one person, by a document in hand."""
    with office(home) as at:
        found = at.work.changes.members(_id(change))
        if found is None:
            raise InvalidInput("not_a_list", "that change is no list")
        key = at.keys.key(found.key_id)
        special = found.of([member(key, document_type, number)])
    print((special or Special("none")).grade)


def document(change: GovernedChange, state: str) -> dict[str, Any]:
    """A change as operators read it."""
    return {
        "change": change.change_id.hex,
        "kind": change.kind.value,
        "state": state,
        "from": change.since.isoformat(),
        "until": change.until.isoformat(),
        "in_force_at": None if change.in_force_at is None else change.in_force_at.isoformat(),
        "because": change.because,
        "body": change.body,
        "broker": change.origin,
        "digest": change.digest.hex(),
        "proposed_by": change.proposed_by,
        "signatures": [{"by": one.staff_id, "at": one.signed_at.isoformat()} for one in change.signatures],
    }


def _put(at: _Office, change: GovernedChange, staff_id: str, signer: LocalSigner) -> GovernedChange | ChangeRefusal:
    signature = signer.sign(change.statement())
    return sign_change(
        at.work,
        change_id=change.change_id,
        staff_id=staff_id,
        signature=signature,
        clock=lambda: datetime.now(UTC),
        entropy=os.urandom,
    )


def _signed(at: _Office, change: GovernedChange, staff_id: str, signer: LocalSigner) -> GovernedChange:
    """Raises InvalidInput for a signature that is not taken: a proposal without it is not kept."""
    signed = _put(at, change, staff_id, signer)
    if isinstance(signed, ChangeRefusal):
        raise InvalidInput("not_signed", REFUSED[signed])
    return signed


def _length(hours: float | None, days: float | None) -> timedelta:
    if (hours is None) is (days is None):
        raise InvalidInput("bad_period", "say how long it stands: --hours or --days")
    return timedelta(hours=hours or 0, days=days or 0)


def _rulebook(settings: Settings) -> Rulebook:
    stated = settings.transfers
    return Rulebook.load(None if stated is None else (settings.home / stated).read_text(encoding="utf-8"))


def _read_body(path: Path) -> Mapping[str, Any]:
    text = _text(path)
    try:
        read = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            "bad_change", f"{path.name} is not {'TOML' if path.suffix == '.toml' else 'JSON'}"
        ) from error
    if not isinstance(read, dict):
        raise InvalidInput("bad_change", f"{path.name} holds no object")
    return read


def _text(path: Path) -> str:
    if path.stat().st_size > MAX_FILE:
        raise InvalidInput("too_large", f"{path.name} is larger than {MAX_FILE} bytes")
    return path.read_text(encoding="utf-8")


def _id(text: str) -> UUID:
    try:
        return UUID(hex=text)
    except ValueError as error:
        raise InvalidInput("unknown_change", "that is no change's id") from error


def _found(work: Work, text: str) -> GovernedChange:
    change = work.changes.find(_id(text))
    if change is None:
        raise InvalidInput("unknown_change", "there is no such change")
    return change


def _confirm(change: GovernedChange, yes: bool) -> None:
    """What is signed is what was read."""
    typer.echo(json.dumps(document(change, "to be signed"), ensure_ascii=False, indent=2), err=True)
    if not yes:
        typer.confirm("Sign this change?", abort=True, err=True)


def _say(change: GovernedChange, state: str | None = None) -> None:
    if state is None:
        state = "proposed" if change.in_force_at is None else "signed by two"
    print(json.dumps(document(change, state), ensure_ascii=False, indent=2))
