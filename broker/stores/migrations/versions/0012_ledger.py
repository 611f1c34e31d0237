"""The ledger's further keeping (specs/transfer-ledger.md): stored faces, rolling counts by kind of data, two people who
are one, years made and dropped.

A person is one stored face, whether it is their template or the authority's portrait that is stored. Triggers note each
change in the transaction that makes it, whichever flow that is: rows that say one more or one less, which nobody waits
for. `fold_stored_faces` adds them up now and then.

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

# 28 CFR 202.205 counts by kind of data and by pair of parties. The rows there were knew no kinds, and were not about
# releases from the United States, so none of them is missed.
_BULK = """
DROP TABLE transfer_us_persons;
CREATE TABLE transfer_us_persons (
    exporter smallint NOT NULL, recipient smallint NOT NULL, kind text NOT NULL, person uuid NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (exporter, recipient, kind, person)
);
CREATE INDEX ix_transfer_us_persons_last_at ON transfer_us_persons (last_at);
CREATE INDEX ix_transfer_us_persons_person ON transfer_us_persons (person);
"""

# As in 0010_transfers, but it says what the person was newly counted in: 1, 2, 4, 8 the counts, 16 the recipient's;
# NULL near an edge. Stripes are locked before persons, as by whoever counts several people at once.
_ENTER = """
DROP FUNCTION enter_transfer;
CREATE FUNCTION enter_transfer(
    of_year smallint, its_exporter smallint, its_recipient smallint, its_person uuid, bits smallint,
    its_stripe smallint, exporter_edges bigint[], recipient_edges bigint[], margin integer
) RETURNS smallint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    held smallint;
    added smallint := bits;
    met boolean;
    total record;
BEGIN
    PERFORM FROM transfer_counts WHERE year = of_year AND exporter = its_exporter AND stripe = its_stripe FOR UPDATE;
    PERFORM FROM transfer_recipient_counts
        WHERE year = of_year AND recipient = its_recipient AND stripe = its_stripe FOR UPDATE;
    IF bits <> 0 THEN  -- 0: the law of origin keeps no count
        INSERT INTO transfer_persons (year, exporter, person, seen) VALUES (of_year, its_exporter, its_person, bits)
            ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            SELECT seen INTO held FROM transfer_persons
                WHERE year = of_year AND exporter = its_exporter AND person = its_person FOR UPDATE;
            added := bits & ~held;
            IF added <> 0 THEN
                UPDATE transfer_persons SET seen = held | bits
                    WHERE year = of_year AND exporter = its_exporter AND person = its_person;
            END IF;
        END IF;
    END IF;
    IF added <> 0 THEN
        UPDATE transfer_counts SET
            nonsensitive = nonsensitive + (added & 1), sensitive = sensitive + ((added >> 1) & 1),
            gross_nonsensitive = gross_nonsensitive + ((added >> 2) & 1),
            gross_sensitive = gross_sensitive + ((added >> 3) & 1)
            WHERE year = of_year AND exporter = its_exporter AND stripe = its_stripe;
    END IF;
    INSERT INTO transfer_recipient_persons (year, recipient, person) VALUES (of_year, its_recipient, its_person)
        ON CONFLICT DO NOTHING;
    met := NOT FOUND;
    IF NOT met THEN
        UPDATE transfer_recipient_counts SET persons = persons + 1
            WHERE year = of_year AND recipient = its_recipient AND stripe = its_stripe;
    END IF;
    IF margin > 0 AND (added <> 0 OR NOT met) THEN
        -- Our stripe is locked by now: whoever locks all of them after this waits for us, and whoever did before has
        -- committed and is in these sums. What they leave out is at most one person for each other connection.
        SELECT sum(nonsensitive) AS nonsensitive, sum(sensitive) AS sensitive INTO total
            FROM transfer_counts WHERE year = of_year AND exporter = its_exporter;
        IF EXISTS (SELECT FROM unnest(exporter_edges) AS edge
                WHERE (added & 1 <> 0 AND edge BETWEEN total.nonsensitive - margin AND total.nonsensitive + margin)
                   OR (added & 2 <> 0 AND edge BETWEEN total.sensitive - margin AND total.sensitive + margin)) THEN
            RAISE EXCEPTION USING ERRCODE = 'TG001';
        END IF;
        IF NOT met AND EXISTS (SELECT FROM unnest(recipient_edges) AS edge,
                (SELECT sum(persons) AS persons FROM transfer_recipient_counts
                    WHERE year = of_year AND recipient = its_recipient) AS now
                WHERE edge BETWEEN now.persons - margin AND now.persons + margin) THEN
            RAISE EXCEPTION USING ERRCODE = 'TG001';
        END IF;
    END IF;
    RETURN added | CASE WHEN met THEN 0 ELSE 16 END;
