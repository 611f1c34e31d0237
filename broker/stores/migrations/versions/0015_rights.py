"""Requests of people about their data, and what was deleted.

Revision ID: 0015_rights
"""

revision = "0015_rights"
down_revision = "0014_samples"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
