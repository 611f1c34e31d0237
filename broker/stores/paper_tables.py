"""The tables about filings, impact assessments and alarms (migration 0016_assessments)."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from broker.stores.base import metadata, moment

FILINGS = Table(
    "filings",
    metadata,
    Column("filing_id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("exporter", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("party", Text, nullable=False),
    Column("destination", Text),
    Column("effective", Date, nullable=False),
    moment("added_at"),
    Column("filed_on", Date),
    Column("reference", Text),
    Column("evidence", LargeBinary),
    Column("ends", Date),
    moment("ended_at", nullable=True),
)

ASSESSMENTS = Table(
    "assessments",
    metadata,
    Column("assessment_id", Uuid, primary_key=True),
    Column("exporter", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("configuration", LargeBinary, nullable=False),
    Column("document", Text, nullable=False),
    moment("drafted_at"),
    Column("completed", Boolean, nullable=False),
    Column("signed_by", Text, ForeignKey("staff.staff_id")),
    Column("signing_key", LargeBinary),
    Column("signature", LargeBinary),
    moment("signed_at", nullable=True),
    Column("retain_until", Date),
    UniqueConstraint("exporter", "version"),
)

ALARMS = Table(
    "alarms",
    metadata,
    Column("year", SmallInteger, primary_key=True, autoincrement=False),
    Column("counter", Text, primary_key=True),
    Column("threshold", Text, primary_key=True),
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("limit", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    moment("raised_at"),
    moment("told_at", nullable=True),
)
