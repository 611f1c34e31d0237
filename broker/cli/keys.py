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
    """The uses whose keys may change; gates pin the root, and the token key has no overlap yet."""

    PASS = KeyUse.PASS.value
    STATUS = KeyUse.STATUS.value
    CHECKPOINT = KeyUse.CHECKPOINT.value
    RECEIPT = KeyUse.RECEIPT.value


@app.callback()
def keys() -> None:
    """The broker's signing keys."""


@app.command()
def rotate(home: Home, use: Annotated[Rotated, typer.Option(help="What the key signs.")]) -> None:
    """Put a new key in place. A running broker signs with the old one until it is restarted."""
    with failures():
        signing = SigningKeys.load(home / "keys")
        new = signing.rotate(KeyUse(use.value), at=datetime.now(UTC))
    print(f"The {use.value} key is now {new.kid.hex()}; the old one's public half is kept.")
    print("A running broker goes on signing with the old key: RESTART IT within the hour.")
    if use in (Rotated.PASS, Rotated.STATUS):
        print("Wait about 15 minutes before that, so that gates have fetched the trust list that names the new key.")
