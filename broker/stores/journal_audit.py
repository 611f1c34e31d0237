"""Recomputing the journal from its entries (specs/journal.md 5): every hash, every tile, every checkpoint.

Nothing that the database says about itself is believed: roots are computed from the entries, signatures are checked
with keys that come from outside.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, TextClause, text
from sqlmodel import Session

from broker.core.journal import decode_entry
from broker.core.journal_tree import TILE_WIDTH, subtree_root
from broker.stores.database import Database
from broker.wire.checkpoint import Checkpoint, verify
from broker.wire.errors import WireError
from broker.wire.keys import PublicKey
from broker.wire.merkle import Frontier, leaf_hash

MAX_FAULTS = 100
_PAGE = 2000

_SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
_ORIGIN = text("SELECT origin FROM journal_log")
_ENTRIES = text(
    "SELECT position, leaf_hash, entry FROM journal_entries WHERE position > :after ORDER BY position LIMIT :page"
)
_CHECKPOINTS = text(
    "SELECT size, root, frontier, note FROM journal_checkpoints WHERE size > :after ORDER BY size LIMIT :page"
)
_TILE = text("SELECT hashes, root FROM journal_tiles WHERE level = :level AND index = :index")
_TILES = text("SELECT count(*) FROM journal_tiles")
_INBOX = text("SELECT leaf_hash, entry FROM journal_inbox ORDER BY id")


@dataclass(slots=True)
class Audit:
    """What an audit found. The journal is sound when `faults` is empty."""

    origin: str
    entries: int = 0
    checkpoints: int = 0
    waiting: int = 0
    latest: Checkpoint | None = None
    faults: list[str] = field(default_factory=list)

    def fault(self, what: str) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(what)


def audit(
    database: Database,
    keys: Sequence[PublicKey],
    *,
    seen: Checkpoint | None = None,
    on_entry: Callable[[bytes], None] = lambda entry: None,
    on_checkpoint: Callable[[str], None] = lambda note: None,
) -> Audit:
    """Recompute the whole log in one snapshot, in memory that does not grow with it.

    `keys` are the trusted checkpoint keys. `seen` is an already verified checkpoint from earlier that the log must
    still contain: only that reveals a log cut back to an older state. The callbacks get every entry and every note in
    order, for an export. Raises DatabaseUnavailable.
    """
    with database.unit_of_work() as uow:
        session = uow.session
        session.execute(_SNAPSHOT)
        report = Audit(session.execute(_ORIGIN).scalar_one())
        checkpoints = _pages(session, _CHECKPOINTS, "size", 0)
        tiles = _Tiles(session, report)
        frontier = Frontier()
        checkpoint = next(checkpoints, None)
        for row in _pages(session, _ENTRIES, "position", -1):
            if row.position != frontier.size:
                report.fault(f"entries {frontier.size} to {row.position - 1} are missing")
                return report  # every later hash would differ: nothing more to learn
            entry = bytes(row.entry)
            leaf = _check_entry(report, f"entry {row.position}", entry, bytes(row.leaf_hash))
            frontier = frontier.append(leaf)
            tiles.add(leaf)
            on_entry(entry)
            while checkpoint is not None and checkpoint.size <= frontier.size:
                _check_checkpoint(report, checkpoint, frontier, keys)
                on_checkpoint(checkpoint.note)
                checkpoint = next(checkpoints, None)
            if seen is not None and seen.size == frontier.size and seen.root != frontier.root():
                report.fault(f"the log of {seen.size} entries is not the one that was seen before: it was rewritten")
        report.entries = frontier.size
        if checkpoint is not None:
            report.fault(
                f"a checkpoint over {checkpoint.size} entries, but there are {frontier.size}: entries were cut off"
            )
        elif frontier.size and (report.latest is None or report.latest.size != frontier.size):
            report.fault("no valid checkpoint covers the last entries")
        if seen is not None and seen.size > frontier.size:
            report.fault(f"a checkpoint over {seen.size} entries was seen before, now there are {frontier.size}")
        tiles.finish()
        for row in session.execute(_INBOX):
            _check_entry(report, "a waiting entry", bytes(row.entry), bytes(row.leaf_hash))
            report.waiting += 1
    return report


def _pages(session: Session, statement: TextClause, key: str, after: int) -> Iterator[Row[Any]]:
    """All rows in order of `key`, a page at a time."""
    while rows := session.execute(statement, {"after": after, "page": _PAGE}).all():
        yield from rows
        after = getattr(rows[-1], key)


def _check_entry(report: Audit, name: str, entry: bytes, stored: bytes) -> bytes:
    leaf = leaf_hash(entry)
    if leaf != stored:
        report.fault(f"{name} does not have the hash that was recorded for it")
    try:
        decode_entry(entry)
    except WireError as error:
        report.fault(f"{name} is malformed: {error.detail}")
    return leaf


def _check_checkpoint(report: Audit, row: Row[Any], frontier: Frontier, keys: Sequence[PublicKey]) -> None:
    name = f"the checkpoint over {row.size} entries"
    try:
        checkpoint = verify(row.note, keys, expected_origin=report.origin)
    except WireError as error:
        report.fault(f"{name} is not valid: {error}")
        return
    if checkpoint.size != row.size or checkpoint.size != frontier.size:
        report.fault(f"{name} is signed over {checkpoint.size}")
    elif checkpoint.root != frontier.root():
        report.fault(f"{name} does not match the entries: one of them, or their order, was changed")
    elif bytes(row.root) != checkpoint.root or bytes(row.frontier) != b"".join(frontier.hashes):
        report.fault(f"{name} is stored with another root than it signs")
    else:
        report.checkpoints += 1
        report.latest = checkpoint


class _Tiles:
    """Rebuilds the tiles as leaves come in and compares the stored ones."""

    def __init__(self, session: Session, report: Audit) -> None:
        self._session = session
        self._report = report
        self._open: list[list[bytes]] = []
        self._full: list[int] = []

    def add(self, leaf: bytes) -> None:
        level, node = 0, leaf
        while True:
            if level == len(self._open):
                self._open.append([])
                self._full.append(0)
            self._open[level].append(node)
            if len(self._open[level]) < TILE_WIDTH:
                return
            node = self._compare(level, self._open[level])
            self._open[level] = []
            level += 1

    def finish(self) -> None:
        """Tiles that no leaf accounts for are a fault too."""
        stored = self._session.execute(_TILES).scalar_one()
        if stored != sum(self._full):
            self._report.fault(f"{stored} tiles are stored where the entries make {sum(self._full)}")

    def _compare(self, level: int, hashes: list[bytes]) -> bytes:
        index = self._full[level]
        self._full[level] += 1
        root = subtree_root(hashes)
        row = self._session.execute(_TILE, {"level": level, "index": index}).one_or_none()
        if row is None or bytes(row.hashes) != b"".join(hashes) or bytes(row.root) != root:
            self._report.fault(
                f"tile {index} of level {level} does not match the entries: proofs through it would fail"
            )
        return root
