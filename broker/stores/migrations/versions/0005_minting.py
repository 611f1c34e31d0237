"""Minting and releasing in two calls each: `open_minting` and `open_release` lock and read, `enter_passes` and
`enter_release` write.

All are VOLATILE PL/pgSQL: under READ COMMITTED each statement inside takes its own snapshot, so what is read after a
lock is what the lock's former holder committed, exactly as if the statements came one by one.

The batch travels as JSON, bytes in hex: one parameter costs the caller a third of an array for each column.

Revision ID: 0005_minting
"""

from alembic import op

revision = "0005_minting"
down_revision = "0004_capture_digest"
branch_labels = None
depends_on = None

_OPEN = """
CREATE FUNCTION open_minting(
    person uuid, purposes text[], recipients text[], keys text, its_zone text, its_epoch integer,
    OUT known boolean, OUT standing jsonb, OUT template_id uuid, OUT sealed bytea, OUT enrolled_at timestamptz,
    OUT capture_digest bytea, OUT issued jsonb, OUT list_no integer, OUT needed_until timestamptz,
    OUT origin text, OUT claims bytea, OUT epoch_open boolean
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    -- An array, not a subquery: only so does the index on person and device key find them.
    wanted bytea[] := ARRAY(SELECT decode(key, 'hex') FROM unnest(string_to_array(keys, ',')) AS key);
BEGIN
    SELECT jurisdiction INTO origin FROM travellers WHERE traveller_id = person AND erased_at IS NULL FOR UPDATE;
    known := FOUND;
    IF NOT known THEN
        RETURN;
    END IF;
    SELECT jsonb_agg(to_jsonb(held) - 'receipt') INTO standing FROM (
        SELECT consents.* FROM consents
        WHERE traveller_id = person AND status IN ('active', 'paused')
          AND (purpose, recipient) IN (SELECT * FROM unnest(purposes, recipients))
        ORDER BY consent_id FOR SHARE
    ) AS held;
    SELECT face.template_id, face.sealed, face.enrolled_at, face.capture_digest
        INTO template_id, sealed, enrolled_at, capture_digest
        FROM face_templates AS face WHERE face.traveller_id = person;
    SELECT jsonb_agg(to_jsonb(pass) || jsonb_build_object('revoked_at', bit.revoked_at, 'spent', EXISTS (
            SELECT FROM pass_spends AS spend WHERE spend.zone = pass.zone AND spend.pass_id = pass.pass_id)))
        INTO issued
        FROM passes AS pass JOIN status_entries AS bit USING (status_index)
        WHERE pass.traveller_id = person AND pass.device_key = ANY (wanted);
    SELECT lists.list_no, lists.needed_until INTO list_no, needed_until
        FROM status_lists AS lists ORDER BY lists.list_no DESC LIMIT 1;
    SELECT profile.claims INTO claims FROM profiles AS profile WHERE profile.traveller_id = person;
    IF its_epoch IS NOT NULL THEN
        SELECT day.destroyed_at IS NULL INTO epoch_open FROM epochs AS day
            WHERE day.zone = its_zone AND day.epoch = its_epoch;
    END IF;
END $$
"""

_ENTER = """
CREATE FUNCTION enter_passes(batch jsonb) RETURNS bigint[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    taken bigint[];
BEGIN
    -- In ascending order: two batches that drew the same indices cannot wait for each other.
    WITH fresh AS (
        INSERT INTO status_entries (status_index)
            SELECT (one ->> 'index')::bigint AS drawn FROM jsonb_array_elements(batch) AS one ORDER BY drawn
            ON CONFLICT DO NOTHING RETURNING status_index
    ) SELECT array_agg(status_index) INTO taken FROM fresh;
    INSERT INTO passes (status_index, zone, pass_id, traveller_id, consent_ids, template_id, mode, device_key, epoch,
                        issued_at, expires_at, pass_bytes)
        SELECT index, zone, decode(id, 'hex'), person, consents, template, mode, decode(key, 'hex'), epoch,
               issued, expires, decode(bytes, 'hex')
        FROM jsonb_to_recordset(batch)
             AS pass (index bigint, zone text, id text, person uuid, consents uuid[], template uuid, mode smallint,
                      key text, epoch integer, issued timestamptz, expires timestamptz, bytes text)
        WHERE index = ANY (taken);
    RETURN taken;
END $$
"""

_OPEN_RELEASE = """
CREATE FUNCTION open_release(
    its_zone text, its_id bytea,
    OUT shown jsonb, OUT resting_on jsonb, OUT template_id uuid, OUT sealed bytea, OUT enrolled_at timestamptz,
    OUT capture_digest bytea, OUT origin text, OUT claims bytea, OUT vouched bytea
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    consents_of_pass uuid[];
    person uuid;
BEGIN
    SELECT consent_ids INTO consents_of_pass FROM passes WHERE zone = its_zone AND pass_id = its_id;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- Lock order: consents, then the pass. Each is read as its lock's former holder left it.
    SELECT jsonb_agg(to_jsonb(held) - 'receipt') INTO resting_on FROM (
        SELECT consents.* FROM consents WHERE consent_id = ANY (consents_of_pass) ORDER BY consent_id FOR SHARE
    ) AS held;
    PERFORM FROM passes WHERE zone = its_zone AND pass_id = its_id FOR UPDATE;
    SELECT to_jsonb(pass) || jsonb_build_object('revoked_at', bit.revoked_at, 'spent', EXISTS (
            SELECT FROM pass_spends AS spend WHERE spend.zone = pass.zone AND spend.pass_id = pass.pass_id)),
            pass.traveller_id
        INTO shown, person
        FROM passes AS pass JOIN status_entries AS bit USING (status_index)
        WHERE pass.zone = its_zone AND pass.pass_id = its_id;
    SELECT face.template_id, face.sealed, face.enrolled_at, face.capture_digest
        INTO template_id, sealed, enrolled_at, capture_digest
        FROM face_templates AS face WHERE face.traveller_id = person;
    -- `vouched` is a column since 0006_linking; a function's body is read when it first runs.
    SELECT traveller.jurisdiction, profile.claims, profile.vouched INTO origin, claims, vouched
        FROM travellers AS traveller JOIN profiles AS profile USING (traveller_id)
        WHERE traveller.traveller_id = person;
END $$
"""

_ENTER_RELEASE = """
CREATE FUNCTION enter_release(
    its_zone text, its_id bytea, its_counter bigint, gate text, until timestamptz, at timestamptz
) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO pass_answers (zone, pass_id, counter, gate_id, answered_at)
        VALUES (its_zone, its_id, its_counter, gate, at) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE passes SET reserved_by = gate, reserved_until = until WHERE zone = its_zone AND pass_id = its_id;
    RETURN true;
END $$
"""


def upgrade() -> None:
    op.execute(_OPEN)
    op.execute(_ENTER)
    op.execute(_OPEN_RELEASE)
    op.execute(_ENTER_RELEASE)


def downgrade() -> None:
    op.execute("DROP FUNCTION enter_release")
    op.execute("DROP FUNCTION open_release")
    op.execute("DROP FUNCTION enter_passes")
    op.execute("DROP FUNCTION open_minting")
