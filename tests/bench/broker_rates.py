"""How fast the broker mints and releases: durable (fsync on), journalled, one worker process, sequencer running.

`python -m tests.bench.broker_rates [--seconds 6] [--threads 8]`. The flows run against an embedded PostgreSQL of their
own on this machine's cores; HTTP is not in the way here.
"""

import argparse
import os
import resource
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from broker.core.denial import Denied
from broker.flows.mint_pass import MintedPass
from broker.flows.release_template import Released
from broker.stores.database import Database
from broker.stores.key_store import FileKeyStore
from broker.stores.migrate import migrate
from broker.stores.postgres import EmbeddedPostgres
from broker.stores.sequencer import Sequencer, SequencerThread
from broker.stores.work import Works
from broker.wire.keys import compressed_point
from broker.wire.registry import KeyUse
from broker.wire.travel_pass import PassMode
from tests.bench.figures import Figures
from tests.support.broker_world import Lane, World

TARGET = 400
BATCH = 20
TRAVELLERS = 16


def device_keys(number: int) -> list[bytes]:
    """Points without their private halves: minting needs no more."""
    return [compressed_point(ec.generate_private_key(ec.SECP256R1()).public_key()) for _ in range(number)]


def rate(work: Callable[[int], int], *, seconds: float, threads: int) -> tuple[float, list[float]]:
    """Call `work(thread)` in a loop on each thread; items per second, and milliseconds of each call."""
    deadline = time.perf_counter() + seconds
    latencies: list[float] = []
    done = 0
    lock = threading.Lock()

    def loop(number: int) -> None:
        nonlocal done
        while (start := time.perf_counter()) < deadline:
            made = work(number)
            with lock:
                done += made
                latencies.append((time.perf_counter() - start) * 1000)

    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(loop, range(threads)))
    return done / (time.perf_counter() - start), latencies


def bench_minting(figures: Figures, world: World, people: list[Any], seconds: float, threads: int) -> None:
    for mode in PassMode:
        for batch, callers in ((BATCH, 1), (BATCH, threads), (1, threads)):
            stock = cycle([device_keys(4000)])
            points = iter(next(stock) * 50)
            lock = threading.Lock()
            turn = cycle(people)

            def mint(
                number: int, batch: int = batch, mode: PassMode = mode, points: Any = points, lock: Any = lock,
                turn: Any = turn,
            ) -> int:  # fmt: skip
                with lock:
                    traveller, keys = next(turn), [next(points) for _ in range(batch)]
                minted = world.mint(traveller, keys, mode)
                # A traveller who meets a point of an earlier lap is given the same pass: not counted as minted.
                return 0 if isinstance(minted, Denied) else len(minted)

            per_second, latencies = rate(mint, seconds=seconds, threads=callers)
            what = f"passes minted, {mode.name.lower()}, {batch} a call, {callers} at once"
            counts = (batch, callers) == (BATCH, threads)
            figures.add(what, per_second, "/s", target=(">=", TARGET) if counts else None)
            figures.add_latencies(f"mint call, {mode.name.lower()}, {batch} a call, {callers} at once", latencies)


def bench_releasing(figures: Figures, world: World, people: list[Any], seconds: float, threads: int) -> None:
    lanes = [world.lane() for _ in range(threads)]
    shown: list[MintedPass] = []
    for traveller in people:
        for _ in range(max(1, int(seconds * 60 * threads / BATCH / len(people)))):
            minted = world.mint(traveller, world.phone.new_keys(BATCH))
            shown += minted if isinstance(minted, tuple) else ()
    world.at = datetime.now(UTC)
    requests = iter([(lane, _request(world, lane, minted)) for lane, minted in zip(cycle(lanes), shown, strict=False)])
    lock = threading.Lock()

    def release(number: int) -> int:
        with lock:
            _, request = next(requests)
        answer = world.release(request)
        if not isinstance(answer, Released):
            raise TypeError(f"a release was denied: {answer}")
        return 1

    def until_out(number: int) -> int:
        with suppress(StopIteration):
            return release(number)
        time.sleep(0.01)
        return 0

    per_second, latencies = rate(until_out, seconds=seconds, threads=threads)
    figures.add(f"templates released, {threads} at once", per_second, "/s")
    figures.add_latencies("release call", [value for value in latencies if value < 10_000])


def _request(world: World, lane: Lane, minted: MintedPass) -> bytes:
    return lane.request(world.phone.code(minted, world.at), world.at)[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--threads", type=int, default=8)
    options = parser.parse_args()
    figures = Figures("broker_rates")
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "pg") as server:
        migrate(server.url)
        database = Database(server.url)
        keys = FileKeyStore.open(Path(folder) / "keystore")
        world = World(Works(database), keys, at=datetime.now(UTC))
        world.entropy = os.urandom  # type: ignore[assignment]
        sequencer = SequencerThread(Sequencer(database, world.signers[KeyUse.CHECKPOINT], lambda: datetime.now(UTC)))
        sequencer.start()
        try:
            people = [world.ready(f"person-{number}", offline=True) for number in range(TRAVELLERS)]
            bench_minting(figures, world, people, options.seconds, options.threads)
            bench_releasing(figures, world, people, options.seconds, options.threads)
        finally:
            sequencer.stop()
            keys.close()
            database.close()
    figures.add("memory of this process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB")
    figures.write()


if __name__ == "__main__":
    main()
