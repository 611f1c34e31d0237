"""The transfer ledger: stored faces, keys of counts.

Revision ID: 0012_ledger
"""

revision = "0012_ledger"
down_revision = "0011_claims"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
