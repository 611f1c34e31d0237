"""Identities at several providers, their upstream tokens, and approvals asked of providers.

Revision ID: 0006_linking
"""

from alembic import op

revision = "0006_linking"
down_revision = "0005_minting"
branch_labels = None
depends_on = None


_TABLES = """
-- What a connector wants back, sealed. A login under way during the upgrade starts again.
DELETE FROM oidc_login_attempts;
ALTER TABLE oidc_login_attempts ADD COLUMN memory bytea NOT NULL;
ALTER TABLE oidc_login_attempts ADD COLUMN link_session bytea;

-- Links made before name the provider the person came from; their documents follow at the next login.
ALTER TABLE identity_links ADD COLUMN link_id uuid;
ALTER TABLE identity_links ADD COLUMN provider text;
ALTER TABLE identity_links ADD COLUMN acr text;
ALTER TABLE identity_links ADD COLUMN linked_at timestamptz;
ALTER TABLE identity_links ADD COLUMN last_login_at timestamptz;
ALTER TABLE identity_links ADD COLUMN withdrawn_at timestamptz;
UPDATE identity_links SET link_id = gen_random_uuid(), provider = travellers.provider, linked_at = travellers.linked_at
    FROM travellers WHERE travellers.traveller_id = identity_links.traveller_id;
-- The deferred foreign key's pending checks would forbid altering the table.
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE identity_links ALTER COLUMN link_id SET NOT NULL;
ALTER TABLE identity_links ALTER COLUMN provider SET NOT NULL;
ALTER TABLE identity_links ALTER COLUMN linked_at SET NOT NULL;
ALTER TABLE identity_links ADD CONSTRAINT uq_identity_links_link_id UNIQUE (link_id);
ALTER TABLE identity_links ADD CONSTRAINT uq_identity_links_traveller_id_provider UNIQUE (traveller_id, provider);

CREATE TABLE identity_documents (
    document bytea CONSTRAINT pk_identity_documents PRIMARY KEY,
    birth bytea NOT NULL,
    traveller_id uuid NOT NULL
        CONSTRAINT fk_identity_documents_traveller_id REFERENCES travellers DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX ix_identity_documents_traveller_id ON identity_documents (traveller_id);

CREATE TABLE held_identities (
    held_id uuid CONSTRAINT pk_held_identities PRIMARY KEY,
    digest bytea NOT NULL CONSTRAINT uq_held_identities_digest UNIQUE,
    traveller_id uuid NOT NULL
        CONSTRAINT fk_held_identities_traveller_id REFERENCES travellers DEFERRABLE INITIALLY DEFERRED,
    provider text NOT NULL,
    acr text NOT NULL,
    reason text NOT NULL,
    browser bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ix_held_identities_traveller_id ON held_identities (traveller_id);
CREATE INDEX ix_held_identities_expires_at ON held_identities (expires_at);

CREATE TABLE upstream_tokens (
    traveller_id uuid NOT NULL
        CONSTRAINT fk_upstream_tokens_traveller_id REFERENCES travellers DEFERRABLE INITIALLY DEFERRED,
    provider text NOT NULL,
    sealed bytea NOT NULL,
    expires_at timestamptz,
    leased_until timestamptz,
    CONSTRAINT pk_upstream_tokens PRIMARY KEY (traveller_id, provider)
);

CREATE TABLE provider_notices (
    provider text NOT NULL,
    business_id text NOT NULL,
    kind text NOT NULL,
    received_at timestamptz NOT NULL,
    CONSTRAINT pk_provider_notices PRIMARY KEY (provider, business_id)
);
CREATE INDEX ix_provider_notices_received_at ON provider_notices (received_at);

-- The login that vouched for the claims, sealed, and the document they are about, hashed under a key.
ALTER TABLE profiles ADD COLUMN vouched bytea;
ALTER TABLE profiles ADD COLUMN document bytea;
"""


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    op.execute("ALTER TABLE profiles DROP COLUMN document, DROP COLUMN vouched")
    op.execute("DROP TABLE provider_notices, upstream_tokens, held_identities, identity_documents")
    # Whoever linked further identities keeps the oldest one only.
    op.execute(
        "DELETE FROM identity_links AS late USING identity_links AS early WHERE late.traveller_id = early.traveller_id "
        "AND (early.linked_at, early.digest) < (late.linked_at, late.digest)"
    )
    op.execute(
        "ALTER TABLE identity_links DROP COLUMN withdrawn_at, DROP COLUMN last_login_at, DROP COLUMN linked_at, "
        "DROP COLUMN acr, DROP COLUMN provider, DROP COLUMN link_id"
    )
    op.execute("ALTER TABLE oidc_login_attempts DROP COLUMN link_session, DROP COLUMN memory")
