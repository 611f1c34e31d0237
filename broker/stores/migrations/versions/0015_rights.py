"""Requests of people about their data, guardians, notices, incidents, and what was deleted.

Revision ID: 0015_rights
"""

from alembic import op

revision = "0015_rights"
down_revision = "0014_samples"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE erasure_certificates (
    token_digest bytea CONSTRAINT pk_erasure_certificates PRIMARY KEY,
    traveller_id uuid NOT NULL,
    sealed bytea NOT NULL,
    leaf bytea NOT NULL,
    complete_at timestamptz NOT NULL,
    fetched_at timestamptz,
    forget_at timestamptz NOT NULL
);
CREATE INDEX ix_erasure_certificates_forget_at ON erasure_certificates (forget_at);

CREATE TABLE rights_requests (
    request_id uuid CONSTRAINT pk_rights_requests PRIMARY KEY,
    traveller_id uuid NOT NULL,
    kind text NOT NULL,
    leaf bytea NOT NULL,
    asked bytea NOT NULL,
    asked_at timestamptz NOT NULL,
    due_on date NOT NULL,
    state text NOT NULL,
    staff_id text,
    answered bytea,
    settled_at timestamptz
);
CREATE INDEX ix_rights_requests_traveller_id ON rights_requests (traveller_id);
CREATE INDEX ix_rights_requests_due_on ON rights_requests (due_on, request_id) WHERE state = 'open';
-- One open review of one decision, and one open correction a person.
CREATE UNIQUE INDEX uq_rights_requests_open ON rights_requests (traveller_id, kind, leaf)
    WHERE state = 'open';

CREATE TABLE guardianships (
    guardianship_id uuid CONSTRAINT pk_guardianships PRIMARY KEY,
    guardian_id uuid NOT NULL,
    ward_id uuid,
    code_digest bytea NOT NULL CONSTRAINT uq_guardianships_code_digest UNIQUE,
    document bytea,
    state text NOT NULL,
    invited_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    ended_at timestamptz
);
CREATE INDEX ix_guardianships_guardian_id ON guardianships (guardian_id);
CREATE INDEX ix_guardianships_ward_id ON guardianships (ward_id);

CREATE TABLE guardian_consents (
    consent_id uuid CONSTRAINT pk_guardian_consents PRIMARY KEY,
    guardianship_id uuid NOT NULL,
    ward_id uuid NOT NULL,
    purpose text NOT NULL,
    recipient text NOT NULL,
    given_at timestamptz NOT NULL,
    valid_until timestamptz NOT NULL,
    withdrawn_at timestamptz
);
CREATE UNIQUE INDEX uq_guardian_consents_standing ON guardian_consents (ward_id, purpose, recipient)
    WHERE withdrawn_at IS NULL;

CREATE TABLE person_notices (
    notice_id uuid CONSTRAINT pk_person_notices PRIMARY KEY,
    traveller_id uuid NOT NULL,
    incident_id uuid NOT NULL,
    body jsonb NOT NULL,
    told_at timestamptz NOT NULL,
    seen_at timestamptz,
    CONSTRAINT uq_person_notices_traveller_id_incident_id UNIQUE (traveller_id, incident_id)
);
CREATE INDEX ix_person_notices_incident_id ON person_notices (incident_id);

CREATE TABLE incidents (
    incident_id uuid CONSTRAINT pk_incidents PRIMARY KEY,
    criterion jsonb NOT NULL,
    statement jsonb NOT NULL,
    opened_by text NOT NULL,
    known_at timestamptz NOT NULL,
    opened_at timestamptz NOT NULL,
    affected integer NOT NULL,
    leaf bytea NOT NULL
);

CREATE TABLE deletion_receipts (
    receipt_id uuid CONSTRAINT pk_deletion_receipts PRIMARY KEY,
    category text NOT NULL,
    run_at timestamptz NOT NULL,
    deleted integer NOT NULL,
    receipt text NOT NULL
);
CREATE INDEX ix_deletion_receipts_run_at ON deletion_receipts (run_at);
"""
_NAMES = (
    "deletion_receipts",
    "incidents",
    "person_notices",
    "guardian_consents",
    "guardianships",
    "rights_requests",
    "erasure_certificates",
)


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for name in _NAMES:
        op.execute(f"DROP TABLE {name}")
