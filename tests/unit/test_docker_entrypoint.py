"""The broker image's entry point, with a `python` that says what it was given instead of starting a broker."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

SCRIPT = Path(__file__).parents[2] / "docker" / "broker-entrypoint.sh"


def _start(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "broker.toml").touch()
    stub = tmp_path / "python"
    stub.write_text(
        f'#!/bin/sh\nif [ "$1" = -c ]; then exec {sys.executable} "$@"; fi\n'
        'printf "%s\\n" "${TONGGUAN_DATABASE_URL:-none}" "${DATABASE_PASSWORD:-none}" "$*"\n',
        encoding="utf-8",
    )
    stub.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin"
    environment = {"PATH": path, "TONGGUAN_HOME": str(tmp_path), **environment}
    return subprocess.run(["sh", SCRIPT], env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("password", ["plain", "a@b:c/d?e#f%20 g", "'\"$HOME`id`\\", "密码"])
def test_any_password_reaches_the_database(tmp_path: Path, password: str) -> None:
    done = _start(tmp_path, DATABASE_HOST="database", DATABASE_PASSWORD=password)
    assert done.returncode == 0, done.stderr
    url, left_over, command = done.stdout.splitlines()
    parsed = make_url(url)
    assert (parsed.username, parsed.password, parsed.host, parsed.database) == (
        "tongguan",
        password,
        "database",
        "tongguan",
    )
    assert left_over == "none"
    assert command == "-m broker.cli broker run --host 0.0.0.0 --port 8400 --workers 2"


def test_an_address_of_the_operator_s_own_stands_and_none_means_embedded(tmp_path: Path) -> None:
    own = _start(tmp_path, TONGGUAN_DATABASE_URL="postgresql://x@y/z", DATABASE_HOST="database")
    assert own.stdout.splitlines()[0] == "postgresql://x@y/z"
    assert _start(tmp_path).stdout.splitlines()[0] == "none"
    unset = _start(tmp_path, DATABASE_HOST="database")
    assert unset.returncode != 0
    assert "DATABASE_PASSWORD" in unset.stderr
