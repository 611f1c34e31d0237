"""Tables of samples and of counted releases (migration 0014_samples)."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from broker.stores.base import metadata, moment

# How far the journal was read, by whom; locked by the one who reads.
JOURNAL_READERS = Table(
    "journal_readers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
)

RELEASE_DAYS = Table(
    "release_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("origin", Text, primary_key=True),
    Column("destination", Text, primary_key=True),
    Column("gate", Text, primary_key=True),
    Column("mechanism", Text, primary_key=True),
    Column("band", Text, primary_key=True),
    Column("releases", BigInteger, nullable=False),
    Column("score_sum", BigInteger, nullable=False),
    Column("score_max", Integer, nullable=False),
)

SAMPLING_DAYS = Table(
    "sampling_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("state", Text, nullable=False),
    Column("commitment", LargeBinary),
    Column("committed", LargeBinary),
    Column("rates", JSONB),
    Column("why", Text),
    Column("size", BigInteger),
    Column("decided", BigInteger, nullable=False, server_default=text("0")),
    Column("sampled", BigInteger, nullable=False, server_default=text("0")),
    Column("digest", LargeBinary),
    Column("seed", LargeBinary),
    Index("ix_sampling_days_open", "day", postgresql_where=text("state <> 'closed'")),
)

SAMPLES = Table(
    "samples",
    metadata,
    Column("release", LargeBinary, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("day", Date, nullable=False),
    moment("hour"),
    Column("kind", Text, nullable=False),
    Column("stratum", Text, nullable=False),
    # Lower is looked at first.
    Column("rank", SmallInteger, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("auditor", Text),
    moment("claimed_at", nullable=True),
    Column("verdict", Text),
    Column("text", Text),
    Column("follow_up", Text),
    Column("nonce", LargeBinary),
    moment("found_at", nullable=True),
    moment("closed_at", nullable=True),
    Index("ix_samples_position", "position"),
    Index("ix_samples_day_position", "day", "position"),
    Index("ix_samples_waiting", "rank", "position", postgresql_where=text("state IN ('waiting', 'claimed')")),
    Index("ix_samples_auditor", "auditor", "position", postgresql_where=text("auditor IS NOT NULL")),
)
