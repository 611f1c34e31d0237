"""Our department's keys: made, named, found, and never looked for outside their folder."""

import json
import shutil
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner

from connectors.macau.department_keys import DepartmentKeys
from connectors.macau.make_key import app, make_key, public_set


def test_a_key_is_made_found_and_its_owners_alone(tmp_path: Path) -> None:
    kid = make_key(tmp_path / "keys")
    path = tmp_path / "keys" / f"{kid}.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert DepartmentKeys(path.parent).find(kid) is not None


def test_the_set_to_register_shows_no_private_part_and_the_newest_first(tmp_path: Path) -> None:
    first, second = make_key(tmp_path), make_key(tmp_path)
    assert [key["kid"] for key in public_set(tmp_path)["keys"]] == [second, first]
    assert not any("d" in key for key in public_set(tmp_path)["keys"])


def test_the_command_prints_the_set(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [str(tmp_path / "keys")])
    assert json.loads(done.stdout) == public_set(tmp_path / "keys")


@pytest.mark.parametrize("kid", ["../outside", "/etc/passwd", "", ".", "a" * 65, "a\0b", None, 7, ["x"], "absent"])
def test_names_that_lead_nowhere(tmp_path: Path, kid: object) -> None:
    folder = tmp_path / "keys"
    made = make_key(folder)
    shutil.copy(folder / f"{made}.pem", tmp_path / "outside.pem")
    assert DepartmentKeys(folder).find(kid) is None


def test_files_that_are_no_such_key(tmp_path: Path) -> None:
    (tmp_path / "text.pem").write_text("not a key")
    other = rsa.generate_private_key(65537, 2048)
    (tmp_path / "rsa.pem").write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for name in ("text", "rsa"):
        assert DepartmentKeys(tmp_path).find(name) is None
