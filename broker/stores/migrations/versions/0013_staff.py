"""Staff, and the changes they sign.

Revision ID: 0013_staff
"""

revision = "0013_staff"
down_revision = "0012_ledger"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
