"""Consents per partner: frequency, retention, versions, counted uses and remembered answers.

Durations are whole seconds. Every record is a version of a series; those given before are the first of their own.

Revision ID: 0008_consents
"""

from alembic import op

revision = "0008_consents"
down_revision = "0007_authorization"
branch_labels = None
depends_on = None

_STATES = """
ALTER TABLE consents DROP CONSTRAINT ck_consents_status;
ALTER TABLE consents ADD CONSTRAINT ck_consents_status CHECK (status IN ({states}))
"""

_RECORDS = """
ALTER TABLE consents
    ADD COLUMN frequency_times integer CONSTRAINT ck_consents_frequency_times CHECK (frequency_times >= 1),
    ADD COLUMN frequency_per bigint CONSTRAINT ck_consents_frequency_per CHECK (frequency_per >= 1),
    ADD COLUMN retention bigint CONSTRAINT ck_consents_retention CHECK (retention >= 1),
    ADD COLUMN jurisdiction text,
    ADD COLUMN version integer NOT NULL DEFAULT 1 CONSTRAINT ck_consents_version CHECK (version >= 1),
    ADD COLUMN series uuid,
    ADD COLUMN supersedes uuid,
    ADD COLUMN digest bytea CONSTRAINT ck_consents_digest CHECK (octet_length(digest) = 32),
    ADD COLUMN declined text[] NOT NULL DEFAULT '{}';
UPDATE consents SET series = consent_id;
ALTER TABLE consents
    ALTER COLUMN series SET NOT NULL,
    ADD CONSTRAINT uq_consents_series_version UNIQUE (series, version);
"""

_ANSWERS = """
CREATE TABLE consent_uses (
    consent_id uuid NOT NULL CONSTRAINT fk_consent_uses_consent_id REFERENCES consents ON DELETE CASCADE,
    used_at timestamptz NOT NULL
);
CREATE INDEX ix_consent_uses_consent_id_used_at ON consent_uses (consent_id, used_at);

CREATE TABLE consent_answers (
    handle_hash bytea NOT NULL,
    traveller_id uuid NOT NULL,
    release bytea NOT NULL,
    granted boolean NOT NULL,
    consent_id uuid,
    answered_at timestamptz NOT NULL,
    CONSTRAINT pk_consent_answers PRIMARY KEY (handle_hash, traveller_id, release),
    CONSTRAINT ck_consent_answers_granted CHECK (granted = (consent_id IS NOT NULL))
);
CREATE INDEX ix_consent_answers_answered_at ON consent_answers (answered_at);
"""


def upgrade() -> None:
    op.execute(_STATES.format(states="'active', 'paused', 'withdrawn', 'expired', 'superseded'"))
    op.execute(_RECORDS)
    op.execute(_ANSWERS)


def downgrade() -> None:
    op.execute("DROP TABLE consent_answers; DROP TABLE consent_uses")
    op.execute("UPDATE consents SET status = 'expired' WHERE status = 'superseded'")
    op.execute(_STATES.format(states="'active', 'paused', 'withdrawn', 'expired'"))
    op.execute(
        "ALTER TABLE consents DROP COLUMN frequency_times, DROP COLUMN frequency_per, DROP COLUMN retention, "
        "DROP COLUMN jurisdiction, DROP COLUMN version, DROP COLUMN series, DROP COLUMN supersedes, "
        "DROP COLUMN digest, DROP COLUMN declined"
    )
