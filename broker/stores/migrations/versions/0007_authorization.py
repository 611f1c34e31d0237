"""Clients, token families and sessions of the authorization server.

Revision ID: 0007_authorization
"""

from alembic import op  # noqa: F401

revision = "0007_authorization"
down_revision = "0006_linking"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
