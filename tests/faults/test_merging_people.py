"""`tongguan identities merge`: an officer's word makes one account of two."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner, Result

from broker.cli.identities import app
from broker.core.denial import UnknownTraveller
from broker.core.transfer import Held
from broker.flows.ports.transfers import TransferLine
from broker.stores.database import Database
from broker.stores.signing_keys import SigningKeys
from broker.stores.transfer_ledger import SqlTransferLedger
from tests.support.broker_world import World
from tests.support.lock_waits import AwaitLockWait
from tests.support.lock_waits import await_lock_wait as await_lock_wait
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


def test_a_release_among_several_meets_a_merge_and_forgets_nothing(
    database: Database, await_lock_wait: AwaitLockWait
) -> None:
    survivor, merged = (TransferLine(2026, "x-cn/CN", "bank", uuid4()) for _ in range(2))

    def enter(line: TransferLine, counts: Held) -> Held:
        with database.unit_of_work() as uow:
            ledger = SqlTransferLedger(uow.session)
            (standing,) = ledger.stand_together([line])
            (entered,) = ledger.enter_together([(standing, counts)])
            uow.commit()
        return entered & ~Held.AT_RECIPIENT

    enter(survivor, Held.NONSENSITIVE)
    enter(merged, Held.SENSITIVE)
    with ThreadPoolExecutor(1) as pool:
        with database.unit_of_work() as uow:
            SqlTransferLedger(uow.session).merge(2026, survivor=survivor.person, merged=merged.person)
            during: Future[object] = pool.submit(enter, survivor, Held.GROSS_SENSITIVE)
            await_lock_wait(during)
            uow.commit()
        assert during.result(timeout=60) == Held.GROSS_SENSITIVE
    # What the other account was counted in is not counted a second time.
    assert enter(survivor, Held.SENSITIVE) == Held.NONE
