"""Releasing claims in two statements: `open_claims` locks and reads, the uses are counted in one.

As the functions of 0005_minting: VOLATILE PL/pgSQL, so that what is read after a lock is what its former holder
committed.

Revision ID: 0011_claims
"""

from alembic import op

revision = "0011_claims"
down_revision = "0010_transfers"
branch_labels = None
depends_on = None

_OPEN = """
CREATE FUNCTION open_claims(
    person uuid, recipient_id text, purposes text[], at timestamptz,
    OUT partner jsonb, OUT standing jsonb, OUT origin text, OUT claims bytea, OUT vouched bytea
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    held uuid[];
BEGIN
    SELECT to_jsonb(found_partner) INTO partner FROM partners AS found_partner
        WHERE found_partner.partner_id = recipient_id;
    -- FOR NO KEY UPDATE: one counting use at a time, so that two cannot both take the last place; a withdrawal waits as
    -- for a release that holds the row FOR SHARE.
    SELECT array_agg(locked.consent_id) INTO held FROM (
        SELECT consent_id FROM consents
        WHERE traveller_id = person AND consents.recipient = recipient_id AND purpose = ANY (purposes)
          AND status IN ('active', 'paused')
        ORDER BY consent_id FOR NO KEY UPDATE
    ) AS locked;
    SELECT jsonb_agg((to_jsonb(record) - 'receipt') || jsonb_build_object('used', (
            SELECT count(*) FROM consent_uses AS used
            WHERE used.consent_id = record.consent_id AND record.frequency_times IS NOT NULL
              AND (record.frequency_per IS NULL OR used.used_at > at - make_interval(secs => record.frequency_per)))))
        INTO standing
        FROM consents AS record WHERE record.consent_id = ANY (held);
    SELECT traveller.jurisdiction, profile.claims, profile.vouched INTO origin, claims, vouched
        FROM travellers AS traveller JOIN profiles AS profile USING (traveller_id)
        WHERE traveller.traveller_id = person AND traveller.erased_at IS NULL;
END $$
"""


def upgrade() -> None:
    op.execute(_OPEN)


def downgrade() -> None:
    op.execute("DROP FUNCTION open_claims")
