"""What belongs to consents beside the records: counted uses and answers given on pages (migration 0008_consents)."""

from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Index, LargeBinary, Table, Uuid

from broker.stores.base import metadata

CONSENT_USES = Table(
    "consent_uses",
    metadata,
    Column("consent_id", Uuid, ForeignKey("consents.consent_id", ondelete="CASCADE"), nullable=False),
    Column("used_at", DateTime(timezone=True), nullable=False),
    Index("ix_consent_uses_consent_id_used_at", "consent_id", "used_at"),
)

CONSENT_ANSWERS = Table(
    "consent_answers",
    metadata,
    Column("handle_hash", LargeBinary, primary_key=True),
    Column("traveller_id", Uuid, primary_key=True),
    Column("release", LargeBinary, primary_key=True),
    Column("granted", Boolean, nullable=False),
    Column("consent_id", Uuid),
    Column("answered_at", DateTime(timezone=True), nullable=False, index=True),
)
