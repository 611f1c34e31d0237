"""Many releases in one transaction: what they rest on is locked and read in one statement, the ledger's counters are
locked, read and moved in one each.

Lists travel as text with separators: psycopg spends longer on arrays than PostgreSQL on splitting them.

Revision ID: 0019_hot
"""

from alembic import op

revision = "0019_hot"
down_revision = "0018_grants"
branch_labels = None
depends_on = None

# As `open_claims` of 0011_claims, for several questions. Without `wait` nothing waits: a question whose consents
# somebody else holds comes back `busy`. The partner's row comes with its first question.
_OPEN = """
CREATE FUNCTION open_claims_together(people text, partner_ids text, purposes text, at timestamptz, wait boolean)
RETURNS TABLE (
    partner jsonb, standing jsonb, busy boolean, origin text, claims bytea, vouched bytea
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    held uuid[];
BEGIN
    IF wait THEN
        SELECT array_agg(locked.consent_id) INTO held FROM (
            SELECT record.consent_id
            FROM unnest(string_to_array(people, ',')::uuid[], string_to_array(partner_ids, ','),
                        string_to_array(purposes, ';')) AS asked (person, partner_id, names)
            JOIN consents AS record ON record.traveller_id = asked.person AND record.recipient = asked.partner_id
                AND record.purpose = ANY (string_to_array(asked.names, ',')) AND record.status IN ('active', 'paused')
            ORDER BY record.consent_id FOR NO KEY UPDATE OF record
        ) AS locked;
    ELSE
        SELECT array_agg(locked.consent_id) INTO held FROM (
            SELECT record.consent_id
            FROM unnest(string_to_array(people, ',')::uuid[], string_to_array(partner_ids, ','),
                        string_to_array(purposes, ';')) AS asked (person, partner_id, names)
            JOIN consents AS record ON record.traveller_id = asked.person AND record.recipient = asked.partner_id
                AND record.purpose = ANY (string_to_array(asked.names, ',')) AND record.status IN ('active', 'paused')
            ORDER BY record.consent_id FOR NO KEY UPDATE OF record SKIP LOCKED
        ) AS locked;
    END IF;
    held := coalesce(held, '{}');
    -- Read after the locks: what their former holders committed is in it.
    RETURN QUERY
    SELECT CASE WHEN row_number() OVER (PARTITION BY asked.partner_id ORDER BY asked.nth) = 1
                THEN to_jsonb(found_partner) END,
           (SELECT jsonb_agg((to_jsonb(record) - 'receipt') || jsonb_build_object('used', (
                    SELECT count(*) FROM consent_uses AS used
                    WHERE used.consent_id = record.consent_id AND record.frequency_times IS NOT NULL
                      AND (record.frequency_per IS NULL
                           OR used.used_at > at - make_interval(secs => record.frequency_per)))))
                FROM consents AS record
                WHERE record.traveller_id = asked.person AND record.consent_id = ANY (held)
                  AND record.recipient = asked.partner_id
                  AND record.purpose = ANY (string_to_array(asked.names, ','))),
           NOT wait AND EXISTS (SELECT FROM consents AS record
                WHERE record.traveller_id = asked.person AND record.recipient = asked.partner_id
                  AND record.purpose = ANY (string_to_array(asked.names, ','))
                  AND record.status IN ('active', 'paused') AND NOT record.consent_id = ANY (held)),
           traveller.jurisdiction, profile.claims, profile.vouched
    FROM unnest(string_to_array(people, ',')::uuid[], string_to_array(partner_ids, ','),
                string_to_array(purposes, ';')) WITH ORDINALITY AS asked (person, partner_id, names, nth)
    LEFT JOIN partners AS found_partner ON found_partner.partner_id = asked.partner_id
    LEFT JOIN travellers AS traveller ON traveller.traveller_id = asked.person AND traveller.erased_at IS NULL
    LEFT JOIN profiles AS profile ON profile.traveller_id = traveller.traveller_id
    ORDER BY asked.nth;
END $$
"""

