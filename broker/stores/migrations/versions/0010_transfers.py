"""The transfer ledger: distinct persons by year and exporter, by year and recipient, and by United States recipient.

A counter is the sum of its stripes. Far from every edge that a rule draws, a release moves one stripe and many go side
by side; near an edge it locks all stripes of the counter and is decided under that lock (`enter_transfer`,
`lock_transfers`).

Revision ID: 0010_transfers
"""

from alembic import op

revision = "0010_transfers"
down_revision = "0009_partners"
branch_labels = None
depends_on = None

FIRST_YEAR, LAST_YEAR = 2026, 2035

_TABLES = """
CREATE TABLE transfer_parties (
    party_id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CONSTRAINT uq_transfer_parties_name UNIQUE
);
-- One row a person, exporter and year. `seen` has a bit for each count that holds them.
CREATE TABLE transfer_persons (
    year smallint NOT NULL, exporter smallint NOT NULL, seen smallint NOT NULL, person uuid NOT NULL,
    PRIMARY KEY (year, exporter, person)
) PARTITION BY LIST (year);
CREATE TABLE transfer_recipient_persons (
    year smallint NOT NULL, recipient smallint NOT NULL, person uuid NOT NULL,
    PRIMARY KEY (year, recipient, person)
) PARTITION BY LIST (year);
-- Rolling: the last release of each person by one exporter to one recipient.
CREATE TABLE transfer_us_persons (
    exporter smallint NOT NULL, recipient smallint NOT NULL, person uuid NOT NULL, last_at timestamptz NOT NULL,
    PRIMARY KEY (exporter, recipient, person)
);
CREATE INDEX ix_transfer_us_persons_last_at ON transfer_us_persons (exporter, recipient, last_at);
CREATE TABLE transfer_counts (
    year smallint NOT NULL, exporter smallint NOT NULL, stripe smallint NOT NULL,
    nonsensitive bigint NOT NULL DEFAULT 0, sensitive bigint NOT NULL DEFAULT 0,
    gross_nonsensitive bigint NOT NULL DEFAULT 0, gross_sensitive bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (year, exporter, stripe)
);
CREATE TABLE transfer_recipient_counts (
    year smallint NOT NULL, recipient smallint NOT NULL, stripe smallint NOT NULL, persons bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (year, recipient, stripe)
);
"""

# Stripes are all there before the first release of a year, so that to lock them is to lock the counter.
_LOOK = """
CREATE FUNCTION look_transfer(
    of_year integer, exporter_name text, recipient_name text, its_person uuid,
    OUT exporter_id smallint, OUT recipient_id smallint, OUT seen smallint, OUT met boolean,
    OUT nonsensitive bigint, OUT sensitive bigint, OUT gross_nonsensitive bigint, OUT gross_sensitive bigint,
    OUT at_recipient bigint
) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    SELECT party_id INTO exporter_id FROM transfer_parties WHERE name = exporter_name;
    SELECT party_id INTO recipient_id FROM transfer_parties WHERE name = recipient_name;
    IF exporter_id IS NULL OR recipient_id IS NULL THEN
        INSERT INTO transfer_parties (name) VALUES (exporter_name), (recipient_name) ON CONFLICT DO NOTHING;
        SELECT party_id INTO exporter_id FROM transfer_parties WHERE name = exporter_name;
        SELECT party_id INTO recipient_id FROM transfer_parties WHERE name = recipient_name;
    END IF;
    SELECT sum(c.nonsensitive), sum(c.sensitive), sum(c.gross_nonsensitive), sum(c.gross_sensitive)
        INTO nonsensitive, sensitive, gross_nonsensitive, gross_sensitive
        FROM transfer_counts AS c WHERE c.year = of_year AND c.exporter = exporter_id;
    SELECT sum(r.persons) INTO at_recipient
        FROM transfer_recipient_counts AS r WHERE r.year = of_year AND r.recipient = recipient_id;
    IF nonsensitive IS NULL OR at_recipient IS NULL THEN
        INSERT INTO transfer_counts (year, exporter, stripe)
            SELECT of_year, exporter_id, stripe FROM generate_series(0, 15) AS stripe ON CONFLICT DO NOTHING;
        INSERT INTO transfer_recipient_counts (year, recipient, stripe)
            SELECT of_year, recipient_id, stripe FROM generate_series(0, 15) AS stripe ON CONFLICT DO NOTHING;
        SELECT sum(c.nonsensitive), sum(c.sensitive), sum(c.gross_nonsensitive), sum(c.gross_sensitive)
            INTO nonsensitive, sensitive, gross_nonsensitive, gross_sensitive
            FROM transfer_counts AS c WHERE c.year = of_year AND c.exporter = exporter_id;
        SELECT sum(r.persons) INTO at_recipient
            FROM transfer_recipient_counts AS r WHERE r.year = of_year AND r.recipient = recipient_id;
    END IF;
    SELECT p.seen INTO seen FROM transfer_persons AS p
        WHERE p.year = of_year AND p.exporter = exporter_id AND p.person = its_person;
    seen := coalesce(seen, 0);
    met := EXISTS (SELECT FROM transfer_recipient_persons AS p
        WHERE p.year = of_year AND p.recipient = recipient_id AND p.person = its_person);
END $$
"""

# Bits of `seen`: 1 non-sensitive and 2 sensitive in the net count, 4 and 8 the same in the gross count.
_ENTER = """
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
END $$
"""

_LOCK = """
CREATE FUNCTION lock_transfers(of_year smallint, its_exporter smallint, its_recipient smallint)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM transfer_counts WHERE year = of_year AND exporter = its_exporter ORDER BY stripe FOR UPDATE;
    PERFORM FROM transfer_recipient_counts WHERE year = of_year AND recipient = its_recipient
        ORDER BY stripe FOR UPDATE;
END $$
"""


def upgrade() -> None:
    op.execute(_TABLES)
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        for table in ("transfer_persons", "transfer_recipient_persons"):
            op.execute(f"CREATE TABLE {table}_{year} PARTITION OF {table} FOR VALUES IN ({year})")
    for table in ("transfer_persons", "transfer_recipient_persons"):
        op.execute(f"CREATE TABLE {table}_other PARTITION OF {table} DEFAULT")
    for function in (_LOOK, _ENTER, _LOCK):
        op.execute(function)


def downgrade() -> None:
    for function in ("lock_transfers", "enter_transfer", "look_transfer"):
        op.execute(f"DROP FUNCTION {function}")
    for table in (
        "transfer_recipient_counts",
        "transfer_counts",
        "transfer_us_persons",
        "transfer_recipient_persons",
        "transfer_persons",
        "transfer_parties",
    ):
        op.execute(f"DROP TABLE {table}")
