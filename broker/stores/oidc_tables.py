"""Tables of the authorization server (migrations 0003_oidc, 0007_authorization, 0018_grants), for SQLAlchemy Core."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP, UUID

from broker.stores.base import metadata

_MOMENT = TIMESTAMP(timezone=True)


_EMPTY_ARRAY = text("'{}'")
_EMPTY_LIST = text("'[]'")


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _authorized() -> tuple[Column[object], ...]:
    """What a code carries over to the grant it founds."""
    return (
        Column("amr", ARRAY(Text), nullable=False, server_default=_EMPTY_ARRAY),
        Column("session_id", UUID),
        Column("releases", JSONB, nullable=False, server_default=_EMPTY_LIST),
        Column("consents", ARRAY(UUID), nullable=False, server_default=_EMPTY_ARRAY),
        Column("claims", JSONB(none_as_null=True)),
    )


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
    Column("memory", LargeBinary, nullable=False),
    Column("link_session", LargeBinary),
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
    Column("amr", ARRAY(Text), nullable=False, server_default=_EMPTY_ARRAY),
    Column("session_id", UUID),
)

codes = Table(
    "oidc_codes",
    metadata,
    Column("code_hash", LargeBinary, primary_key=True),
    Column("grant_id", UUID, nullable=False),
    _text("client_id"),
    _text("redirect_uri"),
    _text("code_challenge", nullable=True),
    Column("scopes", ARRAY(Text), nullable=False),
    _text("nonce", nullable=True),
    _text("dpop_jkt", nullable=True),
    Column("traveller_id", UUID, nullable=False, index=True),
    _text("provider"),
    _text("acr"),
    Column("auth_time", _MOMENT, nullable=False),
    Column("expires_at", _MOMENT, nullable=False, index=True),
    Column("spent_at", _MOMENT),
    Column("grant_action", Text),
    *_authorized(),
    # What ends before its code is redeemed is found by these.
    Index("ix_oidc_codes_grant_id", "grant_id", postgresql_where=text("spent_at IS NULL")),
    Index("ix_oidc_codes_session_id", "session_id", postgresql_where=text("spent_at IS NULL")),
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
    _text("jkt", nullable=True),
    Column("created_at", _MOMENT, nullable=False),
    Column("expires_at", _MOMENT, nullable=False, index=True),
    Column("revoked_at", _MOMENT),
    *_authorized(),
    Index("ix_oidc_grants_client_id", "client_id"),
    Index("ix_oidc_grants_session_id", "session_id", postgresql_where=text("session_id IS NOT NULL")),
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

clients = Table(
    "oidc_clients",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    _text("status"),
    Column("partner_id", Text, index=True),
    _text("backchannel_logout_uri", nullable=True),
    Column("registration", JSONB, nullable=False),
)

revoked_tokens = Table(
    "oidc_revoked_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("forget_at", _MOMENT, nullable=False, index=True),
)

session_clients = Table(
    "oidc_session_clients",
    metadata,
    Column("session_id", UUID, primary_key=True),
    Column("client_id", Text, primary_key=True),
    _text("subject"),
)

logout_notices = Table(
    "oidc_logout_notices",
    metadata,
    Column("notice_id", UUID, primary_key=True, server_default=text("gen_random_uuid()")),
    _text("client_id"),
    Column("session_id", UUID, nullable=False),
    _text("subject"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("due_at", _MOMENT, nullable=False, index=True, server_default=text("'epoch'")),
)
