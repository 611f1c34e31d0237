"""Impact assessments, filings, and the alarms of counters.

Revision ID: 0016_assessments
"""

from alembic import op

revision = "0016_assessments"
down_revision = "0015_rights"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE filings (
    filing_id uuid CONSTRAINT pk_filings PRIMARY KEY,
    kind text NOT NULL,
    exporter text NOT NULL,
    origin text NOT NULL,
    party text NOT NULL,
    destination text,
    effective date NOT NULL,
    added_at timestamptz NOT NULL,
    filed_on date,
    reference text,
    evidence bytea,
    ends date,
    ended_at timestamptz
);

-- `document` is text as it was signed, byte for byte.
CREATE TABLE assessments (
    assessment_id uuid CONSTRAINT pk_assessments PRIMARY KEY,
    exporter text NOT NULL,
    version integer NOT NULL,
    configuration bytea NOT NULL,
    document text NOT NULL,
    drafted_at timestamptz NOT NULL,
    completed boolean NOT NULL,
    signed_by text CONSTRAINT fk_assessments_signed_by REFERENCES staff,
    signing_key bytea,
    signature bytea,
    signed_at timestamptz,
    retain_until date,
    CONSTRAINT uq_assessments_exporter_version UNIQUE (exporter, version)
);

CREATE TABLE alarms (
    year smallint NOT NULL,
    counter text NOT NULL,
    threshold text NOT NULL,
    level smallint NOT NULL,
    "limit" bigint NOT NULL,
    count bigint NOT NULL,
    raised_at timestamptz NOT NULL,
    told_at timestamptz,
    CONSTRAINT pk_alarms PRIMARY KEY (year, counter, threshold, level)
);
"""

_NAMES = ("alarms", "assessments", "filings")


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    for name in _NAMES:
        op.execute(f"DROP TABLE {name}")
