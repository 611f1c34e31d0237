"""Codes that wait: by the grant or session that ends first, and what they do to a grant that stands.

Revision ID: 0018_grants
"""

from alembic import op
from sqlalchemy import Column, Text, text

revision = "0018_grants"
down_revision = "0017_departures"
branch_labels = None
depends_on = None


_WAITING = text("spent_at IS NULL")


def upgrade() -> None:
    op.add_column("oidc_codes", Column("grant_action", Text))
    op.create_index("ix_oidc_codes_grant_id", "oidc_codes", ["grant_id"], postgresql_where=_WAITING)
    op.create_index("ix_oidc_codes_session_id", "oidc_codes", ["session_id"], postgresql_where=_WAITING)


def downgrade() -> None:
    op.drop_index("ix_oidc_codes_session_id", "oidc_codes")
    op.drop_index("ix_oidc_codes_grant_id", "oidc_codes")
    op.drop_column("oidc_codes", "grant_action")
