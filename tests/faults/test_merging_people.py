"""`tongguan identities merge`: an officer's word makes one account of two."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner, Result

from broker.cli.identities import app
from broker.core.denial import UnknownTraveller
from broker.stores.signing_keys import SigningKeys
from tests.support.broker_world import World
from tests.support.real_world import real_world as real_world


def test_one_account_stays_and_knows_the_others_documents(
    real_world: World, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SigningKeys.generate(tmp_path / "keys")
    monkeypatch.setenv("TONGGUAN_DATABASE_URL", database_url)

    def merge(survivor: UUID, merged: UUID) -> Result:
        parties = [str(survivor), str(merged), "--officer", "wong", "--home", str(tmp_path)]
        return CliRunner().invoke(app, ["merge", *parties])

    survivor, other = real_world.ready("a"), real_world.ready("b")
    assert merge(survivor, survivor).exit_code == 1
    assert merge(survivor, uuid4()).exit_code == 1
    done = merge(survivor, other)
    assert done.exit_code == 0, done.output
    assert done.output.startswith("merged; complete at ")
    with real_world.begin() as work:
        assert len(work.identities.documents_of(survivor)) == 2
        assert work.transfers.stored_faces("HK") == 1
        kinds = [use.kind for use in work.journal.of_traveller(
            survivor, key=real_world.keys.key(survivor), limit=1, before=None
        )]  # fmt: skip
        assert kinds == ["traveller:identity:merged"]
    with pytest.raises(UnknownTraveller), real_world.begin() as work:
        work.travellers.find(other)
    # Nobody is merged twice.
    assert merge(survivor, other).exit_code == 1
