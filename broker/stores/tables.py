"""The tables about travellers, consents, passes and gates (migration 0002_travellers).

Core tables, not mapped classes: every row becomes a frozen value of `broker.core` at once, and several statements here
depend on exact locking or `ON CONFLICT`. Zone leads the keys of what gates touch, so that it can be a distribution key.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from broker.stores.base import metadata, moment

TRAVELLERS = Table(
    "travellers",
    metadata,
    Column("traveller_id", Uuid, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("jurisdiction", Text, nullable=False),
    moment("linked_at"),
    moment("erased_at", nullable=True),
    moment("complete_at", nullable=True),
    moment("key_destroyed_at", nullable=True),
    Index(
        "ix_travellers_key_to_destroy",
        "traveller_id",
        postgresql_where=text("erased_at IS NOT NULL AND key_destroyed_at IS NULL"),
    ),
)

PROFILES = Table(
    "profiles",
    metadata,
    Column("traveller_id", Uuid, ForeignKey("travellers.traveller_id"), primary_key=True),
    Column("claims", LargeBinary),
    Column("evidence", LargeBinary),
    moment("auth_time", nullable=True),
    Column("acr", Text),
    Column("portrait", LargeBinary),
    moment("portrait_at", nullable=True),
    Column("vouched", LargeBinary),
    Column("document", LargeBinary),
    Index("ix_profiles_portrait_at", "portrait_at", postgresql_where=text("portrait_at IS NOT NULL")),
)

CONSENTS = Table(
    "consents",
    metadata,
    Column("consent_id", Uuid, primary_key=True),
    Column("traveller_id", Uuid, ForeignKey("travellers.traveller_id"), nullable=False, index=True),
    Column("purpose", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("controller", Text, nullable=False),
    Column("categories", ARRAY(Text), nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("exporter_kind", Text, nullable=False),
    Column("notice_version", Text, nullable=False),
    Column("notice_language", Text, nullable=False),
    Column("notice_digest", LargeBinary, nullable=False),
    moment("given_at"),
    moment("valid_from"),
    moment("valid_until"),
    Column("status", Text, nullable=False),
    moment("settled_at", nullable=True),
    Column("receipt", Text, nullable=False),
    # Durations in whole seconds (migration 0008_consents).
    Column("frequency_times", Integer),
    Column("frequency_per", BigInteger),
    Column("retention", BigInteger),
    Column("jurisdiction", Text),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("series", Uuid, nullable=False),
    Column("supersedes", Uuid),
    Column("digest", LargeBinary),
    Column("declined", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    UniqueConstraint("series", "version"),
    Index(
        "uq_consents_standing",
        "traveller_id",
        "purpose",
        "recipient",
        unique=True,
        postgresql_where=text("status IN ('active', 'paused')"),
    ),
    Index("ix_consents_valid_until", "valid_until", postgresql_where=text("status IN ('active', 'paused')")),
)

FACE_TEMPLATES = Table(
    "face_templates",
    metadata,
    Column("traveller_id", Uuid, ForeignKey("travellers.traveller_id"), primary_key=True),
    Column("template_id", Uuid, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    moment("enrolled_at"),
    Column("capture_digest", LargeBinary),
)

# No foreign keys from here on: an erased person's passes stay, without them, until the lists need them no more.
PASSES = Table(
    "passes",
    metadata,
    Column("zone", Text, primary_key=True),
    Column("pass_id", LargeBinary, primary_key=True),
    Column("traveller_id", Uuid),
    Column("consent_ids", ARRAY(Uuid), nullable=False),
    Column("template_id", Uuid, nullable=False),
    Column("mode", SmallInteger, nullable=False),
    Column("device_key", LargeBinary),
    Column("status_index", BigInteger, nullable=False),
    Column("epoch", Integer),
    moment("issued_at"),
    moment("expires_at"),
    Column("pass_bytes", LargeBinary, nullable=False),
    Column("reserved_by", Text),
    moment("reserved_until", nullable=True),
    UniqueConstraint("status_index"),
    UniqueConstraint("traveller_id", "device_key"),
    Index("ix_passes_traveller_id_expires_at", "traveller_id", "expires_at"),
    Index("ix_passes_expires_at", "expires_at"),
)

PASS_SPENDS = Table(
    "pass_spends",
    metadata,
    Column("zone", Text, primary_key=True),
    Column("pass_id", LargeBinary, primary_key=True),
    Column("gate_id", Text, nullable=False),
    Column("event_id", LargeBinary, nullable=False),
    moment("spent_at"),
)

PASS_ANSWERS = Table(
    "pass_answers",
    metadata,
    Column("zone", Text, primary_key=True),
    Column("pass_id", LargeBinary, primary_key=True),
    Column("counter", BigInteger, primary_key=True, autoincrement=False),
    Column("gate_id", Text, nullable=False),
    moment("answered_at"),
)

# Never deleted: an index is given out once for all time.
STATUS_ENTRIES = Table(
    "status_entries",
    metadata,
    Column("status_index", BigInteger, primary_key=True, autoincrement=False),
    moment("revoked_at", nullable=True),
    Index("ix_status_entries_revoked", "status_index", postgresql_where=text("revoked_at IS NOT NULL")),
)

STATUS_LISTS = Table(
    "status_lists",
    metadata,
    Column("list_no", Integer, primary_key=True, autoincrement=False),
    # Nobody's pass points into the list after this moment. Moved ahead in steps, not at each minting.
    moment("needed_until"),
    Column("version", BigInteger, nullable=False, server_default=text("0")),
    moment("issued_at", nullable=True),
    Column("raw", LargeBinary),
)

TRUST_LISTS = Table(
    "trust_lists",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    moment("issued_at"),
    moment("expires_at"),
    Column("keys_digest", LargeBinary, nullable=False),
    Column("raw", LargeBinary, nullable=False),
)

GATES = Table(
    "gates",
    metadata,
    Column("gate_id", Text, primary_key=True),
    Column("zone", Text, nullable=False),
    Column("kid", LargeBinary, nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False),
    moment("enrolled_at"),
    moment("retired_at", nullable=True),
)

GATE_INVITATIONS = Table(
    "gate_invitations",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("gate_id", Text, nullable=False, unique=True),
    Column("zone", Text, nullable=False),
    moment("expires_at"),
    Column("used_by", LargeBinary),
)

CROSSINGS = Table(
    "crossings",
    metadata,
    Column("gate_id", Text, primary_key=True),
    Column("event_id", LargeBinary, primary_key=True),
    Column("zone", Text, nullable=False),
    Column("pass_id", LargeBinary),
    Column("decision", Text, nullable=False),
    Column("reasons", ARRAY(Text), nullable=False),
    Column("mode", Text, nullable=False),
    Column("liveness", Text, nullable=False),
    Column("opened", Boolean, nullable=False),
    Column("conflict", Boolean, nullable=False),
    Column("score", Double),
    Column("threshold", Double),
    Column("embedder_set", Text),
    Column("models", JSONB, nullable=False),
    moment("decided_at"),
    moment("recorded_at"),
    Index("ix_crossings_zone_pass_id", "zone", "pass_id"),
)

EPOCHS = Table(
    "epochs",
    metadata,
    Column("zone", Text, primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    moment("dies_at"),
    moment("destroyed_at", nullable=True),
)

# The only way from a person to their journal entries; goes with them.
TRAVELLER_ENTRIES = Table(
    "traveller_entries",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("traveller_id", Uuid, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    moment("at"),
    Index("ix_traveller_entries_traveller_id_id", "traveller_id", "id"),
    Index("ix_traveller_entries_at", "at", postgresql_using="brin", postgresql_with={"autosummarize": "on"}),
)
