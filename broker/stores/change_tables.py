"""The tables about governed changes (migration 0013_staff)."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from broker.stores.base import metadata, moment

CHANGES = Table(
    "governed_changes",
    metadata,
    Column("change_id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("because", Text, nullable=False),
    Column("origin", Text, nullable=False),
    moment("since"),
    moment("until"),
    Column("proposed_by", Text, ForeignKey("staff.staff_id"), nullable=False),
    moment("proposed_at"),
    moment("in_force_at", nullable=True),
    Index("ix_governed_changes_proposed_at", "proposed_at"),
)

CHANGE_SIGNATURES = Table(
    "governed_signatures",
    metadata,
    Column("change_id", Uuid, ForeignKey("governed_changes.change_id"), primary_key=True),
    Column("staff_id", Text, ForeignKey("staff.staff_id"), primary_key=True),
    Column("signature", LargeBinary, nullable=False),
    moment("signed_at"),
)

SPECIAL_MEMBERS = Table(
    "special_members",
    metadata,
    Column("change_id", Uuid, ForeignKey("governed_changes.change_id"), primary_key=True),
    Column("member", LargeBinary, primary_key=True),
    Column("grade", Text, nullable=False),
    Column("since", Date),
)

VERSION = Table(
    "governed_version",
    metadata,
    Column("id", Boolean, CheckConstraint("id", name="one"), primary_key=True),
    Column("version", BigInteger, nullable=False),
)