EXCEPTION WHEN SQLSTATE 'TG001' THEN
    RETURN NULL;  -- undone with its locks: the caller locks the counters and decides again
END $$;
"""

# As 0010_transfers made it: what runs on 0011_claims expects a yes or no.
_ENTER_BEFORE = """
DROP FUNCTION enter_transfer;
CREATE FUNCTION enter_transfer(
    of_year smallint, its_exporter smallint, its_recipient smallint, its_person uuid, bits smallint,
    its_stripe smallint, exporter_edges bigint[], recipient_edges bigint[], margin integer
) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    held smallint;
    added smallint := bits;
    met boolean;
    total record;
BEGIN
    IF bits = 0 THEN
        added := 0;  -- the law of origin keeps no count
    ELSE
        INSERT INTO transfer_persons (year, exporter, person, seen) VALUES (of_year, its_exporter, its_person, bits)
            ON CONFLICT DO NOTHING;
    END IF;
    IF bits <> 0 AND NOT FOUND THEN
        SELECT seen INTO held FROM transfer_persons
            WHERE year = of_year AND exporter = its_exporter AND person = its_person FOR UPDATE;
        added := bits & ~held;
        IF added <> 0 THEN
            UPDATE transfer_persons SET seen = held | bits
                WHERE year = of_year AND exporter = its_exporter AND person = its_person;
        END IF;
    END IF;
    IF added <> 0 THEN
        UPDATE transfer_counts SET
            nonsensitive = nonsensitive + (added & 1), sensitive = sensitive + ((added >> 1) & 1),
            gross_nonsensitive = gross_nonsensitive + ((added >> 2) & 1),
            gross_sensitive = gross_sensitive + ((added >> 3) & 1)
            WHERE year = of_year AND exporter = its_exporter AND stripe = its_stripe;
    END IF;
    INSERT INTO transfer_recipient_persons (year, recipient, person) VALUES (of_year, its_recipient, its_person)
        ON CONFLICT DO NOTHING;
    met := NOT FOUND;
    IF NOT met THEN
        UPDATE transfer_recipient_counts SET persons = persons + 1
            WHERE year = of_year AND recipient = its_recipient AND stripe = its_stripe;
    END IF;
    IF margin = 0 OR (added = 0 AND met) THEN
        RETURN true;
    END IF;
    -- Our stripe is locked by now: whoever locks all of them after this waits for us, and whoever did before has
    -- committed and is in these sums. What they leave out is at most one person for each other connection.
    SELECT sum(nonsensitive) AS nonsensitive, sum(sensitive) AS sensitive INTO total
        FROM transfer_counts WHERE year = of_year AND exporter = its_exporter;
    IF EXISTS (SELECT FROM unnest(exporter_edges) AS edge
            WHERE (added & 1 <> 0 AND edge BETWEEN total.nonsensitive - margin AND total.nonsensitive + margin)
               OR (added & 2 <> 0 AND edge BETWEEN total.sensitive - margin AND total.sensitive + margin)) THEN
        RAISE EXCEPTION USING ERRCODE = 'TG001';
    END IF;
    IF NOT met AND EXISTS (SELECT FROM unnest(recipient_edges) AS edge,
            (SELECT sum(persons) AS persons FROM transfer_recipient_counts
                WHERE year = of_year AND recipient = its_recipient) AS now
            WHERE edge BETWEEN now.persons - margin AND now.persons + margin) THEN
        RAISE EXCEPTION USING ERRCODE = 'TG001';
    END IF;
    RETURN true;
EXCEPTION WHEN SQLSTATE 'TG001' THEN
    RETURN false;  -- undone with its locks: the caller locks the counters and decides again
