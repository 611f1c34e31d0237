"""Identities at several providers, their upstream tokens, and approvals asked of providers.

Revision ID: 0006_linking
"""

from alembic import op

revision = "0006_linking"
down_revision = "0005_minting"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What a connector wants back, sealed. A login under way during the upgrade starts again.
    op.execute("DELETE FROM oidc_login_attempts")
    op.execute("ALTER TABLE oidc_login_attempts ADD COLUMN memory bytea NOT NULL")


def downgrade() -> None:
    op.execute("ALTER TABLE oidc_login_attempts DROP COLUMN memory")
