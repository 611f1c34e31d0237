"""A database that goes away in the middle: a clear error, nothing half-written, and work goes on afterwards."""

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from broker.stores.database import Database, DatabaseBusy, DatabaseUnavailable
from broker.stores.journal import Journal
from broker.stores.journal_audit import audit
from broker.stores.migrate import migrate
from broker.stores.postgres import EmbeddedPostgres
from broker.stores.sequencer import Sequencer, SequencerThread
from broker.wire.keys import LocalSigner
from broker.wire.registry import KeyUse
from tests.support.postgres import Cluster

AT = datetime(2026, 1, 1, tzinfo=UTC)


def _append(database: Database) -> bytes:
    with database.unit_of_work() as uow:
        return Journal().append(uow, "traveller:pass:minted", {}, at=AT, entropy=os.urandom)


def _sever(cluster: Cluster, database: Database) -> None:
    """Cut every connection to the database, as a failing server or network does."""
    with cluster.admin() as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
            (database.engine.url.database,),
        )


def test_an_unreachable_server_is_named_as_such(tmp_path: Path) -> None:
    for url in ("postgresql://nobody@127.0.0.1:1/nowhere", f"postgresql://nobody@/nowhere?host={tmp_path}"):
        with pytest.raises(DatabaseUnavailable, match="cannot be reached"):
            _append(Database(url))
        with pytest.raises(DatabaseUnavailable):
            migrate(url)


def test_a_connection_that_died_in_the_pool_is_replaced_unnoticed(cluster: Cluster, database: Database) -> None:
    _append(database)
    _sever(cluster, database)
    _append(database)


def test_a_connection_that_dies_in_the_middle_keeps_nothing(cluster: Cluster, database: Database) -> None:
    with pytest.raises(DatabaseUnavailable) as failed, database.unit_of_work() as uow:
        Journal().append(uow, "traveller:pass:minted", {}, at=AT, entropy=os.urandom)
        _sever(cluster, database)
        uow.session.execute(text("SELECT 1"))
    assert not failed.value.outcome_unknown
    _append(database)
    with database.unit_of_work() as uow:
        assert uow.session.execute(text("SELECT count(*) FROM journal_inbox")).scalar_one() == 1


def test_a_connection_that_dies_at_the_commit_says_that_the_outcome_is_unknown(
    cluster: Cluster, database: Database
) -> None:
    with pytest.raises(DatabaseUnavailable) as failed, database.unit_of_work() as uow:
        Journal().append(uow, "traveller:pass:minted", {}, at=AT, entropy=os.urandom)
        _sever(cluster, database)
    assert failed.value.outcome_unknown


def test_a_lock_that_is_not_given_in_time_is_busy_not_broken(database_url: str) -> None:
    database = Database(database_url)
    with database.unit_of_work() as holder:
        holder.session.execute(text("LOCK TABLE journal_inbox"))
        with pytest.raises(DatabaseBusy), database.unit_of_work() as waiting:
            waiting.session.execute(text("SET LOCAL lock_timeout = '50ms'"))
            waiting.session.execute(text("LOCK TABLE journal_inbox"))
    database.close()


def test_a_statement_that_runs_too_long_is_stopped(database: Database) -> None:
    with pytest.raises(DatabaseBusy), database.unit_of_work() as uow:
        uow.session.execute(text("SET LOCAL statement_timeout = '50ms'"))
        uow.session.execute(text("SELECT pg_sleep(30)"))


def test_time_limits_are_set_on_every_connection(database: Database) -> None:
    with database.unit_of_work() as uow:
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            assert uow.session.execute(text("SELECT current_setting(:name)"), {"name": name}).scalar_one() != "0"


def test_an_error_text_holds_no_values(database: Database) -> None:
    with pytest.raises(Exception, match="hidden") as failed, database.unit_of_work() as uow:
        uow.session.execute(text("SELECT CAST(:name AS int)"), {"name": "CHAN Tai Man"})
    # The driver's own message quotes the value; what is logged of ours must not add the parameters to it.
    assert "parameters" in str(failed.value)


def test_two_hundred_threads_share_a_pool_of_forty_eight(database_url: str) -> None:
    """More work than connections waits its turn; nothing stalls and nothing fails."""
    database = Database(database_url, pool_size=48)
    start, failures = threading.Barrier(200), []

    def work() -> None:
        start.wait()
        try:
            for _ in range(5):
                _append(database)
        except DatabaseUnavailable as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with database.unit_of_work() as uow:
        assert uow.session.execute(text("SELECT count(*) FROM journal_inbox")).scalar_one() == 1000
    database.close()


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server of one's own with everything that makes commits durable."""
    server = EmbeddedPostgres(tmp_path, settings={"shared_buffers": "16MB"})
    server.start()
    migrate(server.url)
    yield server
    server.shut_down()


def test_a_server_killed_under_load_loses_no_acknowledged_entry(durable: EmbeddedPostgres, tmp_path: Path) -> None:
    """Threads append while the sequencer runs and the server is killed: every leaf hash handed out is in the log."""
    pid_file = tmp_path / "postgres" / "cluster" / "postmaster.pid"
    postmaster = int(pid_file.read_text().split("\n", 1)[0])
    database = Database(durable.url, pool_size=12)
    signer = LocalSigner.generate(KeyUse.CHECKPOINT)
    acknowledged: list[bytes] = []
    refused: list[DatabaseUnavailable] = []
    guard, enough = threading.Lock(), threading.Event()

    def work() -> None:
        failures = 0
        while failures < 3:
            try:
                leaf = _append(database)
            except DatabaseUnavailable as error:
                failures += 1
                with guard:
                    refused.append(error)
                continue
            with guard:
                acknowledged.append(leaf)
                if len(acknowledged) >= 300:
                    enough.set()

    threads = [threading.Thread(target=work) for _ in range(6)]
    sequencer = SequencerThread(Sequencer(database, signer, lambda: AT), interval=0.01)
    sequencer.start()
    for thread in threads:
        thread.start()
    assert enough.wait(60)
    os.kill(postmaster, 9)
    for thread in threads:
        thread.join(60)
    assert refused
    pause = threading.Event()
    for _ in range(600):  # the supervisor starts another server
        try:
            _append(database)
            break
        except DatabaseUnavailable:
            pause.wait(0.1)
    sequencer.stop()
    report = audit(database, [signer.public])
    assert (report.faults, report.waiting) == ([], 0)
    with database.unit_of_work() as uow:
        placed = set(uow.session.execute(text("SELECT leaf_hash FROM journal_entries")).scalars().all())
    assert set(acknowledged) <= placed
    database.close()
