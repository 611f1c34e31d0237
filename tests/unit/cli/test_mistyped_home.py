"""A directory that is no broker's home is named in one line, and nothing is made in it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from broker.cli import identities, partners, transfer


@pytest.mark.parametrize(
    ("app", "words"),
    [(transfer.app, ["recount"]), (identities.app, ["held"]), (partners.app, ["list"])],
    ids=["transfer recount", "identities held", "partners list"],
)
def test_nothing_is_made_in_a_mistyped_home(
    app: object, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TONGGUAN_DATABASE_URL", raising=False)
    home = tmp_path / "broker-hmoe"
    result = CliRunner().invoke(app, [*words, "--home", str(home)])  # type: ignore[arg-type]
    assert result.exit_code == 1
    assert "broker.toml is missing" in result.output
    assert not home.exists()
