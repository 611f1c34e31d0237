"""A database that the next test uses again is as the migrations left it, or it is not used again."""

import psycopg
import pytest

from tests.support.used_again import Pool, Template


@pytest.fixture
def own(pool: Pool) -> Pool:
    """A pool beside the worker's."""
    return Pool(pool.cluster, pool.template)


def test_rows_and_sequences_are_the_migrations_and_foreign_connections_end(own: Pool) -> None:
    name = own.take()
    with own.cluster.admin(database=name) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("DELETE FROM journal_log")
        admin.execute("INSERT INTO oidc_proofs VALUES ('x', now())")
        lingering = psycopg.connect(own.cluster.url_of(name).replace("+psycopg", ""))
        own.put_back(name)
        with pytest.raises(psycopg.OperationalError):
            lingering.execute("SELECT 1")
    assert own.take() == name
    assert Template.of(own.cluster, name) == Template(name, own.template.rows, own.template.sequences)
    own.put_back(name)
    own.close()


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE more (n int)", "DROP INDEX ix_oidc_proofs_forget_at",
     "CREATE OR REPLACE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'"],
)  # fmt: skip
def test_a_database_of_another_shape_is_thrown_away(own: Pool, statement: str) -> None:
    name = own.take()
    with own.cluster.admin(database=name) as admin:
        admin.execute(statement)
    own.put_back(name)
    assert own.idle == []
    with own.cluster.admin() as admin:
        assert admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is None
