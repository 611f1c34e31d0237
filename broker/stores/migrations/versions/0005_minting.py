"""Minting a pass in few statements.

Revision ID: 0005_minting
"""

from alembic import op  # noqa: F401

revision = "0005_minting"
down_revision = "0004_capture_digest"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
