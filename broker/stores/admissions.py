"""Several requests admitted by one statement in a transaction of its own."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import Engine

from broker.core.authorization import Admission, AdmissionQuestion, Grant
from broker.stores import oidc_rows
from broker.stores.alone import rows

# Marks go in ascending order: two such statements that meet over the same marks wait for each other in one direction.
# Lists travel as text: psycopg spends longer on arrays than PostgreSQL on splitting them.
_STATEMENT: Final = (
    "WITH fresh AS (INSERT INTO oidc_proofs (proof_hash, forget_at) "  # noqa: S608  constants of ours
    "SELECT decode(mark, 'hex'), to_timestamp(until::float8) "
    "FROM unnest(string_to_array(%s, ','), string_to_array(%s, ',')) AS f (mark, until) "
    "ORDER BY mark ON CONFLICT DO NOTHING RETURNING proof_hash) "
    "SELECT (SELECT string_agg(encode(proof_hash, 'hex'), ',') FROM fresh), "
    "(SELECT jsonb_object_agg(client_id, version) FROM oidc_clients WHERE client_id = ANY (%s)), "
    "(SELECT string_agg(encode(token_hash, 'hex'), ',') FROM oidc_revoked_tokens "
    "WHERE token_hash IN (SELECT decode(token, 'hex') FROM unnest(string_to_array(%s, ',')) AS t (token))), "
    f"{oidc_rows.GRANT_COLUMNS} FROM (VALUES (1)) AS one "
    "LEFT JOIN oidc_grants g ON g.grant_id = ANY (string_to_array(%s, ',')::uuid[])"
)


def admit_together(engine: Engine, asked: Sequence[AdmissionQuestion]) -> list[Admission]:
    """Each as `OidcUnit.admit` would be answered, one after the other: of two that present the same mark the second is
    a replay. Raises DatabaseUnavailable.
    """
    marks = [mark for one in asked for mark in one.marks]
    tokens = (one.token_hash.hex() for one in asked if one.token_hash is not None)
    parameters = (
        ",".join(mark.hex() for mark, _ in marks),
        ",".join(str(until.timestamp()) for _, until in marks),
        list({one.client_id for one in asked if one.client_id is not None}),
        ",".join(tokens),
        ",".join({str(one.grant_id) for one in asked if one.grant_id is not None}),
    )
    found = rows(engine, _STATEMENT, parameters)
    fresh, versions, revoked = _hashes(found[0][0]), found[0][1] or {}, _hashes(found[0][2])
    grants = {grant.grant_id: grant for row in found if (grant := oidc_rows.grant_of_tuple(tuple(row[3:]))) is not None}
    return [_admission(one, fresh, versions, revoked, grants) for one in asked]


def _admission(
    asked: AdmissionQuestion,
    fresh: set[bytes],
    versions: dict[str, int],
    revoked: set[bytes],
    grants: dict[UUID, Grant],
) -> Admission:
    presented = {mark for mark, _ in asked.marks}
    replayed = frozenset(presented - fresh)
    fresh -= presented  # the first to present a mark has it
    grant = None if asked.grant_id is None else grants.get(asked.grant_id)
    return Admission(replayed, versions.get(asked.client_id or ""), grant, asked.token_hash in revoked)


def _hashes(joined: str | None) -> set[bytes]:
    return {bytes.fromhex(one) for one in (joined or "").split(",")} if joined else set()
