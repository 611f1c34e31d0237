"""The tables about staff (migration 0013_staff)."""

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Table, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY

from broker.stores.base import metadata, moment

STAFF = Table(
    "staff",
    metadata,
    Column("staff_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    moment("added_at"),
    moment("suspended_at", nullable=True),
    UniqueConstraint("public_key"),
)

# No reference to `staff`: a challenge is given for any id, so that nobody learns which ones there are.
STAFF_CHALLENGES = Table(
    "staff_challenges",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("staff_id", Text, nullable=False),
    moment("expires_at"),
    Index("ix_staff_challenges_expires_at", "expires_at"),
)

STAFF_LINKS = Table(
    "staff_links",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("staff_id", Text, ForeignKey("staff.staff_id"), nullable=False),
    moment("expires_at"),
)

STAFF_SESSIONS = Table(
    "staff_sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("staff_id", Text, ForeignKey("staff.staff_id"), nullable=False),
    moment("opened_at"),
    moment("expires_at"),
)
