"""The journal in the database: append inside the caller's transaction, read entries, prove what the log holds."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Column, DateTime, Identity, LargeBinary, SmallInteger, Table, Text, text
from sqlmodel import Session

from broker.core.journal import HANDLE_BYTES, JournalEntry, decode_entry, new_leaf
from broker.core.journal_tree import TILE_WIDTH, Node, consistency_nodes, fold, inclusion_nodes, read_node
from broker.flows.ports import Entry, InclusionProof
from broker.stores.base import metadata
from broker.stores.driver import run
from broker.stores.unit_of_work import UnitOfWork
from broker.wire.cbor import Value
from broker.wire.merkle import leaf_hash

Entropy = Callable[[int], bytes]

INBOX = Table(
    "journal_inbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("entry", LargeBinary, nullable=False),
)
ENTRIES = Table(
    "journal_entries",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("leaf_hash", LargeBinary, nullable=False, unique=True),
    Column("entry", LargeBinary, nullable=False),
)
TILES = Table(
    "journal_tiles",
    metadata,
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
    Column("root", LargeBinary, nullable=False),
)
CHECKPOINTS = Table(
    "journal_checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("signed_at", DateTime(timezone=True), nullable=False),
    Column("note", Text, nullable=False),
)
LOG = Table("journal_log", metadata, Column("origin", Text, primary_key=True))

# The rest of a WITH: the log's inbox, and the index from a person to the entries about them, however many. Its values
# are the columns of `encode_entries`.
APPEND_ENTRIES = """fresh AS (
    SELECT decode(leaf, 'hex') AS leaf, decode(entry, 'hex') AS entry, nullif(person, '')::uuid AS person, nth
    FROM unnest(string_to_array(%s, ','), string_to_array(%s, ','), string_to_array(%s, ','))
         WITH ORDINALITY AS f (leaf, entry, person, nth)
), logged AS (
    INSERT INTO journal_inbox (leaf_hash, entry) SELECT leaf, entry FROM fresh ORDER BY nth
)
INSERT INTO traveller_entries (traveller_id, leaf_hash, at)
    SELECT person, leaf, %s FROM fresh WHERE person IS NOT NULL ORDER BY nth
"""
_APPEND = "WITH " + APPEND_ENTRIES


class Journal:
    """Reads and writes within the unit of work it is given; holds no state."""

    def append(
        self,
        uow: UnitOfWork,
        kind: str,
        clear: Mapping[str, Value],
        personal: Mapping[str, Value] | None = None,
        traveller_key: bytes | None = None,
        *,
        at: datetime,
        entropy: Entropy,
    ) -> bytes:
        """Write an entry that is kept if and only if `uow` commits; returns its leaf hash (32 bytes), the receipt.

        `personal` is sealed under `traveller_key` (32 bytes). Raises ValueError as `core.journal.new_entry` does.
        """
        entry = Entry(kind, clear, personal, None, traveller_key)
        return self.append_all(uow, [entry], at=at, entropy=entropy)[0]

    def append_all(self, uow: UnitOfWork, entries: Sequence[Entry], *, at: datetime, entropy: Entropy) -> list[bytes]:
        """Append in order with one round trip, noting whom each is about; returns the leaf hashes."""
        if not entries:
            return []
        leaves, columns = encode_entries(entries, at=at, entropy=entropy)
        run(uow.session, _APPEND, columns)
        return leaves

    def read(self, uow: UnitOfWork, leaf_hashes: Collection[bytes]) -> dict[bytes, JournalEntry]:
        """The entries with these leaf hashes, placed or still waiting; unknown ones are absent."""
        rows = uow.session.execute(_READ, {"hashes": list(leaf_hashes)}).all()
        return {bytes(row.leaf_hash): decode_entry(bytes(row.entry)) for row in rows}

    def proof(self, uow: UnitOfWork, leaf: bytes) -> InclusionProof | None:
        """Proof against the latest checkpoint, or None while the entry waits for its place (about a second)."""
        session = uow.session
        position = session.execute(_POSITION, {"leaf": leaf}).scalar_one_or_none()
        if position is None:
            return None
        latest = session.execute(_LATEST).one()
        path = _hashes(session, inclusion_nodes(position, latest.size))
        return InclusionProof(position, latest.size, path, latest.note)

    def consistency(self, uow: UnitOfWork, old_size: int, size: int) -> tuple[bytes, ...]:
        """Proof that the log of `old_size` entries is a prefix of the one of `size` (RFC 9162 2.1.4).

        Raises ValueError unless 0 < old_size <= size <= the size of the latest checkpoint.
        """
        latest = uow.session.execute(_LATEST).one_or_none()
        if latest is None or not 0 < old_size <= size <= latest.size:
            raise ValueError("no such pair of trees")
        return _hashes(uow.session, consistency_nodes(old_size, size))

    def origin(self, uow: UnitOfWork) -> str:
        """The log's name, for which every checkpoint is signed."""
        return str(uow.session.execute(_ORIGIN).scalar_one())

    def latest_checkpoint(self, uow: UnitOfWork) -> str | None:
        """The newest signed note, or None before the first."""
        latest = uow.session.execute(_LATEST).one_or_none()
        return None if latest is None else str(latest.note)


