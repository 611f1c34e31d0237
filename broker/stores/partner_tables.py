"""The tables about partners (migration 0009_partners)."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from broker.stores.base import metadata, moment

PARTNERS = Table(
    "partners",
    metadata,
    Column("partner_id", Text, primary_key=True),
    Column("names", JSONB, nullable=False),
    Column("contact", Text, nullable=False),
    Column("jurisdiction", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("sandbox", Boolean, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("purposes", ARRAY(Text), nullable=False),
    Column("claims", ARRAY(Text), nullable=False),
    moment("created_at"),
    Column("jwks_uri", Text),
    Column("jwks", JSONB(none_as_null=True)),
    moment("jwks_at", nullable=True),
    Column("webhook_url", Text),
    Column("status", Text, nullable=False),
    moment("status_at", nullable=True),
)

PARTNER_EVENTS = Table(
    "partner_events",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("partner_id", Text, ForeignKey("partners.partner_id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("subject", Text),
    Column("body", JSONB, nullable=False),
    moment("created_at"),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    moment("next_at"),
    moment("settled_at", nullable=True),
    Column("last_outcome", Text),
    Column("decided", Boolean, nullable=False, server_default=false()),
    Index("ix_partner_events_due", "next_at", postgresql_where=text("state = 'waiting'")),
    Index("ix_partner_events_partner_id_created_at", "partner_id", "created_at"),
)

PARTNER_REQUESTS = Table(
    "partner_requests",
    metadata,
    Column("request_id", Uuid, primary_key=True),
    Column("partner_id", Text, ForeignKey("partners.partner_id"), nullable=False),
    Column("client_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("subject", Text),
    Column("asked", JSONB, nullable=False),
    Column("return_uri", Text),
    Column("status", Text, nullable=False),
    moment("created_at"),
    moment("expires_at"),
    Column("traveller_id", Uuid),
    Column("provider", Text),
    Column("consent_id", Uuid),
    Column("state_hash", LargeBinary),
    Column("memory", LargeBinary),
    Column("result", LargeBinary),
    moment("settled_at", nullable=True),
    moment("fetched_at", nullable=True),
    UniqueConstraint("state_hash"),
    Index("ix_partner_requests_expires_at", "expires_at"),
    Index("ix_partner_requests_traveller_id", "traveller_id"),
)

PARTNER_IDEMPOTENCY = Table(
    "partner_idempotency",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("request_id", Uuid, nullable=False),
    moment("expires_at"),
    Index("ix_partner_idempotency_expires_at", "expires_at"),
)

PARTNER_GUESSES = Table(
    "partner_guesses",
    metadata,
    Column("partner_id", Text, primary_key=True),
    Column("traveller_id", Uuid, primary_key=True),
    moment("since"),
    Column("wrong", Integer, nullable=False),
)
