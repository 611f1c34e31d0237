"""Partners, their keys, webhooks and requests.

Revision ID: 0009_partners
"""

from alembic import op  # noqa: F401

revision = "0009_partners"
down_revision = "0008_consents"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
