"""Rotating a key from the command line: the key changes, and the operator is told what a running broker does."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from broker.cli.broker import app
from broker.main import compose
from broker.settings import Settings
from broker.stores.signing_keys import SigningKeys
from broker.token_keys import token_keys
from broker.wire.registry import KeyUse


@pytest.fixture
def home(tmp_path: Path) -> Path:
    assert CliRunner().invoke(app, ["init", "--home", str(tmp_path)]).exit_code == 0
    return tmp_path


def test_a_rotation_says_that_a_restart_is_needed_and_it_is(home: Path) -> None:
    settings = Settings.load(home)
    running = compose(settings, "postgresql://127.0.0.1:1/none")
    before = running.services.pass_signer.kid
    told = CliRunner().invoke(app, ["keys", "rotate", "--home", str(home), "--use", "pass"])
    assert told.exit_code == 0
    assert "RESTART" in told.output
    now = SigningKeys.load(home / "keys").signer(KeyUse.PASS).kid
    assert now.hex() in told.output
    assert now != before
    restarted = compose(settings, "postgresql://127.0.0.1:1/none")
    assert running.services.pass_signer.kid == before
    assert restarted.services.pass_signer.kid == now
    # What the old key signed is believed after the restart too.
    assert {key.public.kid for key in restarted.services.pass_keys} == {before, now}
    for ports in (running, restarted):
        for port in ports.closing:
            port.close()


@pytest.mark.parametrize("use", ["root", "gate", ""])
def test_other_keys_are_not_rotated_here(home: Path, use: str) -> None:
    before = {path.name: path.read_bytes() for path in (home / "keys").glob("*.pem")}
    assert CliRunner().invoke(app, ["keys", "rotate", "--home", str(home), "--use", use]).exit_code == 2
    assert {path.name: path.read_bytes() for path in (home / "keys").glob("*.pem")} == before


def _kids(home: Path) -> tuple[str, list[str]]:
    """The token key that signs, and all in the key set."""
    ring = token_keys(SigningKeys.load(home / "keys"), lambda: datetime.now(UTC)).ring
    return ring.current.kid, [str(jwk["kid"]) for jwk in ring.published]


def _run(home: Path, *command: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["keys", *command, "--home", str(home)])
    return done.exit_code, done.output


def test_a_second_rotation_waits_until_clients_have_fetched_the_next_key(home: Path) -> None:
    assert _run(home, "rotate", "--use", "token")[0] == 0
    before = _kids(home)
    code, said = _run(home, "rotate", "--use", "token")
    assert (code, _kids(home)) == (1, before)
    assert "--before-clients-know" in said
    assert _run(home, "rotate", "--use", "token", "--before-clients-know")[0] == 0
    assert _kids(home) != before


@pytest.mark.parametrize("place", ["signing", "next", "retired"])
def test_a_token_key_that_became_known_counts_for_nothing_any_more(home: Path, place: str) -> None:
    first, _ = _kids(home)
    assert _run(home, "rotate", "--use", "token")[0] == 0
    signing, known = _kids(home)
    (following,) = set(known) - {first, signing}
    dropped = {"signing": signing, "next": following, "retired": first}[place]
    code, said = _run(home, "drop", dropped)
    assert (code, dropped in said) == (0, True)
    current, left = _kids(home)
    assert dropped not in left
    assert current == (following if place == "signing" else signing)
    assert len(left) == (2 if place == "retired" else 3)
    assert _run(home, "drop", dropped)[0] == 1


def test_the_token_key_moves_on_and_both_are_known(home: Path) -> None:
    settings = Settings.load(home)
    before = compose(settings, "postgresql://127.0.0.1:1/none")
    done = CliRunner().invoke(app, ["keys", "rotate", "--home", str(home), "--use", "token"])
    assert done.exit_code == 0, done.output
    after = compose(settings, "postgresql://127.0.0.1:1/none")
    old, new = before.authorization.token_keys, after.authorization.token_keys
    assert new.current.kid != old.current.kid
    # The key that signs now was published beforehand, and what the old one signed is still believed.
    assert new.current.kid in {jwk["kid"] for jwk in old.ring.published}
    assert new.verified(old.current.sign({"sub": "s"}, typ="at+jwt"), typ="at+jwt") == {"sub": "s"}
    assert old.verified(new.current.sign({"sub": "s"}, typ="at+jwt"), typ="at+jwt") == {"sub": "s"}
    for ports in (before, after):
        for port in ports.closing:
            port.close()