def encode_entries(
    entries: Sequence[Entry], *, at: datetime, entropy: Entropy
) -> tuple[list[bytes], tuple[object, ...]]:
    """The leaf hashes, and the values of APPEND_ENTRIES."""
    rows = [_encoded(entry, at, entropy) for entry in entries]
    leaves = [leaf_hash(row) for row in rows]
    about = (str(entry.traveller or "") for entry in entries)
    # Text with commas: psycopg spends longer on three arrays than PostgreSQL on splitting them.
    columns = (",".join(leaf.hex() for leaf in leaves), ",".join(row.hex() for row in rows), ",".join(about))
    return leaves, (*columns, at)


def _encoded(entry: Entry, at: datetime, entropy: Entropy) -> bytes:
    handle = entropy(HANDLE_BYTES)
    return new_leaf(
        entry.kind,
        clear=entry.stated(),
        personal=entry.personal,
        traveller_key=entry.traveller_key,
        at=at,
        handle=handle,
    )


_READ = text(
    "SELECT leaf_hash, entry FROM journal_entries WHERE leaf_hash = ANY(:hashes) "
    "UNION ALL SELECT leaf_hash, entry FROM journal_inbox WHERE leaf_hash = ANY(:hashes)"
)
_POSITION = text("SELECT position FROM journal_entries WHERE leaf_hash = :leaf")
_LATEST = text("SELECT size, root, frontier, note FROM journal_checkpoints ORDER BY size DESC LIMIT 1")
_ORIGIN = text("SELECT origin FROM journal_log")
_FULL_TILE = text("SELECT hashes FROM journal_tiles WHERE level = :level AND index = :index")
_PARTIAL_LEAVES = text(
    "SELECT string_agg(leaf_hash, ''::bytea ORDER BY position) FROM journal_entries "
    "WHERE position >= :first AND position < :end"
)
_PARTIAL_ROOTS = text(
    "SELECT string_agg(root, ''::bytea ORDER BY index) FROM journal_tiles "
    "WHERE level = :below AND index >= :first AND index < :end"
)


def read_tile(session: Session, level: int, index: int) -> bytes:
    """The hashes of a tile joined, 32 bytes each: 256 of them, or fewer at the right edge of the tree."""
    full = session.execute(_FULL_TILE, {"level": level, "index": index}).scalar_one_or_none()
    if full is not None:
        return bytes(full)
    partial = _PARTIAL_ROOTS if level else _PARTIAL_LEAVES
    # The sums are made here: psycopg types a number by its size, and PostgreSQL's smallint overflows.
    span = {"first": index * TILE_WIDTH, "end": (index + 1) * TILE_WIDTH}
    found = session.execute(partial, span | ({"below": level - 1} if level else {})).scalar_one()
    return bytes(found or b"")


def _hashes(session: Session, proof: Sequence[Sequence[Node]]) -> tuple[bytes, ...]:
    seen: dict[tuple[int, int], bytes] = {}

    def tile(level: int, index: int) -> bytes:
        if (level, index) not in seen:
            seen[level, index] = read_tile(session, level, index)
        return seen[level, index]

    return tuple(fold([read_node(node, tile) for node in nodes]) for nodes in proof)
