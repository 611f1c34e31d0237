"""The ledger at a million persons: bytes, and look-ups while releases are counted beside them.

`python -m tests.bench.transfer_ledger [--persons 1000000] [--seconds 10]`. The persons are copied in random order into
the tables that the broker uses, with their indexes; fsync is on. Another process counts and journals new persons as
fast as it can meanwhile.
"""

import argparse
import multiprocessing
import os
import tempfile
from datetime import UTC, datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from threading import Thread
from time import perf_counter
from uuid import UUID

import psycopg
from sqlalchemy.engine import make_url

from broker.core.transfer import Held
from broker.flows.ports import Entry
from broker.flows.ports.transfers import TransferLine
from broker.stores.database import Database
from broker.stores.driver import run
from broker.stores.migrate import migrate
from broker.stores.postgres import EmbeddedPostgres
from broker.stores.work import Works
from tests.bench.figures import Figures

YEAR = 2026
EXPORTER, RECIPIENT = "tongguan/CN", "HK-SZB"
BOTH = Held.SENSITIVE | Held.GROSS_SENSITIVE
LOOKUP_TARGET = 5.0  # milliseconds, p99
SIZE_TARGET = 2048  # MB for the year total of ten million persons
TEN_MILLION = 10_000_000
LOADERS = 4
_NEW, _OLD = 3, 7  # of ten releases: persons who are new, and who were counted before


def line_of(person: UUID) -> TransferLine:
    return TransferLine(YEAR, EXPORTER, RECIPIENT, person)


def fill(database: Database, url: str, persons: int) -> list[UUID]:
    """So many persons counted for EXPORTER and at RECIPIENT, by COPY; returns a sample of them."""
    with Works(database).begin() as work:
        work.transfers.look(line_of(UUID(int=0)))  # names the parties and makes their stripes
    names = [UUID(bytes=os.urandom(16)) for _ in range(persons)]
    with psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)) as raw:
        ids = dict(raw.execute("SELECT name, party_id FROM transfer_parties").fetchall())
        with raw.cursor().copy("COPY transfer_persons (year, exporter, seen, person) FROM STDIN") as copy:
            copy.write("".join(f"{YEAR}\t{ids[EXPORTER]}\t{int(BOTH)}\t{name}\n" for name in names))
        with raw.cursor().copy("COPY transfer_recipient_persons (year, recipient, person) FROM STDIN") as copy:
            copy.write("".join(f"{YEAR}\t{ids[RECIPIENT]}\t{name}\n" for name in names))
        raw.execute(
            "UPDATE transfer_counts SET sensitive = %s, gross_sensitive = %s WHERE stripe = 0", (persons, persons)
        )
        raw.execute("UPDATE transfer_recipient_counts SET persons = %s WHERE stripe = 0", (persons,))
        raw.commit()
        raw.autocommit = True
        raw.execute("VACUUM ANALYZE")
    return names[:: max(1, persons // 100_000)]


def megabytes(database: Database, table: str) -> float:
    """A year's partition with its indexes."""
    with database.unit_of_work() as uow:
        size = run(uow.session, "SELECT pg_total_relation_size(%s::regclass)", (f"{table}_{YEAR}",)).scalar_one()
    return int(size) / 1e6


def release(works: Works, person: UUID) -> None:
    """One person counted and journalled: what the ledger does in a release, far from every edge."""
    with works.begin() as work:
        standing = work.transfers.look(line_of(person))
        if BOTH & ~standing.held:
            work.transfers.enter(standing, BOTH, exporter_edges=(), recipient_edges=(), locked=False)
        entry = Entry("partner:claims:released", {"purpose": "bench"}, {"asked": ["name"]}, person, bytes(32))
        work.journal.append(entry, at=datetime.now(UTC), entropy=os.urandom)


def load(url: str, known: list[UUID], stop: Event, counted: "multiprocessing.Queue[tuple[int, float]]") -> None:
    """Release until told to stop: seven of ten about persons who were counted before."""
    database = Database(url, pool_size=LOADERS)
    done = [0] * LOADERS

    def loop(thread: int) -> None:
        while not stop.is_set():
            turn = done[thread]
            new = turn % (_NEW + _OLD) < _NEW
            person = UUID(bytes=os.urandom(16)) if new else known[(turn * LOADERS + thread) % len(known)]
            release(Works(database), person)
            done[thread] += 1

    begun = perf_counter()
    threads = [Thread(target=loop, args=(number,)) for number in range(LOADERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted.put((sum(done), perf_counter() - begun))
    database.close()


def look_ups(database: Database, known: list[UUID], seconds: float) -> list[float]:
    """Milliseconds of each look at a person's line and the year's totals, one after another."""
    taken = []
    works, ends = Works(database), perf_counter() + seconds
    with works.begin() as work:
        work.transfers.look(line_of(known[0]))
    while perf_counter() < ends:
        person = known[int.from_bytes(os.urandom(4)) % len(known)]
        with works.begin() as work:
            run(work.uow.session, "SELECT 1")  # the connection is there: its own cost is not the ledger's
            begun = perf_counter()
            work.transfers.look(line_of(person))
            taken.append((perf_counter() - begun) * 1000)
    return taken


def measure(figures: Figures, url: str, *, persons: int, seconds: float) -> None:
    database = Database(url, pool_size=4)
    begun = perf_counter()
    known = fill(database, url, persons)
    figures.add(f"{persons:,} persons copied", perf_counter() - begun, "s")
    year, recipient = (megabytes(database, table) for table in ("transfer_persons", "transfer_recipient_persons"))
    times = TEN_MILLION / persons
    figures.add("year total, table and index", year, "MB", note=f"{year * 1e6 / persons:.0f} bytes a person")
    extrapolated = f"{times:g} times the measured"
    figures.add("year total of 10,000,000 persons", year * times, "MB", target=("<=", SIZE_TARGET), note=extrapolated)
    figures.add("one recipient's persons, table and index", recipient, "MB")
    figures.add("one recipient's 10,000,000 persons", recipient * times, "MB", note=extrapolated)
    figures.add_latencies("look-up, nothing else going on", look_ups(database, known, seconds / 4))

    spawn = multiprocessing.get_context("spawn")
    stop, counted = spawn.Event(), spawn.Queue()
    other = spawn.Process(target=load, args=(url, known, stop, counted))
    other.start()
    look_ups(database, known, seconds / 4)  # until the other process has begun
    taken = look_ups(database, known, seconds)
    stop.set()
    released, took = counted.get(timeout=60)
    other.join()
    figures.add_latencies("look-up beside releases", taken, targets={99: LOOKUP_TARGET})
    figures.add("releases counted and journalled beside", released / took, "/s", note=f"{_NEW} of 10 new persons")
    grown = megabytes(database, "transfer_persons")
    figures.add("year total after those", grown, "MB")
    database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    figures = Figures("transfer_ledger")
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "pg") as server:
        migrate(server.url)
        measure(figures, server.url, persons=options.persons, seconds=options.seconds)
    figures.write()


if __name__ == "__main__":
    main()
