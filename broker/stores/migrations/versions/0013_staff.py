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

CREATE TABLE governed_changes (
    change_id uuid CONSTRAINT pk_governed_changes PRIMARY KEY,
    kind text NOT NULL,
    body jsonb NOT NULL,
    because text NOT NULL,
    origin text NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    proposed_by text NOT NULL CONSTRAINT fk_governed_changes_proposed_by REFERENCES staff,
    proposed_at timestamptz NOT NULL,
    in_force_at timestamptz
);
CREATE INDEX ix_governed_changes_proposed_at ON governed_changes (proposed_at);

CREATE TABLE governed_signatures (
    change_id uuid NOT NULL CONSTRAINT fk_governed_signatures_change_id REFERENCES governed_changes,
    staff_id text NOT NULL CONSTRAINT fk_governed_signatures_staff_id REFERENCES staff,
    signature bytea NOT NULL,
    signed_at timestamptz NOT NULL,
    CONSTRAINT pk_governed_signatures PRIMARY KEY (change_id, staff_id)
);

-- Hashes under the key of one list, which is in the key store: nobody reads a person here.
CREATE TABLE special_members (
    change_id uuid NOT NULL CONSTRAINT fk_special_members_change_id REFERENCES governed_changes,
    member bytea NOT NULL,
    grade text NOT NULL,
    since date,
    CONSTRAINT pk_special_members PRIMARY KEY (change_id, member)
);

-- Grows with each change that comes in force; every worker asks for it twice a second.
CREATE TABLE governed_version (
    id boolean CONSTRAINT pk_governed_version PRIMARY KEY CONSTRAINT ck_governed_version_one CHECK (id),
    version bigint NOT NULL
);
INSERT INTO governed_version (id, version) VALUES (true, 0);
"""

_NAMES = (
    "governed_version",
    "special_members",
    "governed_signatures",
    "governed_changes",
    "staff_sessions",
    "staff_links",
    "staff_challenges",
    "staff",
)


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    for name in _NAMES:
        op.execute(f"DROP TABLE {name}")
