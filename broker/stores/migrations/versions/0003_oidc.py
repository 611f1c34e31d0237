"""What the authorization server remembers: digests of sessions, codes and tokens, never the secrets.

Revision ID: 0003_oidc
"""

from alembic import op

revision = "0003_oidc"
down_revision = "0002_travellers"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE oidc_pending_requests (
    handle_hash bytea CONSTRAINT pk_oidc_pending_requests PRIMARY KEY,
    request jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ix_oidc_pending_requests_expires_at ON oidc_pending_requests (expires_at);

CREATE TABLE oidc_login_attempts (
    binding_hash bytea CONSTRAINT pk_oidc_login_attempts PRIMARY KEY,
    provider text NOT NULL,
    language text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ix_oidc_login_attempts_expires_at ON oidc_login_attempts (expires_at);

CREATE TABLE oidc_sessions (
    session_hash bytea CONSTRAINT pk_oidc_sessions PRIMARY KEY,
    traveller_id uuid NOT NULL,
    provider text NOT NULL,
    acr text NOT NULL,
    auth_time timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ix_oidc_sessions_traveller_id ON oidc_sessions (traveller_id);
CREATE INDEX ix_oidc_sessions_expires_at ON oidc_sessions (expires_at);

CREATE TABLE oidc_codes (
    code_hash bytea CONSTRAINT pk_oidc_codes PRIMARY KEY,
    grant_id uuid NOT NULL,
    client_id text NOT NULL,
    redirect_uri text NOT NULL,
    code_challenge text NOT NULL,
    scopes text[] NOT NULL,
    nonce text,
    dpop_jkt text,
    traveller_id uuid NOT NULL,
    provider text NOT NULL,
    acr text NOT NULL,
    auth_time timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    spent_at timestamptz
);
CREATE INDEX ix_oidc_codes_traveller_id ON oidc_codes (traveller_id);
CREATE INDEX ix_oidc_codes_expires_at ON oidc_codes (expires_at);

CREATE TABLE oidc_grants (
    grant_id uuid CONSTRAINT pk_oidc_grants PRIMARY KEY,
    client_id text NOT NULL,
    traveller_id uuid NOT NULL,
    subject text NOT NULL,
    provider text NOT NULL,
    acr text NOT NULL,
    auth_time timestamptz NOT NULL,
    scopes text[] NOT NULL,
    jkt text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX ix_oidc_grants_traveller_id ON oidc_grants (traveller_id);
CREATE INDEX ix_oidc_grants_expires_at ON oidc_grants (expires_at);

-- Spent tokens stay as long as their grant: a second use must be recognised.
CREATE TABLE oidc_refresh_tokens (
    token_hash bytea CONSTRAINT pk_oidc_refresh_tokens PRIMARY KEY,
    grant_id uuid NOT NULL CONSTRAINT fk_oidc_refresh_tokens_grant_id REFERENCES oidc_grants ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    spent_at timestamptz
);
CREATE INDEX ix_oidc_refresh_tokens_grant_id ON oidc_refresh_tokens (grant_id);

-- DPoP proofs seen: the primary key is the replay guard (RFC 9449 11.1).
CREATE TABLE oidc_proofs (
    proof_hash bytea CONSTRAINT pk_oidc_proofs PRIMARY KEY,
    forget_at timestamptz NOT NULL
);
CREATE INDEX ix_oidc_proofs_forget_at ON oidc_proofs (forget_at);

-- Random pseudonyms, one for each person and sector: nothing computes one from the other.
CREATE TABLE oidc_subjects (
    traveller_id uuid NOT NULL,
    sector text NOT NULL,
    subject text NOT NULL CONSTRAINT uq_oidc_subjects_subject UNIQUE,
    CONSTRAINT pk_oidc_subjects PRIMARY KEY (traveller_id, sector)
);
"""

_NAMES = (
    "oidc_subjects",
    "oidc_proofs",
    "oidc_refresh_tokens",
    "oidc_grants",
    "oidc_codes",
    "oidc_sessions",
    "oidc_login_attempts",
    "oidc_pending_requests",
)


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    for name in _NAMES:
        op.execute(f"DROP TABLE {name}")
