"""`tongguan wallet serve`: what it refuses before it listens."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from wallet_app.cli import app


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--broker", "https://broker.example", "--dist", "{empty}"], "npm ci && npm run build"),
        (["--broker", "https://broker.example/path"], "the broker is an origin"),
        (["--broker", "https://broker.example", "--cert", "chain.pem"], "belong together"),
    ],
)
def test_refusals_say_what_to_do(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = CliRunner().invoke(app, ["serve", *(part.replace("{empty}", str(tmp_path)) for part in arguments)])
    assert done.exit_code == 2
    assert words in " ".join(done.output.split())
