"""Ten thousand releases, and everything that can be killed is: no answer, entry or count is ever behind another.

`python -m tests.soak.releases [--count 10000] [--threads 4]`. A worker process releases claims of people whose data
reside in the Mainland to two clients, over an embedded PostgreSQL that keeps what it commits (fsync on). It is killed
with SIGKILL a third of the way; the next one meets a PostgreSQL that is killed with SIGKILL; the last one finishes.
After each, the database is read: every answer has its entry, everybody who was released is counted, nobody else is, and
counters, rows and journal give the same totals. Exit code 1 for any disagreement.
"""

import argparse
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from uuid import UUID

from broker.flows.unavailable import DatabaseUnavailable
from broker.stores.database import Database
from broker.stores.driver import run as ask
from broker.stores.migrate import migrate
from broker.stores.postgres import EmbeddedPostgres
from broker.stores.postgres.layout import Layout
from tests.support.release_storm import Worker, disagreements, requests, settle_people, wait_until_alone, world_over


def kill_server(home: Path) -> None:
    """SIGKILL to the postmaster; its supervisor starts another, which recovers."""
    pid = int((Layout.of(home).cluster / "postmaster.pid").read_text().split("\n", 1)[0])
    os.kill(pid, signal.SIGKILL)
    print(f"  PostgreSQL (process {pid}) killed", flush=True)


def wait_until_up(database: Database, seconds: float = 60) -> None:
    """Until the server has recovered."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while True:
        try:
            with database.unit_of_work() as uow:
                ask(uow.session, "SELECT 1")
        except DatabaseUnavailable:
            if time.monotonic() > deadline:
                raise
            pause.wait(0.2)
        else:
            return


def soak(home: Path, url: str, *, count: int, threads: int) -> int:
    """Returns how many disagreements were found."""
    database = Database(url, pool_size=threads)
    begun = time.perf_counter()
    people = settle_people(world_over(database, home), max(1, count * 2 // 5), threads=threads)
    print(f"{len(people)} people settled in {time.perf_counter() - begun:.0f} s", flush=True)
    database.engine.dispose()
    workers = [Worker(url, home, requests(people, count), threads)]
    status = workers[0].run(kill_after=count // 3)
    found = _agree(database, home, people, workers, f"worker killed ({signal.Signals(-status).name})")
    workers.append(Worker(url, home, workers[-1].unanswered(), threads))
    status = workers[1].run(on_half=lambda: kill_server(home))
    wait_until_up(database)
    found += _agree(database, home, people, workers, f"PostgreSQL killed (worker ended with {status})")
    workers.append(Worker(url, home, workers[-1].unanswered(), threads))
    status = workers[2].run()
    found += _agree(database, home, people, workers, f"finished (worker ended with {status})")
    answered = sum(len(worker.answers) for worker in workers)
    print(f"{answered} of {count} answered; {found} disagreements; {time.perf_counter() - begun:.0f} s", flush=True)
    database.close()
    return found + (answered != count)


def _agree(database: Database, home: Path, people: list[UUID], workers: list[Worker], when: str) -> int:
    wait_until_alone(database)
    answers = [answer for worker in workers for answer in worker.answers]
    faults = disagreements(database, home, people, answers)
    print(f"{when}: {len(answers)} answers, {len(faults)} disagreements", flush=True)
    for fault in faults[:20]:
        print(f"  {fault}", file=sys.stderr)
    return len(faults)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=4)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tg-") as folder:
        home = Path(folder)
        with EmbeddedPostgres(home) as server:
            migrate(server.url)
            return 1 if soak(home, server.url, count=arguments.count, threads=arguments.threads) else 0


if __name__ == "__main__":
    sys.exit(main())