# Locks in one order whoever asks: exporters, then recipients, each ascending. Then nobody else counts there until the
# end of the transaction, so the standings are exact.
_LOCK = """
CREATE FUNCTION lock_and_look_transfers(of_year integer, exporters text[], recipients text[], persons uuid[])
RETURNS TABLE (
    exporter_id smallint, recipient_id smallint, seen smallint, met boolean,
    nonsensitive bigint, sensitive bigint, gross_nonsensitive bigint, gross_sensitive bigint, at_recipient bigint
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    exporter_ids smallint[];
    recipient_ids smallint[];
BEGIN
    -- Whoever is not there yet is made with all stripes before anything is locked.
    PERFORM look_transfer(of_year, pair.exporter, pair.recipient, persons[1])
        FROM (SELECT DISTINCT * FROM unnest(exporters, recipients) AS both_names (exporter, recipient)) AS pair
        WHERE NOT EXISTS (SELECT FROM transfer_parties AS known JOIN transfer_counts AS counted
                              ON counted.exporter = known.party_id AND counted.year = of_year
                          WHERE known.name = pair.exporter)
           OR NOT EXISTS (SELECT FROM transfer_parties AS known JOIN transfer_recipient_counts AS counted
                              ON counted.recipient = known.party_id AND counted.year = of_year
                          WHERE known.name = pair.recipient);
    SELECT array_agg(party_id) INTO exporter_ids FROM transfer_parties WHERE name = ANY (exporters);
    SELECT array_agg(party_id) INTO recipient_ids FROM transfer_parties WHERE name = ANY (recipients);
    PERFORM FROM transfer_counts WHERE year = of_year AND exporter = ANY (exporter_ids)
        ORDER BY exporter, stripe FOR UPDATE;
    PERFORM FROM transfer_recipient_counts WHERE year = of_year AND recipient = ANY (recipient_ids)
        ORDER BY recipient, stripe FOR UPDATE;
    RETURN QUERY
    SELECT standing.exporter_id, standing.recipient_id, standing.seen, standing.met, standing.nonsensitive,
           standing.sensitive, standing.gross_nonsensitive, standing.gross_sensitive, standing.at_recipient
    FROM unnest(exporters, recipients, persons) WITH ORDINALITY AS asked (exporter, recipient, person, nth),
         LATERAL look_transfer(of_year, asked.exporter, asked.recipient, asked.person) AS standing
    ORDER BY asked.nth;
END $$
"""

# As `enter_transfer` of 0010_transfers under the locks of `lock_and_look_transfers`, for several persons. Returns for
# each the bits they were newly counted in; 16: newly met at the recipient.
_ENTER = """
CREATE FUNCTION enter_transfers(
    of_year smallint, exporters smallint[], recipients smallint[], people uuid[], bits smallint[]
) RETURNS smallint[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    held smallint;
    added smallint;
    entered smallint[] := '{}';
BEGIN
    FOR nth IN 1 .. cardinality(people) LOOP
        added := bits[nth];
        IF added <> 0 THEN
            -- Two accounts made one (`merge_counted`) change this row without the counter's lock.
            SELECT seen INTO held FROM transfer_persons
                WHERE year = of_year AND exporter = exporters[nth] AND person = people[nth] FOR UPDATE;
            added := added & ~coalesce(held, 0::smallint);
            IF held IS NULL THEN
                INSERT INTO transfer_persons (year, exporter, person, seen)
                    VALUES (of_year, exporters[nth], people[nth], bits[nth]);
            ELSIF added <> 0 THEN
                UPDATE transfer_persons SET seen = held | bits[nth]
                    WHERE year = of_year AND exporter = exporters[nth] AND person = people[nth];
            END IF;
        END IF;
        IF added <> 0 THEN
            UPDATE transfer_counts SET
                nonsensitive = nonsensitive + (added & 1), sensitive = sensitive + ((added >> 1) & 1),
                gross_nonsensitive = gross_nonsensitive + ((added >> 2) & 1),
                gross_sensitive = gross_sensitive + ((added >> 3) & 1)
                WHERE year = of_year AND exporter = exporters[nth] AND stripe = 0;
        END IF;
        INSERT INTO transfer_recipient_persons (year, recipient, person)
            VALUES (of_year, recipients[nth], people[nth]) ON CONFLICT DO NOTHING;
        IF FOUND THEN
            UPDATE transfer_recipient_counts SET persons = transfer_recipient_counts.persons + 1
                WHERE year = of_year AND recipient = recipients[nth] AND stripe = 0;
            added := added | 16;
        END IF;
        entered := entered || added;
    END LOOP;
    RETURN entered;
END $$
"""

_FUNCTIONS = ("open_claims_together", "lock_and_look_transfers", "enter_transfers")


def upgrade() -> None:
    for function in (_OPEN, _LOCK, _ENTER):
        op.execute(function)


def downgrade() -> None:
    for function in reversed(_FUNCTIONS):
        op.execute(f"DROP FUNCTION {function}")
