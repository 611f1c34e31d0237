"""Samples of releases and what auditors found; releases counted by day and route.

Revision ID: 0014_samples
"""

from alembic import op

revision = "0014_samples"
down_revision = "0013_staff"
branch_labels = None
depends_on = None

_TABLES = """
-- One row for each pass over the journal: everything before `position` was read, and what it gave is committed with it.
CREATE TABLE journal_readers (
    name text CONSTRAINT pk_journal_readers PRIMARY KEY,
    position bigint NOT NULL CONSTRAINT ck_journal_readers_position CHECK (position >= 0)
);
INSERT INTO journal_readers VALUES ('releases', 0);

CREATE TABLE release_days (
    day date NOT NULL,
    origin text NOT NULL,
    destination text NOT NULL,
    gate text NOT NULL,
    mechanism text NOT NULL,
    band text NOT NULL,
    releases bigint NOT NULL,
    score_sum bigint NOT NULL,
    score_max integer NOT NULL,
    CONSTRAINT pk_release_days PRIMARY KEY (day, origin, destination, gate, mechanism, band)
);

CREATE TABLE sampling_days (
    day date CONSTRAINT pk_sampling_days PRIMARY KEY,
    state text NOT NULL,
    commitment bytea,
    committed bytea,
    rates jsonb,
    why text,
    size bigint,
    decided bigint NOT NULL DEFAULT 0,
    sampled bigint NOT NULL DEFAULT 0,
    digest bytea,
    -- Only what the journal has revealed: until then the seed is in the key store alone.
    seed bytea,
    CONSTRAINT ck_sampling_days_seed CHECK (seed IS NULL OR state = 'closed')
);
CREATE INDEX ix_sampling_days_open ON sampling_days (day) WHERE state <> 'closed';

CREATE TABLE samples (
    release bytea CONSTRAINT pk_samples PRIMARY KEY,
    position bigint NOT NULL,
    day date NOT NULL,
    hour timestamptz NOT NULL,
    kind text NOT NULL,
    stratum text NOT NULL,
    rank smallint NOT NULL,
    late boolean NOT NULL,
    state text NOT NULL,
    auditor text,
    claimed_at timestamptz,
    verdict text,
    text text,
    follow_up text,
    nonce bytea,
    found_at timestamptz,
    closed_at timestamptz
);
CREATE INDEX ix_samples_position ON samples (position);
CREATE INDEX ix_samples_day_position ON samples (day, position);
CREATE INDEX ix_samples_waiting ON samples (rank, position) WHERE state IN ('waiting', 'claimed');
CREATE INDEX ix_samples_auditor ON samples (auditor, position) WHERE auditor IS NOT NULL;

-- An auditor who opens an entry has to find whom it is about. Block ranges cost the releasing path next to nothing.
CREATE INDEX ix_traveller_entries_at ON traveller_entries USING brin (at) WITH (autosummarize = on);
"""


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    op.execute("DROP INDEX ix_traveller_entries_at")
    for table in ("samples", "sampling_days", "release_days", "journal_readers"):
        op.execute(f"DROP TABLE {table}")
