"""Stored faces: how many persons' faces are in the store, by the jurisdiction their data reside in.

A person is one face, whether it is their template or the authority's portrait that is stored. Triggers note each change
in the transaction that makes it, whichever flow that is: rows that say one more or one less, which nobody waits for.
`fold_stored_faces` adds them up now and then.

Revision ID: 0012_ledger
"""

from alembic import op

revision = "0012_ledger"
down_revision = "0011_claims"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE stored_face_changes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, origin text NOT NULL, change integer NOT NULL
);
CREATE INDEX ix_stored_face_changes_origin ON stored_face_changes (origin) INCLUDE (change);
"""

# The profile is locked by whoever changes the portrait, and here by whoever changes the template: of two at once the
# second sees what the first left.
_FUNCTIONS = """
CREATE FUNCTION note_face_template() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    person uuid := CASE WHEN TG_OP = 'INSERT' THEN NEW.traveller_id ELSE OLD.traveller_id END;
    difference integer := CASE WHEN TG_OP = 'INSERT' THEN 1 ELSE -1 END;
    other boolean;
BEGIN
    SELECT portrait IS NOT NULL INTO other FROM profiles WHERE traveller_id = person FOR NO KEY UPDATE;
    IF other IS NOT TRUE THEN
        INSERT INTO stored_face_changes (origin, change)
            SELECT jurisdiction, difference FROM travellers WHERE traveller_id = person;
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION note_portrait() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before boolean := TG_OP <> 'INSERT' AND OLD.portrait IS NOT NULL;
    after boolean := TG_OP <> 'DELETE' AND NEW.portrait IS NOT NULL;
    person uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.traveller_id ELSE NEW.traveller_id END;
BEGIN
    IF before <> after AND NOT EXISTS (SELECT FROM face_templates WHERE traveller_id = person) THEN
        INSERT INTO stored_face_changes (origin, change)
            SELECT jurisdiction, CASE WHEN after THEN 1 ELSE -1 END FROM travellers WHERE traveller_id = person;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note_face_template AFTER INSERT OR DELETE ON face_templates
    FOR EACH ROW EXECUTE FUNCTION note_face_template();
CREATE TRIGGER note_portrait AFTER INSERT OR DELETE OR UPDATE OF portrait ON profiles
    FOR EACH ROW EXECUTE FUNCTION note_portrait();
-- A reader sees the rows before or their sum, never both. Of two at once the second finds nothing left to add up.
CREATE FUNCTION fold_stored_faces() RETURNS void LANGUAGE sql AS $$
    WITH gone AS (
        DELETE FROM stored_face_changes
            WHERE origin IN (SELECT origin FROM stored_face_changes GROUP BY origin HAVING count(*) > 1)
            RETURNING origin, change
    )
    INSERT INTO stored_face_changes (origin, change) SELECT origin, sum(change) FROM gone GROUP BY origin;
$$;
"""

_ALREADY_STORED = """
INSERT INTO stored_face_changes (origin, change)
    SELECT jurisdiction, count(*) FROM travellers LEFT JOIN profiles USING (traveller_id)
    WHERE portrait IS NOT NULL OR EXISTS (SELECT FROM face_templates AS kept
        WHERE kept.traveller_id = travellers.traveller_id)
    GROUP BY jurisdiction;
"""


def upgrade() -> None:
    op.execute(_TABLES)
    op.execute(_FUNCTIONS)
    op.execute(_ALREADY_STORED)


def downgrade() -> None:
    op.execute("DROP TRIGGER note_face_template ON face_templates")
    op.execute("DROP TRIGGER note_portrait ON profiles")
    for function in ("fold_stored_faces", "note_portrait", "note_face_template"):
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP TABLE stored_face_changes")
