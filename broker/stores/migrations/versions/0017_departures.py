"""What left the broker.

Revision ID: 0017_departures
"""

revision = "0017_departures"
down_revision = "0016_assessments"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
