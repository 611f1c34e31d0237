"""A template remembers, under its traveller's key, which capture it was made from: a repeated enrolment is recognised.

Revision ID: 0004_capture_digest
"""

from alembic import op

revision = "0004_capture_digest"
down_revision = "0003_oidc"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Templates enrolled before have none; a repetition of those is refused as it was.
    op.execute("ALTER TABLE face_templates ADD COLUMN capture_digest bytea")


def downgrade() -> None:
    op.execute("ALTER TABLE face_templates DROP COLUMN capture_digest")
