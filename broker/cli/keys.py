"""`tongguan broker keys`: the broker's signing keys."""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from broker.cli.database import failures
from broker.stores.signing_keys import SigningKeys
from broker.wire.registry import KeyUse

app = typer.Typer(no_args_is_help=True, help="The broker's signing keys.")

Home = Annotated[Path, typer.Option("--home", envvar="TONGGUAN_HOME", help="The broker's home directory.")]


class Rotated(StrEnum):
    """The uses whose keys may change; gates pin the root."""

    PASS = KeyUse.PASS.value
    STATUS = KeyUse.STATUS.value
    CHECKPOINT = KeyUse.CHECKPOINT.value
    RECEIPT = KeyUse.RECEIPT.value
    ANSWER = KeyUse.ANSWER.value
    TOKEN = "token"  # noqa: S105  a use


@app.callback()
def keys() -> None:
    """The broker's signing keys."""


@app.command()
def rotate(home: Home, use: Annotated[Rotated, typer.Option(help="What the key signs.")]) -> None:
    """Put a new key in place. A running broker signs with the old one until it is restarted."""
    if use is Rotated.TOKEN:
        _rotate_token(home)
        return
    with failures():
        signing = SigningKeys.load(home / "keys")
        new = signing.rotate(KeyUse(use.value), at=datetime.now(UTC))
    print(f"The {use.value} key is now {new.kid.hex()}; the old one's public half is kept.")
    print("A running broker goes on signing with the old key: RESTART IT within the hour.")
    if use in (Rotated.PASS, Rotated.STATUS):
        print("Wait about 15 minutes before that, so that gates have fetched the trust list that names the new key.")


def _rotate_token(home: Path) -> None:
    with failures():
        SigningKeys.load(home / "keys").rotate_token(at=datetime.now(UTC))
    print("Tokens are signed with the key that was published ahead; the next one is published from now on.")
    print("Running brokers follow within seconds. Rotate again no sooner than clients fetch keys: a day is safe.")
