"""Travellers, consents, templates, passes, status and trust lists, gates, epochs and crossings.

Revision ID: 0002_travellers
"""

from alembic import op

revision = "0002_travellers"
down_revision = "0001_journal"
branch_labels = None
depends_on = None

_PEOPLE = """
CREATE TABLE travellers (
    traveller_id uuid CONSTRAINT pk_travellers PRIMARY KEY,
    provider text NOT NULL,
    jurisdiction text NOT NULL,
    linked_at timestamptz NOT NULL,
    erased_at timestamptz,
    complete_at timestamptz,
    key_destroyed_at timestamptz
);
CREATE INDEX ix_travellers_key_to_destroy ON travellers (traveller_id)
    WHERE erased_at IS NOT NULL AND key_destroyed_at IS NULL;

CREATE TABLE identity_links (
    digest bytea CONSTRAINT pk_identity_links PRIMARY KEY,
    -- Deferred: the unique insert of a link decides who makes the traveller, who is inserted after it.
    traveller_id uuid NOT NULL
        CONSTRAINT fk_identity_links_traveller_id REFERENCES travellers DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX ix_identity_links_traveller_id ON identity_links (traveller_id);

CREATE TABLE profiles (
    traveller_id uuid CONSTRAINT pk_profiles PRIMARY KEY CONSTRAINT fk_profiles_traveller_id REFERENCES travellers,
    claims bytea,
    evidence bytea,
    auth_time timestamptz,
    acr text,
    portrait bytea,
    portrait_at timestamptz
);
CREATE INDEX ix_profiles_portrait_at ON profiles (portrait_at) WHERE portrait_at IS NOT NULL;

CREATE TABLE consents (
    consent_id uuid CONSTRAINT pk_consents PRIMARY KEY,
    traveller_id uuid NOT NULL CONSTRAINT fk_consents_traveller_id REFERENCES travellers,
    purpose text NOT NULL,
    recipient text NOT NULL,
    controller text NOT NULL,
    categories text[] NOT NULL CONSTRAINT ck_consents_categories CHECK (cardinality(categories) > 0),
    legal_basis text NOT NULL,
    exporter_kind text NOT NULL,
    notice_version text NOT NULL,
    notice_language text NOT NULL,
    notice_digest bytea NOT NULL,
    given_at timestamptz NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_until timestamptz NOT NULL,
    status text NOT NULL CONSTRAINT ck_consents_status CHECK (status IN ('active', 'paused', 'withdrawn', 'expired')),
    settled_at timestamptz,
    receipt text NOT NULL,
    CONSTRAINT ck_consents_interval CHECK (valid_from < valid_until)
);
CREATE INDEX ix_consents_traveller_id ON consents (traveller_id);
CREATE UNIQUE INDEX uq_consents_standing ON consents (traveller_id, purpose, recipient)
    WHERE status IN ('active', 'paused');
CREATE INDEX ix_consents_valid_until ON consents (valid_until) WHERE status IN ('active', 'paused');

CREATE TABLE face_templates (
    traveller_id uuid CONSTRAINT pk_face_templates PRIMARY KEY
        CONSTRAINT fk_face_templates_traveller_id REFERENCES travellers,
    template_id uuid NOT NULL,
    sealed bytea NOT NULL,
    enrolled_at timestamptz NOT NULL
);

CREATE TABLE traveller_entries (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_traveller_entries PRIMARY KEY,
    traveller_id uuid NOT NULL,
    leaf_hash bytea NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX ix_traveller_entries_traveller_id_id ON traveller_entries (traveller_id, id);
"""

_PASSES = """
CREATE TABLE passes (
    zone text NOT NULL,
    pass_id bytea NOT NULL CONSTRAINT ck_passes_pass_id CHECK (octet_length(pass_id) = 16),
    traveller_id uuid,
    consent_ids uuid[] NOT NULL,
    template_id uuid NOT NULL,
    mode smallint NOT NULL,
    device_key bytea,
    status_index bigint NOT NULL CONSTRAINT uq_passes_status_index UNIQUE,
    epoch integer,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    pass_bytes bytea NOT NULL,
    reserved_by text,
    reserved_until timestamptz,
    CONSTRAINT pk_passes PRIMARY KEY (zone, pass_id),
    CONSTRAINT uq_passes_traveller_id_device_key UNIQUE (traveller_id, device_key)
);
CREATE INDEX ix_passes_traveller_id_expires_at ON passes (traveller_id, expires_at);
CREATE INDEX ix_passes_expires_at ON passes (expires_at);

CREATE TABLE pass_spends (
    zone text NOT NULL,
    pass_id bytea NOT NULL,
    gate_id text NOT NULL,
    event_id bytea NOT NULL,
    spent_at timestamptz NOT NULL,
    CONSTRAINT pk_pass_spends PRIMARY KEY (zone, pass_id)
);

CREATE TABLE pass_answers (
    zone text NOT NULL,
    pass_id bytea NOT NULL,
    counter bigint NOT NULL,
    gate_id text NOT NULL,
    answered_at timestamptz NOT NULL,
    CONSTRAINT pk_pass_answers PRIMARY KEY (zone, pass_id, counter)
);

CREATE TABLE status_entries (
    status_index bigint CONSTRAINT pk_status_entries PRIMARY KEY,
    revoked_at timestamptz
);
CREATE INDEX ix_status_entries_revoked ON status_entries (status_index) WHERE revoked_at IS NOT NULL;

CREATE TABLE status_lists (
    list_no integer CONSTRAINT pk_status_lists PRIMARY KEY,
    needed_until timestamptz NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    issued_at timestamptz,
    raw bytea
);
"""

_GATES = """
CREATE TABLE trust_lists (
    version bigint CONSTRAINT pk_trust_lists PRIMARY KEY,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    keys_digest bytea NOT NULL,
    raw bytea NOT NULL
);

CREATE TABLE gates (
    gate_id text CONSTRAINT pk_gates PRIMARY KEY,
    zone text NOT NULL,
    kid bytea NOT NULL CONSTRAINT uq_gates_kid UNIQUE,
    public_key bytea NOT NULL,
    enrolled_at timestamptz NOT NULL,
    retired_at timestamptz
);

CREATE TABLE gate_invitations (
    digest bytea CONSTRAINT pk_gate_invitations PRIMARY KEY,
    gate_id text NOT NULL CONSTRAINT uq_gate_invitations_gate_id UNIQUE,
    zone text NOT NULL,
    expires_at timestamptz NOT NULL,
    used_by bytea
);

CREATE TABLE crossings (
    gate_id text NOT NULL,
    event_id bytea NOT NULL,
    zone text NOT NULL,
    pass_id bytea,
    decision text NOT NULL,
    reasons text[] NOT NULL,
    mode text NOT NULL,
    liveness text NOT NULL,
    opened boolean NOT NULL,
    conflict boolean NOT NULL,
    score double precision,
    threshold double precision,
    embedder_set text,
    models jsonb NOT NULL,
    decided_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_crossings PRIMARY KEY (gate_id, event_id)
);
CREATE INDEX ix_crossings_zone_pass_id ON crossings (zone, pass_id);

CREATE TABLE epochs (
    zone text NOT NULL,
    epoch integer NOT NULL,
    dies_at timestamptz NOT NULL,
    destroyed_at timestamptz,
    CONSTRAINT pk_epochs PRIMARY KEY (zone, epoch)
);
"""


def upgrade() -> None:
    op.execute(_PEOPLE)
    op.execute(_PASSES)
    op.execute(_GATES)
