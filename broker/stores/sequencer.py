"""Gives committed entries their place in the log and signs a checkpoint.

Each worker runs one; a lock in the database lets one of them work at a time. A run is one transaction: entries, tiles
and checkpoint appear together or not at all, and the primary key on `position` makes a fork impossible even without
the lock.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import insert, text
from sqlmodel import Session

from broker.core.journal_tree import TILE_WIDTH, subtree_root
from broker.flows.unavailable import DatabaseUnavailable
from broker.stores.database import Database
from broker.stores.journal import CHECKPOINTS, TILES, read_tile
from broker.wire.checkpoint import Checkpoint, CheckpointSigner, sign
from broker.wire.merkle import Frontier

Clock = Callable[[], datetime]

_LOCK = 0x746F6E67_6A726E6C  # fixed, arbitrary
BATCH = 4096

_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(:lock)")
_WAITING = text("SELECT id, leaf_hash FROM journal_inbox ORDER BY id LIMIT :batch")
_HEAD = text("SELECT size, frontier FROM journal_checkpoints ORDER BY size DESC LIMIT 1")
_ORIGIN = text("SELECT origin FROM journal_log")
_PLACE = text(
    "INSERT INTO journal_entries (position, leaf_hash, entry) "
    "SELECT :size + row_number() OVER (ORDER BY id) - 1, leaf_hash, entry FROM journal_inbox WHERE id = ANY(:ids)"
)
_CLEAR = text("DELETE FROM journal_inbox WHERE id = ANY(:ids)")

log = logging.getLogger(__name__)


class Sequencer:
    """Orders entries. Stateless between runs: the database alone says where the log ends."""

    def __init__(self, database: Database, signer: CheckpointSigner, clock: Clock) -> None:
        self._database = database
        self._signer = signer
        self._clock = clock

    def run_once(self) -> int:
        """Place the entries that wait (at most BATCH) and sign a checkpoint over them; returns how many were placed.

        0 when there is no news or another sequencer is at work. Raises DatabaseUnavailable; then nothing was placed.
        """
        with self._database.unit_of_work() as uow:
            session = uow.session
            if not session.execute(_TRY_LOCK, {"lock": _LOCK}).scalar_one():
                return 0
            waiting = session.execute(_WAITING, {"batch": BATCH}).all()
            if not waiting:
                return 0
            ids = [row.id for row in waiting]
            leaves = [bytes(row.leaf_hash) for row in waiting]
            old = _head(session)
            frontier = old
            for leaf in leaves:
                frontier = frontier.append(leaf)
            session.execute(_PLACE, {"size": old.size, "ids": ids})
            _fill_tiles(session, old.size, frontier.size)
            moment = self._clock().replace(microsecond=0)
            origin = session.execute(_ORIGIN).scalar_one()
            checkpoint = Checkpoint(origin, frontier.size, frontier.root(), moment)
            session.execute(
                insert(CHECKPOINTS),
                {
                    "size": frontier.size,
                    "root": checkpoint.root,
                    "frontier": b"".join(frontier.hashes),
                    "signed_at": moment,
                    "note": sign(checkpoint, self._signer),
                },
            )
            session.execute(_CLEAR, {"ids": ids})
        return len(leaves)


def _head(session: Session) -> Frontier:
    """Where the log ends, by its latest checkpoint."""
    head = session.execute(_HEAD).one_or_none()
    if head is None:
        return Frontier()
    joined = bytes(head.frontier)
    return Frontier(head.size, tuple(joined[i : i + 32] for i in range(0, len(joined), 32)))


def _fill_tiles(session: Session, old_size: int, size: int) -> None:
    """Store the tiles that became full; their hashes are in the database by now."""
    level = 0
    before, after = old_size // TILE_WIDTH, size // TILE_WIDTH
    while after > before:
        rows = []
        for index in range(before, after):
            hashes = read_tile(session, level, index)
            root = subtree_root([hashes[i : i + 32] for i in range(0, len(hashes), 32)])
            rows.append({"level": level, "index": index, "hashes": hashes, "root": root})
        session.execute(insert(TILES), rows)
        level, before, after = level + 1, before // TILE_WIDTH, after // TILE_WIDTH


class SequencerThread:
    """Runs a sequencer every `interval` seconds until stopped: half a second keeps checkpoints within one."""

    def __init__(self, sequencer: Sequencer, *, interval: float = 0.5) -> None:
        self._sequencer = sequencer
        self._interval = interval
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal-sequencer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Place what waits, then end. Entries that cannot be placed now stay safe in the inbox."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        failing = False
        while True:
            last = self._stopping.is_set()
            try:
                full = self._sequencer.run_once() == BATCH
                if failing:
                    log.info("the journal's sequencer works again")
                failing = False
            except Exception as error:  # the thread outlives a failed run; the failure is logged
                full = False
                if not failing:
                    known = isinstance(error, DatabaseUnavailable)
                    log.log(logging.ERROR, "the journal's sequencer failed: %s", error, exc_info=not known)
                failing = True
            if last and not full:
                return
            if not full:
                self._stopping.wait(self._interval)
