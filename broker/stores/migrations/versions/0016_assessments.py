"""Impact assessments and filings.

Revision ID: 0016_assessments
"""

revision = "0016_assessments"
down_revision = "0015_rights"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