END $$;
"""

_BULK_BEFORE = """
CREATE TABLE transfer_us_persons (
    exporter smallint NOT NULL, recipient smallint NOT NULL, person uuid NOT NULL, last_at timestamptz NOT NULL,
    PRIMARY KEY (exporter, recipient, person)
);
CREATE INDEX ix_transfer_us_persons_last_at ON transfer_us_persons (exporter, recipient, last_at);
"""

# Two names turn out to be one person's. The sum of each bit over all rows stays what the counters say: a bit moves to
# the surviving row only where that lacks it, else it stays where it was counted.
_MERGE = """
CREATE FUNCTION merge_counted(of_year smallint, survivor uuid, merged uuid)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    theirs record;
    ours smallint;
BEGIN
    FOR theirs IN SELECT exporter, seen FROM transfer_persons
            WHERE year = of_year AND person = merged ORDER BY exporter FOR UPDATE LOOP
        INSERT INTO transfer_persons (year, exporter, person, seen)
            VALUES (of_year, theirs.exporter, survivor, 0) ON CONFLICT DO NOTHING;
        SELECT seen INTO ours FROM transfer_persons
            WHERE year = of_year AND exporter = theirs.exporter AND person = survivor FOR UPDATE;
        UPDATE transfer_persons SET seen = ours | theirs.seen
            WHERE year = of_year AND exporter = theirs.exporter AND person = survivor;
        IF theirs.seen & ours = 0 THEN
            DELETE FROM transfer_persons
                WHERE year = of_year AND exporter = theirs.exporter AND person = merged;
        ELSE
            UPDATE transfer_persons SET seen = theirs.seen & ours
                WHERE year = of_year AND exporter = theirs.exporter AND person = merged;
        END IF;
    END LOOP;
    FOR theirs IN SELECT recipient FROM transfer_recipient_persons
            WHERE year = of_year AND person = merged ORDER BY recipient FOR UPDATE LOOP
        INSERT INTO transfer_recipient_persons (year, recipient, person)
            VALUES (of_year, theirs.recipient, survivor) ON CONFLICT DO NOTHING;
        IF FOUND THEN
            DELETE FROM transfer_recipient_persons
                WHERE year = of_year AND recipient = theirs.recipient AND person = merged;
        END IF;
    END LOOP;
END $$;
"""

# A row of a year without a partition of its own lies in the default one, and has to leave it first.
_YEARS = """
CREATE FUNCTION make_transfer_year(of_year integer) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    parent text;
    part text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['transfer_persons', 'transfer_recipient_persons'] LOOP
        part := parent || '_' || of_year;
        CONTINUE WHEN to_regclass(part) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part, parent);
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', parent || '_other');
        EXECUTE format('WITH gone AS (DELETE FROM %I WHERE year = %s RETURNING *) INSERT INTO %I SELECT * FROM gone',
            parent || '_other', of_year, part);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES IN (%s)', parent, part, of_year);
    END LOOP;
END $$;
CREATE FUNCTION drop_transfer_year(of_year integer) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS transfer_persons_%s, transfer_recipient_persons_%s', of_year, of_year);
    DELETE FROM transfer_persons WHERE year = of_year;
    DELETE FROM transfer_recipient_persons WHERE year = of_year;
END $$;
CREATE TABLE counting_keys_ended (
    rule text NOT NULL, origin text NOT NULL, year smallint NOT NULL, ended_at timestamptz NOT NULL,
    PRIMARY KEY (rule, origin, year)
);
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
    for statement in (_FUNCTIONS, _ALREADY_STORED, _ENTER, _BULK, _MERGE, _YEARS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE counting_keys_ended, transfer_us_persons")
    op.execute(_BULK_BEFORE)
    op.execute("DROP TRIGGER note_face_template ON face_templates")
    op.execute("DROP TRIGGER note_portrait ON profiles")
    for function in (
        "drop_transfer_year", "make_transfer_year", "merge_counted", "fold_stored_faces", "note_portrait",
        "note_face_template",
    ):  # fmt: skip
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP TABLE stored_face_changes")
    op.execute(_ENTER_BEFORE)
