"""The tables about people's rights (migration 0015_rights). No foreign keys to travellers: a certificate and a receipt
outlive the person's record.
"""

from sqlalchemy import Column, Date, Index, Integer, LargeBinary, Table, Text, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from broker.stores.base import metadata, moment

_OPEN = text("state = 'open'")

ERASURE_CERTIFICATES = Table(
    "erasure_certificates",
    metadata,
    Column("token_digest", LargeBinary, primary_key=True),
    Column("traveller_id", Uuid, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    moment("complete_at"),
    moment("fetched_at", nullable=True),
    moment("forget_at"),
    Index("ix_erasure_certificates_forget_at", "forget_at"),
)

RIGHTS_REQUESTS = Table(
    "rights_requests",
    metadata,
    Column("request_id", Uuid, primary_key=True),
    Column("traveller_id", Uuid, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("asked", LargeBinary, nullable=False),
    moment("asked_at"),
    Column("due_on", Date, nullable=False),
    Column("state", Text, nullable=False),
    Column("staff_id", Text),
    Column("answered", LargeBinary),
    moment("settled_at", nullable=True),
    Index("ix_rights_requests_due_on", "due_on", "request_id", postgresql_where=_OPEN),
    Index("uq_rights_requests_open", "traveller_id", "kind", "leaf", unique=True, postgresql_where=_OPEN),
)

GUARDIANSHIPS = Table(
    "guardianships",
    metadata,
    Column("guardianship_id", Uuid, primary_key=True),
    Column("guardian_id", Uuid, nullable=False, index=True),
    Column("ward_id", Uuid, index=True),
    Column("code_digest", LargeBinary, nullable=False),
    Column("document", LargeBinary),
    Column("state", Text, nullable=False),
    moment("invited_at"),
    moment("expires_at"),
    moment("confirmed_at", nullable=True),
    moment("ended_at", nullable=True),
    UniqueConstraint("code_digest"),
)

GUARDIAN_CONSENTS = Table(
    "guardian_consents",
    metadata,
    Column("consent_id", Uuid, primary_key=True),
    Column("guardianship_id", Uuid, nullable=False),
    Column("ward_id", Uuid, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    moment("given_at"),
    moment("valid_until"),
    moment("withdrawn_at", nullable=True),
    Index(
        "uq_guardian_consents_standing",
        "ward_id",
        "purpose",
        "recipient",
        unique=True,
        postgresql_where=text("withdrawn_at IS NULL"),
    ),
)

PERSON_NOTICES = Table(
    "person_notices",
    metadata,
    Column("notice_id", Uuid, primary_key=True),
    Column("traveller_id", Uuid, nullable=False),
    Column("incident_id", Uuid, nullable=False, index=True),
    Column("body", JSONB, nullable=False),
    moment("told_at"),
    moment("seen_at", nullable=True),
    UniqueConstraint("traveller_id", "incident_id"),
)

INCIDENTS = Table(
    "incidents",
    metadata,
    Column("incident_id", Uuid, primary_key=True),
    Column("criterion", JSONB, nullable=False),
    Column("statement", JSONB, nullable=False),
    Column("opened_by", Text, nullable=False),
    moment("known_at"),
    moment("opened_at"),
    Column("affected", Integer, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
)

DELETION_RECEIPTS = Table(
    "deletion_receipts",
    metadata,
    Column("receipt_id", Uuid, primary_key=True),
    Column("category", Text, nullable=False),
    moment("run_at"),
    Column("deleted", Integer, nullable=False),
    Column("receipt", Text, nullable=False),
    Index("ix_deletion_receipts_run_at", "run_at"),
)
