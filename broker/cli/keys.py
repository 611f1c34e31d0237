"""`tongguan broker keys`: the broker's signing keys."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from broker.cli.database import failures
from broker.oidc.keys import VerifyingKey, jwk_of
from broker.stores.signing_keys import SigningKeys
from broker.stores.token_key_files import TokenAlg
from broker.wire.registry import KeyUse

PUBLISHED_AHEAD: Final = timedelta(days=1)
"""How long a token key is published before it signs: longer than clients keep a key set."""

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
def rotate(
    home: Home,
    use: Annotated[Rotated, typer.Option(help="What the key signs.")],
    before_clients_know: Annotated[
        bool,
        typer.Option("--before-clients-know", help="Token keys: though clients may not have fetched the next one."),
    ] = False,
) -> None:
    """Put a new key in place. A running broker signs with the old one until it is restarted."""
    if use is Rotated.TOKEN:
        _rotate_token(home, datetime.now(UTC), before_clients_know=before_clients_know)
        return
    with failures():
        signing = SigningKeys.load(home / "keys")
        new = signing.rotate(KeyUse(use.value), at=datetime.now(UTC))
    print(f"The {use.value} key is now {new.kid.hex()}; the old one's public half is kept.")
    print("A running broker goes on signing with the old key: RESTART IT within the hour.")
    if use in (Rotated.PASS, Rotated.STATUS):
        print("Wait about 15 minutes before that, so that gates have fetched the trust list that names the new key.")


@app.command()
def drop(home: Home, kid: Annotated[str, typer.Argument(help="Its `kid` in the broker's JWKS.")]) -> None:
    """Forget a token key that somebody else may have: nothing under it counts any more. The next key signs instead."""
    with failures():
        signing = SigningKeys.load(home / "keys")
        found = next((key for key in _token_publics(signing) if jwk_of(key)["kid"] == kid), None)
        if found is None or not signing.drop_token(found):
            raise ValueError(f"there is no token key {kid}")
    print(
        f"The token key {kid} is gone. Running brokers follow within seconds, clients when they fetch the JWKS again."
    )


def _token_publics(signing: SigningKeys) -> list[VerifyingKey]:
    """Every token key that counts for anything."""
    files = [found for alg in TokenAlg if (found := signing.token_keys(alg)) is not None]
    return [
        key
        for one in files
        for key in (one.current.public_key(), one.ahead, *(key for key, _ in one.retired))
        if key is not None
    ]


def _rotate_token(home: Path, at: datetime, *, before_clients_know: bool) -> None:
    with failures():
        signing = SigningKeys.load(home / "keys")
        tokens = signing.token_keys()
        last = max((moment for _, moment in tokens.retired), default=None) if tokens is not None else None
        if last is not None and at < last + PUBLISHED_AHEAD and not before_clients_know:
            raise ValueError(
                "the next key has been published for less than a day, so clients may not know it yet: "
                "wait, or say --before-clients-know"
            )
        signing.rotate_token(at=at)
    print("Tokens are signed with the key that was published ahead; the next one is published from now on.")
    print("Running brokers follow within seconds.")
