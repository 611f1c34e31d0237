"""Identities at several providers, their upstream tokens, and approvals asked of providers.

Revision ID: 0006_linking
"""

from alembic import op  # noqa: F401

revision = "0006_linking"
down_revision = "0005_minting"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
