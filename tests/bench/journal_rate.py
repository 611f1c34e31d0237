"""Durable journal appends a second on one worker, how far the sequencer keeps up, and what a proof costs."""

import os
import statistics
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from broker.stores.database import Database
from broker.stores.journal import Journal
from broker.stores.journal_audit import audit
from broker.stores.migrate import migrate
from broker.stores.postgres import EmbeddedPostgres
from broker.stores.sequencer import Sequencer, SequencerThread
from broker.wire.keys import LocalSigner
from broker.wire.registry import KeyUse
from tests.bench.figures import Figures

SECONDS = 5.0
PROOFS = 200
KEY = bytes(range(32))


def _now() -> datetime:
    return datetime.now(UTC)


def _appends(database: Database, threads: int) -> tuple[float, list[bytes]]:
    """(appends a second, each in a transaction of its own; their leaf hashes)."""
    journal, leaves, guard = Journal(), [], threading.Lock()
    deadline = perf_counter() + SECONDS

    def work() -> None:
        mine = []
        while perf_counter() < deadline:
            with database.unit_of_work() as uow:
                personal = {"pass": os.urandom(16), "at": "2026-01-01T00:00:00Z"}
                clear = {"zone": "HK-SZB", "mode": "online"}
                mine.append(
                    journal.append(uow, "traveller:pass:minted", clear, personal, KEY, at=_now(), entropy=os.urandom)
                )
        with guard:
            leaves.extend(mine)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    start = perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return len(leaves) / (perf_counter() - start), leaves


def main() -> None:
    figures = Figures("journal_rate")
    signer = LocalSigner.generate(KeyUse.CHECKPOINT)
    with tempfile.TemporaryDirectory() as home, EmbeddedPostgres(Path(home)) as server:
        migrate(server.url)
        database = Database(server.url)
        sequencer = SequencerThread(Sequencer(database, signer, _now))
        sequencer.start()
        leaves: list[bytes] = []
        for threads in (1, 8, 40):
            rate, placed = _appends(database, threads)
            leaves += placed
            name = f"durable appends, a transaction each, {threads} thread{'s' * (threads > 1)}"
            figures.add(name, rate, "1/s", target=(">=", 400))
        start = perf_counter()
        sequencer.stop()
        figures.add("sequencer's backlog cleared in", perf_counter() - start, "s", target=("<=", 1.0))
        times = []
        with database.unit_of_work() as uow:
            for leaf in leaves[:: max(1, len(leaves) // PROOFS)]:
                start = perf_counter()
                proof = Journal().proof(uow, leaf)
                times.append((perf_counter() - start) * 1000)
                assert proof is not None
        figures.add("entries in the log", len(leaves), "")
        figures.add("inclusion proof, median", statistics.median(times), "ms")
        figures.add("inclusion proof, 99th percentile", statistics.quantiles(times, n=100)[98], "ms")
        start = perf_counter()
        report = audit(database, [signer.public])
        assert report.faults == [], report.faults
        figures.add("full verification", report.entries / (perf_counter() - start), "entries/s")
        database.close()
    figures.write()


if __name__ == "__main__":
    main()
