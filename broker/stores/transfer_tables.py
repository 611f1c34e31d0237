"""The transfer ledger's tables (migrations 0010_transfers, 0012_ledger). Those of persons are partitioned by year."""

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, SmallInteger, Table, Text, Uuid, text

from broker.stores.base import metadata, moment


def _key(name: str) -> "Column[int]":
    return Column(name, SmallInteger, primary_key=True, autoincrement=False)


def _count(name: str) -> "Column[int]":
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


PARTIES = Table(
    "transfer_parties",
    metadata,
    Column("party_id", SmallInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
)
PERSONS = Table(
    "transfer_persons",
    metadata,
    _key("year"),
    _key("exporter"),
    Column("seen", SmallInteger, nullable=False),
    Column("person", Uuid, primary_key=True),
)
RECIPIENT_PERSONS = Table(
    "transfer_recipient_persons", metadata, _key("year"), _key("recipient"), Column("person", Uuid, primary_key=True)
)
US_PERSONS = Table(
    "transfer_us_persons",
    metadata,
    _key("exporter"),
    _key("recipient"),
    Column("kind", Text, primary_key=True),
    Column("person", Uuid, primary_key=True),
    moment("last_at"),
    Index("ix_transfer_us_persons_last_at", "last_at"),
    Index("ix_transfer_us_persons_person", "person"),
)
COUNTS = Table(
    "transfer_counts",
    metadata,
    _key("year"),
    _key("exporter"),
    _key("stripe"),
    _count("nonsensitive"),
    _count("sensitive"),
    _count("gross_nonsensitive"),
    _count("gross_sensitive"),
)
RECIPIENT_COUNTS = Table(
    "transfer_recipient_counts", metadata, _key("year"), _key("recipient"), _key("stripe"), _count("persons")
)
STORED_FACE_CHANGES = Table(
    "stored_face_changes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("origin", Text, nullable=False),
    Column("change", Integer, nullable=False),
    Index("ix_stored_face_changes_origin", "origin", postgresql_include=["change"]),
)
KEYS_ENDED = Table(
    "counting_keys_ended",
    metadata,
    Column("rule", Text, primary_key=True),
    Column("origin", Text, primary_key=True),
    _key("year"),
    moment("ended_at"),
)
