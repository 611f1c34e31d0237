"""Grants of the authorization server.

Revision ID: 0018_grants
"""

revision = "0018_grants"
down_revision = "0017_departures"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
