"""`tongguan wallet serve`: what it refuses before it listens, and where it listens when nobody says otherwise."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from broker.cli import broker as broker_commands
from broker.settings import Settings
from wallet_app import cli as wallet_commands
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


def test_the_wallet_listens_where_a_new_broker_expects_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert CliRunner().invoke(broker_commands.app, ["init", "--home", str(tmp_path / "home")]).exit_code == 0
    wallet = Settings.load(tmp_path / "home").wallet
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>", encoding="utf-8")
    served: dict[str, object] = {}
    monkeypatch.setattr(wallet_commands.uvicorn, "run", lambda app, **options: served.update(options))
    done = CliRunner().invoke(app, ["serve", "--broker", "http://127.0.0.1:8400", "--dist", str(tmp_path)])
    assert done.exit_code == 0, done.output
    origin = f"http://{served['host']}:{served['port']}"
    assert wallet.origins == (origin,)
    assert wallet.redirect_uris == (f"{origin}/callback",)
    assert wallet.return_uris == (f"{origin}/consents",)
