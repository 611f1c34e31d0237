"""The journal: committed entries waiting for a place, the ordered log, its hash tiles and signed checkpoints.

Revision ID: 0001_journal
"""

from alembic import op

revision = "0001_journal"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = r"""
-- Entries that a transaction committed and the sequencer has not placed yet. Append is one insert here.
CREATE TABLE journal_inbox (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_journal_inbox PRIMARY KEY,
    leaf_hash bytea NOT NULL,
    entry bytea NOT NULL,
    -- RFC 9162 2.1.1: a leaf is hashed behind a zero byte.
    CONSTRAINT ck_journal_inbox_leaf_hash CHECK (leaf_hash = sha256('\x00'::bytea || entry))
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- The log. `position` counts from 0 without gaps; `entry` is the canonical leaf (specs/journal.md).
CREATE TABLE journal_entries (
    position bigint CONSTRAINT pk_journal_entries PRIMARY KEY,
    leaf_hash bytea NOT NULL CONSTRAINT uq_journal_entries_leaf_hash UNIQUE,
    entry bytea NOT NULL
);

-- Full tiles of 256 hashes (level 0: leaves; level n: roots of the tiles of level n-1), for proofs in O(log n).
CREATE TABLE journal_tiles (
    level smallint NOT NULL,
    index bigint NOT NULL,
    hashes bytea NOT NULL CONSTRAINT ck_journal_tiles_hashes CHECK (octet_length(hashes) = 8192),
    root bytea NOT NULL,
    CONSTRAINT pk_journal_tiles PRIMARY KEY (level, index)
);

CREATE TABLE journal_checkpoints (
    size bigint CONSTRAINT pk_journal_checkpoints PRIMARY KEY,
    root bytea NOT NULL,
    -- The roots of the full subtrees, largest first: what appending to the tree needs.
    frontier bytea NOT NULL,
    signed_at timestamptz NOT NULL,
    note text NOT NULL
);

-- One row: the log's name, which every checkpoint is signed for.
CREATE TABLE journal_log (
    origin text CONSTRAINT pk_journal_log PRIMARY KEY
);
INSERT INTO journal_log VALUES ('tongguan/journal/' || gen_random_uuid());
"""

_GUARDS = """
CREATE FUNCTION journal_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

-- An entry leaves the inbox only when the log has it.
CREATE FUNCTION journal_only_when_placed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM journal_entries WHERE leaf_hash = OLD.leaf_hash) THEN
        RAISE EXCEPTION 'the journal is append-only: an entry without a place cannot be deleted'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_entries
    FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_tiles
    FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse();
CREATE TRIGGER fixed BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON journal_log
    FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON journal_inbox
    FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse();
CREATE TRIGGER placed_first BEFORE DELETE ON journal_inbox FOR EACH ROW EXECUTE FUNCTION journal_only_when_placed();
"""


def upgrade() -> None:
    op.execute(_TABLES)
    op.execute(_GUARDS)
