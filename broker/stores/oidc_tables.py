"""Tables of the authorization server (migration 0003_oidc), for SQLAlchemy Core."""

from sqlalchemy import Column, ForeignKey, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP, UUID

from broker.stores.base import metadata

_MOMENT = TIMESTAMP(timezone=True)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


pending_requests = Table(
    "oidc_pending_requests",
    metadata,
    Column("handle_hash", LargeBinary, primary_key=True),
    Column("request", JSONB, nullable=False),
    Column("created_at", _MOMENT, nullable=False),
    Column("expires_at", _MOMENT, nullable=False, index=True),
)

login_attempts = Table(
    "oidc_login_attempts",
    metadata,
    Column("binding_hash", LargeBinary, primary_key=True),
    _text("provider"),
    _text("language"),
    Column("expires_at", _MOMENT, nullable=False, index=True),
)

sessions = Table(
    "oidc_sessions",
    metadata,
    Column("session_hash", LargeBinary, primary_key=True),
    Column("traveller_id", UUID, nullable=False, index=True),
    _text("provider"),
    _text("acr"),
    Column("auth_time", _MOMENT, nullable=False),
    Column("created_at", _MOMENT, nullable=False),
    Column("expires_at", _MOMENT, nullable=False, index=True),
)

codes = Table(
    "oidc_codes",
    metadata,
    Column("code_hash", LargeBinary, primary_key=True),
    Column("grant_id", UUID, nullable=False),
    _text("client_id"),
    _text("redirect_uri"),
    _text("code_challenge"),
    Column("scopes", ARRAY(Text), nullable=False),
    _text("nonce", nullable=True),
    _text("dpop_jkt", nullable=True),
    Column("traveller_id", UUID, nullable=False, index=True),
    _text("provider"),
    _text("acr"),
    Column("auth_time", _MOMENT, nullable=False),
    Column("expires_at", _MOMENT, nullable=False, index=True),
    Column("spent_at", _MOMENT),
)

grants = Table(
    "oidc_grants",
    metadata,
    Column("grant_id", UUID, primary_key=True),
    _text("client_id"),
    Column("traveller_id", UUID, nullable=False, index=True),
    _text("subject"),
    _text("provider"),
    _text("acr"),
    Column("auth_time", _MOMENT, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    _text("jkt"),
    Column("created_at", _MOMENT, nullable=False),
    Column("expires_at", _MOMENT, nullable=False, index=True),
    Column("revoked_at", _MOMENT),
)

refresh_tokens = Table(
    "oidc_refresh_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("grant_id", UUID, ForeignKey(grants.c.grant_id, ondelete="CASCADE"), nullable=False, index=True),
    Column("expires_at", _MOMENT, nullable=False),
    Column("spent_at", _MOMENT),
)

proofs = Table(
    "oidc_proofs",
    metadata,
    Column("proof_hash", LargeBinary, primary_key=True),
    Column("forget_at", _MOMENT, nullable=False, index=True),
)

subjects = Table(
    "oidc_subjects",
    metadata,
    Column("traveller_id", UUID, primary_key=True),
    Column("sector", Text, primary_key=True),
    Column("subject", Text, nullable=False, unique=True),
)
