"""Clients, what a grant releases, sessions that others are told of, logout notices.

Revision ID: 0007_authorization
"""

from alembic import op

revision = "0007_authorization"
down_revision = "0006_linking"
branch_labels = None
depends_on = None

_UP = """
CREATE TABLE oidc_clients (
    client_id text CONSTRAINT pk_oidc_clients PRIMARY KEY,
    version bigint NOT NULL,
    status text NOT NULL,
    partner_id text,
    backchannel_logout_uri text,
    registration jsonb NOT NULL
);
CREATE INDEX ix_oidc_clients_partner_id ON oidc_clients (partner_id);

ALTER TABLE oidc_sessions
    ADD COLUMN amr text[] NOT NULL DEFAULT '{}',
    ADD COLUMN session_id uuid;

ALTER TABLE oidc_codes
    ALTER COLUMN code_challenge DROP NOT NULL,
    ADD COLUMN amr text[] NOT NULL DEFAULT '{}',
    ADD COLUMN session_id uuid,
    ADD COLUMN releases jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN consents uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN claims jsonb;

ALTER TABLE oidc_grants
    ALTER COLUMN jkt DROP NOT NULL,
    ADD COLUMN amr text[] NOT NULL DEFAULT '{}',
    ADD COLUMN session_id uuid,
    ADD COLUMN releases jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN consents uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN claims jsonb;
CREATE INDEX ix_oidc_grants_client_id ON oidc_grants (client_id);
CREATE INDEX ix_oidc_grants_session_id ON oidc_grants (session_id) WHERE session_id IS NOT NULL;

-- Access tokens without a grant (client_credentials) that were revoked before their time.
CREATE TABLE oidc_revoked_tokens (
    token_hash bytea CONSTRAINT pk_oidc_revoked_tokens PRIMARY KEY,
    forget_at timestamptz NOT NULL
);
CREATE INDEX ix_oidc_revoked_tokens_forget_at ON oidc_revoked_tokens (forget_at);

-- Which clients a session logged a person in to, and as whom.
CREATE TABLE oidc_session_clients (
    session_id uuid NOT NULL,
    client_id text NOT NULL,
    subject text NOT NULL,
    CONSTRAINT pk_oidc_session_clients PRIMARY KEY (session_id, client_id)
);

-- Logout notices under way (OpenID Connect Back-Channel Logout 2.5).
CREATE TABLE oidc_logout_notices (
    notice_id uuid CONSTRAINT pk_oidc_logout_notices PRIMARY KEY DEFAULT gen_random_uuid(),
    client_id text NOT NULL,
    session_id uuid NOT NULL,
    subject text NOT NULL,
    attempts int NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT 'epoch'
);
CREATE INDEX ix_oidc_logout_notices_due_at ON oidc_logout_notices (due_at);
"""

_DOWN = """
DROP TABLE oidc_logout_notices;
DROP TABLE oidc_session_clients;
DROP TABLE oidc_revoked_tokens;
DELETE FROM oidc_grants WHERE jkt IS NULL;
DROP INDEX ix_oidc_grants_session_id;
DROP INDEX ix_oidc_grants_client_id;
ALTER TABLE oidc_grants
    DROP COLUMN claims, DROP COLUMN consents, DROP COLUMN releases, DROP COLUMN session_id, DROP COLUMN amr,
    ALTER COLUMN jkt SET NOT NULL;
DELETE FROM oidc_codes WHERE code_challenge IS NULL;
ALTER TABLE oidc_codes
    DROP COLUMN claims, DROP COLUMN consents, DROP COLUMN releases, DROP COLUMN session_id, DROP COLUMN amr,
    ALTER COLUMN code_challenge SET NOT NULL;
ALTER TABLE oidc_sessions DROP COLUMN session_id, DROP COLUMN amr;
DROP TABLE oidc_clients;
"""


def upgrade() -> None:
    op.execute(_UP)


def downgrade() -> None:
    op.execute(_DOWN)
