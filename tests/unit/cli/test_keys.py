"""Rotating a key from the command line: the key changes, and the operator is told what a running broker does."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from broker.cli.broker import app
from broker.main import compose
from broker.settings import Settings
from broker.stores.signing_keys import SigningKeys
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
