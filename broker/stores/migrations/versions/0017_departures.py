"""Notices to partners know whether the law was asked about the person they name.

Revision ID: 0017_departures
"""

from alembic import op

revision = "0017_departures"
down_revision = "0016_assessments"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE partner_events ADD COLUMN decided boolean NOT NULL DEFAULT false")


def downgrade() -> None:
    op.execute("ALTER TABLE partner_events DROP COLUMN decided")
