"""Consents per partner: frequency, pauses, versions and remembered answers.

Revision ID: 0008_consents
"""

from alembic import op  # noqa: F401

revision = "0008_consents"
down_revision = "0007_authorization"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
