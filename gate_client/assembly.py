"""Puts one gate together from its home folder: the composition root of a lane process."""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import numpy as np

from broker.wire.errors import WireError
from gate_client.broker_client import SYNC_SECONDS, BrokerClient
from gate_client.clock_store import ClockStore
from gate_client.database import open_database
from gate_client.devices.code_reader import ZxingReader
from gate_client.devices.doors import SimulatedDoors
from gate_client.engine_matcher import EngineMatcher
from gate_client.evidence import ImageKeeper
from gate_client.home import GateHome
from gate_client.inference.engine import FaceEngine, default_model_dir, load_thresholds
from gate_client.lane import Hardware, Lane
from gate_client.outbox import Outbox
from gate_client.session import Checks
from gate_client.spending import Spending
from gate_client.sync import GateRecords, Sync
from gate_client.sync_thread import SyncThread
from gate_client.template_source import TemplateSource
from gate_client.trust_store import TrustStore
from gate_client.watcher import Watcher

LANE = "lane-1"


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Gate:
    """A lane ready to run, with what its runner needs. `network`: cleared, the gate behaves as with its line cut."""

    lane: Lane
    doors: SimulatedDoors
    reader: ZxingReader
    network: Event
    sync: SyncThread
    records: GateRecords
    settled: int
    about: dict[str, object]


def records(connection: sqlite3.Connection, home: GateHome, clock_store: ClockStore) -> GateRecords:
    """The tables of `home` through one connection."""
    outbox = Outbox(connection)
    trust = TrustStore(connection, home.root(home.config()))
    return GateRecords(connection, clock_store, trust, outbox, Spending(connection, outbox, clock_store))


@contextmanager
def open_sync(home: GateHome, *, clock_store: ClockStore | None = None, network: Event | None = None) -> Iterator[Sync]:
    """A sync over its own connection and HTTP pool."""
    config = home.config()
    connection = open_database(home.database)
    ca = Path(config.ca) if config.ca else None
    client = BrokerClient(config.broker, ca=ca, network=network, deadline_seconds=SYNC_SECONDS)
    try:
        held = records(connection, home, clock_store or ClockStore(connection))
        yield Sync(held, client, home.identity(), clock=utc_now, entropy=os.urandom)
    finally:
        client.close()
        connection.close()


@contextmanager
def open_gate(
    home: GateHome,
    *,
    models: Path | None,
    licence_clean: bool,
    keeper: ImageKeeper,
    watcher: Watcher | None = None,
    threads: int = 2,
) -> Iterator[Gate]:
    """Open the lane of `home` with simulated doors; recover what a dead process left; start the sync beside it.

    Raises `HomeError`, `DatabaseDamagedError`, or what the face engine raises where models are missing.
    """
    with ExitStack() as stack:
        config, identity = home.config(), home.identity()
        stack.enter_context(home.claim())
        engine = FaceEngine.load(models, licence_clean=licence_clean, threads=threads)
        connection = open_database(home.database)
        stack.callback(connection.close)
        held = records(connection, home, ClockStore(connection))
        network = Event()
        network.set()
        client = BrokerClient(config.broker, ca=Path(config.ca) if config.ca else None, network=network)
        stack.callback(client.close)
        doors, reader = SimulatedDoors(home.door_counter), ZxingReader()
        checks = Checks(
            lane=LANE,
            zone=config.zone,
            clock_store=held.clock_store,
            trust=held.trust,
            spending=held.spending,
            source=TemplateSource(identity, client, lambda epoch, at: held.trust.secret(epoch, at=at), os.urandom),
            matcher=EngineMatcher(engine, load_thresholds(models or default_model_dir())),
            keeper=keeper,
            log=logging.getLogger("tongguan.gate").info,
        )
        lane = Lane(Hardware(reader, doors, utc_now, os.urandom), checks, watcher=watcher)
        sync = SyncThread(lambda: open_sync(home, clock_store=held.clock_store, network=network))
        _warm_up(engine, held.trust)
        settled = lane.start()
        sync.start()
        stack.callback(sync.stop)
        about: dict[str, object] = {"gate_id": config.gate_id, "zone": config.zone, "embedders": list(engine.embedders)}
        yield Gate(lane, doors, reader, network, sync, held, settled, about)


def _warm_up(engine: FaceEngine, trust: TrustStore) -> None:
    """Spend before the first traveller what the first use costs: list parsing, the detector's buffers."""
    engine.analyse(np.zeros((720, 1280, 3), np.uint8))
    try:
        trust.status_list(0, at=utc_now())
    except WireError as error:
        logging.getLogger("tongguan.gate").warning("the lists on disk are unfit: %s", error)
