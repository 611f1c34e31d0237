"""Releases of claims that cross a border, each decided, counted in the ledger and journalled, on the whole machine.

`python -m tests.bench.release_rate [--count 6000] [--workers 2] [--clients 32]`. Two worker processes over one embedded
PostgreSQL with fsync on, each as a broker's worker does it: requests that wait at the same time share a transaction.
Afterwards ledger, journal and answers must agree, person by person.
"""

import argparse
import asyncio
import multiprocessing
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

from broker.core.identity_release import ReleasedClaims
from broker.flows.issue_consent_grant import Granting
from broker.flows.release_claims import ClaimOrder, release_together
from broker.stores.database import Database
from broker.stores.migrate import migrate
from broker.stores.postgres import EmbeddedPostgres
from broker.together import Together
from broker.wire.registry import KeyUse
from tests.bench.figures import Figures
from tests.support.broker_world import World
from tests.support.partner_world import client_of
from tests.support.release_storm import (
    CLIENTS,
    Request,
    disagreements,
    release_for,
    requests,
    settle_people,
    world_over,
)

TARGET = 600.0
GOAL = 1000.0


def answer_all(
    world: World, asked: Sequence[Request], clients: int
) -> tuple[list[tuple[int, str, bytes]], list[float]]:
    """The answers, and how long each took in milliseconds."""
    of = {name: client_of(world, name) for name in CLIENTS}
    granting = Granting(world.signers[KeyUse.RECEIPT], "https://broker.example")

    aside = ThreadPoolExecutor(2)

    def release(orders: Sequence[ClaimOrder]) -> Any:
        return release_together(
            world.begin, orders, keys=world.keys, rulebook=world.rulebook, clock=lambda: world.at, entropy=os.urandom,
            granting=granting, aside=aside.submit,
        )  # fmt: skip

    together: Together[ClaimOrder, Any] = Together(release, name="releases")
    answers: list[tuple[int, str, bytes]] = []
    taken: list[float] = []

    async def client(own: Sequence[Request]) -> None:
        for one in own:
            begun = perf_counter()
            order = ClaimOrder(UUID(one.traveller), of[one.client], (release_for(one.client),), frozenset({"name"}))
            told = await together.ask(order)
            taken.append((perf_counter() - begun) * 1000)
            if not isinstance(told, ReleasedClaims):
                raise TypeError(f"not released: {told.reason}")
            answers.append((one.number, one.traveller, told.journal_leaves[0]))

    async def everybody() -> None:
        await asyncio.gather(*(client(asked[number::clients]) for number in range(clients)))

    asyncio.run(everybody())
    together.close()
    aside.shutdown()
    return answers, taken


def work(url: str, folder: Path, asked: Sequence[Request], clients: int, ready: Any, told: Any) -> None:
    database = Database(url, pool_size=4)
    world = world_over(database, folder)
    ready.wait()
    told.put(answer_all(world, asked, clients))
    database.close()


def measure(figures: Figures, folder: Path, url: str, *, count: int, workers: int, clients: int) -> None:
    """Raises RuntimeError when anything disagrees afterwards."""
    database = Database(url, pool_size=4)
    people = settle_people(world_over(database, folder), count // 2)
    asked = requests(people, count)
    spawn = multiprocessing.get_context("spawn")
    ready, told = spawn.Barrier(workers + 1), spawn.Queue()
    # A person's requests go to one worker: two orders about one person in one call are not what is measured here.
    shares = [[one for one in asked if UUID(one.traveller).int % workers == number] for number in range(workers)]
    processes = [spawn.Process(target=work, args=(url, folder, share, clients, ready, told)) for share in shares]
    for process in processes:
        process.start()
    ready.wait()
    begun = perf_counter()
    found = [told.get(timeout=600) for _ in processes]
    took = perf_counter() - begun
    for process in processes:
        process.join()
    answers = [answer for answered, _ in found for answer in answered]
    faults = disagreements(database, folder, people, answers)
    database.close()
    if faults or len(answers) != count:
        raise RuntimeError(f"{len(answers)} answers, {faults[:5]}")
    note = f"goal {GOAL:,.0f}; {workers} workers, {clients} clients each, {len(people)} persons, 0 disagreements"
    figures.add("releases, decided, counted, journalled", count / took, "/s", target=(">=", TARGET), note=note)
    figures.add_latencies("one release", [one for _, taken in found for one in taken])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=6000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--clients", type=int, default=32)
    options = parser.parse_args()
    figures = Figures("release_rate")
    with tempfile.TemporaryDirectory() as text, EmbeddedPostgres(Path(text) / "pg") as server:
        migrate(server.url)
        size = {"count": options.count, "workers": options.workers, "clients": options.clients}
        measure(figures, Path(text), server.url, **size)
    figures.write()


if __name__ == "__main__":
    main()
