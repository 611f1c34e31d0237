"""Notices to partners know whether the law was asked about the person they name; minting reads who vouched for the
person, because an offline pass leaves with a consent grant.

Revision ID: 0017_departures
"""

from alembic import op

revision = "0017_departures"
down_revision = "0016_assessments"
branch_labels = None
depends_on = None

# As in 0005_minting; an OUT parameter more makes it another function for PostgreSQL.
_OPEN_MINTING = """
CREATE FUNCTION open_minting(
    person uuid, purposes text[], recipients text[], keys text, its_zone text, its_epoch integer,
    OUT known boolean, OUT standing jsonb, OUT template_id uuid, OUT sealed bytea, OUT enrolled_at timestamptz,
    OUT capture_digest bytea, OUT issued jsonb, OUT list_no integer, OUT needed_until timestamptz,
    OUT origin text, OUT claims bytea, OUT epoch_open boolean{out}
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
    SELECT profile.claims{column} INTO claims{out_name} FROM profiles AS profile WHERE profile.traveller_id = person;
    IF its_epoch IS NOT NULL THEN
        SELECT day.destroyed_at IS NULL INTO epoch_open FROM epochs AS day
            WHERE day.zone = its_zone AND day.epoch = its_epoch;
    END IF;
END $$
"""


def upgrade() -> None:
    op.execute("ALTER TABLE partner_events ADD COLUMN decided boolean NOT NULL DEFAULT false")
    _replace(out=", OUT vouched bytea", column=", profile.vouched", out_name=", vouched")


def downgrade() -> None:
    _replace(out="", column="", out_name="")
    op.execute("ALTER TABLE partner_events DROP COLUMN decided")


def _replace(**parts: str) -> None:
    op.execute("DROP FUNCTION open_minting")
    op.execute(_OPEN_MINTING.format(**parts))
