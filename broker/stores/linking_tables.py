"""Tables about identities at providers (migration 0006_linking)."""

from sqlalchemy import Column, DateTime, ForeignKey, LargeBinary, Table, Text, UniqueConstraint, Uuid

from broker.stores.base import metadata


def _moment(name: str, *, nullable: bool = False, index: bool = False) -> "Column[object]":
    return Column(name, DateTime(timezone=True), nullable=nullable, index=index)


def _person(*, primary_key: bool = False, index: bool = False) -> "Column[object]":
    """Checked at commit, so that a unique insert may decide who makes the traveller."""
    person = ForeignKey("travellers.traveller_id", deferrable=True, initially="DEFERRED")
    return Column("traveller_id", Uuid, person, nullable=False, primary_key=primary_key, index=index)


IDENTITY_LINKS = Table(
    "identity_links",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    _person(index=True),
    Column("link_id", Uuid, nullable=False, unique=True),
    Column("provider", Text, nullable=False),
    Column("acr", Text),
    _moment("linked_at"),
    _moment("last_login_at", nullable=True),
    _moment("withdrawn_at", nullable=True),
    UniqueConstraint("traveller_id", "provider"),
)

IDENTITY_DOCUMENTS = Table(
    "identity_documents",
    metadata,
    Column("document", LargeBinary, primary_key=True),
    Column("birth", LargeBinary, nullable=False),
    _person(index=True),
)

HELD_IDENTITIES = Table(
    "held_identities",
    metadata,
    Column("held_id", Uuid, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    _person(index=True),
    Column("provider", Text, nullable=False),
    Column("acr", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("browser", LargeBinary, nullable=False),
    _moment("created_at"),
    _moment("expires_at", index=True),
)

UPSTREAM_TOKENS = Table(
    "upstream_tokens",
    metadata,
    _person(primary_key=True),
    Column("provider", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    _moment("expires_at", nullable=True),
    _moment("leased_until", nullable=True),
)

PROVIDER_NOTICES = Table(
    "provider_notices",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("business_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    _moment("received_at", index=True),
)
