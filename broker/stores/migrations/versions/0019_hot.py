"""Statements of the hot flows.

Revision ID: 0019_hot
"""

revision = "0019_hot"
down_revision = "0018_grants"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
