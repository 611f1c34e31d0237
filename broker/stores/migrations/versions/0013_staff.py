"""Staff, and the changes they sign.

Revision ID: 0013_staff
"""

from alembic import op

revision = "0013_staff"
down_revision = "0012_ledger"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE staff (
    staff_id text CONSTRAINT pk_staff PRIMARY KEY,
    name text NOT NULL,
    roles text[] NOT NULL,
    public_key bytea NOT NULL CONSTRAINT uq_staff_public_key UNIQUE,
    added_at timestamptz NOT NULL,
    suspended_at timestamptz
);

-- No reference to `staff`: a challenge is given for any id, so that nobody learns which ones there are.
CREATE TABLE staff_challenges (
    digest bytea CONSTRAINT pk_staff_challenges PRIMARY KEY,
    staff_id text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ix_staff_challenges_expires_at ON staff_challenges (expires_at);

CREATE TABLE staff_links (
    digest bytea CONSTRAINT pk_staff_links PRIMARY KEY,
    staff_id text NOT NULL CONSTRAINT fk_staff_links_staff_id REFERENCES staff,
    expires_at timestamptz NOT NULL
);

CREATE TABLE staff_sessions (
    digest bytea CONSTRAINT pk_staff_sessions PRIMARY KEY,
    staff_id text NOT NULL CONSTRAINT fk_staff_sessions_staff_id REFERENCES staff,
    opened_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
"""

_NAMES = ("staff_sessions", "staff_links", "staff_challenges", "staff")


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    for name in _NAMES:
        op.execute(f"DROP TABLE {name}")
