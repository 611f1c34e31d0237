"""Samples of releases and what auditors found.

Revision ID: 0014_samples
"""

revision = "0014_samples"
down_revision = "0013_staff"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
