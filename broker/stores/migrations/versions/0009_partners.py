"""Partners, their keys, webhooks and requests.

Revision ID: 0009_partners
"""

from alembic import op

revision = "0009_partners"
down_revision = "0008_consents"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE partners (
    partner_id text CONSTRAINT pk_partners PRIMARY KEY,
    names jsonb NOT NULL,
    contact text NOT NULL,
    jurisdiction text NOT NULL,
    kind text NOT NULL,
    sandbox boolean NOT NULL,
    scopes text[] NOT NULL,
    purposes text[] NOT NULL,
    claims text[] NOT NULL,
    created_at timestamptz NOT NULL,
    jwks_uri text,
    jwks jsonb,
    jwks_at timestamptz,
    webhook_url text,
    status text NOT NULL,
    status_at timestamptz
);

-- The outbox: a notice is written in the transaction of what it tells of.
CREATE TABLE partner_events (
    event_id uuid CONSTRAINT pk_partner_events PRIMARY KEY,
    partner_id text NOT NULL CONSTRAINT fk_partner_events_partner_id REFERENCES partners,
    name text NOT NULL,
    subject text,
    body jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    state text NOT NULL,
    attempts integer NOT NULL,
    next_at timestamptz NOT NULL,
    settled_at timestamptz,
    last_outcome text
);
CREATE INDEX ix_partner_events_due ON partner_events (next_at) WHERE state = 'waiting';
CREATE INDEX ix_partner_events_partner_id_created_at ON partner_events (partner_id, created_at);

-- What a partner asked a person to approve. `result` is encrypted to the partner and opens nowhere here.
CREATE TABLE partner_requests (
    request_id uuid CONSTRAINT pk_partner_requests PRIMARY KEY,
    partner_id text NOT NULL CONSTRAINT fk_partner_requests_partner_id REFERENCES partners,
    client_id text NOT NULL,
    kind text NOT NULL,
    purpose text NOT NULL,
    subject text,
    asked jsonb NOT NULL,
    return_uri text,
    status text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    traveller_id uuid,
    provider text,
    consent_id uuid,
    state_hash bytea CONSTRAINT uq_partner_requests_state_hash UNIQUE,
    memory bytea,
    result bytea,
    settled_at timestamptz,
    fetched_at timestamptz
);
CREATE INDEX ix_partner_requests_expires_at ON partner_requests (expires_at);
CREATE INDEX ix_partner_requests_traveller_id ON partner_requests (traveller_id);

CREATE TABLE partner_idempotency (
    client_id text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    request_id uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT pk_partner_idempotency PRIMARY KEY (client_id, key)
);
CREATE INDEX ix_partner_idempotency_expires_at ON partner_idempotency (expires_at);

-- How many wrong values a partner stated about a person since `since`.
CREATE TABLE partner_guesses (
    partner_id text NOT NULL,
    traveller_id uuid NOT NULL,
    since timestamptz NOT NULL,
    wrong integer NOT NULL,
    CONSTRAINT pk_partner_guesses PRIMARY KEY (partner_id, traveller_id)
);
"""

_NAMES = ("partner_guesses", "partner_idempotency", "partner_requests", "partner_events", "partners")


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    for name in _NAMES:
        op.execute(f"DROP TABLE {name}")
