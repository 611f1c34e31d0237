"""Databases that one test after another uses: emptied in between, to the rows that the migrations left."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

from tests.support.cluster import Cluster

_MOST_BYTES = 64 * 2**20
"""A database that a test filled beyond this is thrown away: what was deleted still takes room."""

_END_OTHERS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)
_TABLES = (
    "SELECT t.oid::regclass::text FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace "
    "WHERE n.nspname = 'public' AND t.relkind = 'r'"
)
# Triggers and foreign keys do not fire in a replica's session: journals that refuse deletion are emptied too.
_AS_REPLICA = "SET session_replication_role = replica"
# Whatever a statement of DDL writes has a newer transaction than all the catalogue had before.
_SHAPE = """
SELECT (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_class),
       (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_attribute),
       (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_constraint),
       (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_proc),
       (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_trigger),
       (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_type),
       (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_namespace)
"""


@dataclass(frozen=True)
class Template:
    """The migrated database: its name, the rows in it, and where its sequences stand."""

    name: str
    rows: Mapping[str, bytes]
    sequences: Mapping[str, tuple[int, bool]]

    @classmethod
    def of(cls, cluster: Cluster, name: str) -> "Template":
        with cluster.admin(database=name) as admin:
            tables = [str(row[0]) for row in admin.execute(_TABLES)]
            rows = {table: copied for table in tables if (copied := _copy_out(admin, table)) is not None}
            named = [str(row[0]) for row in admin.execute("SELECT seqrelid::regclass FROM pg_sequence")]
            sequences = {each: _standing(admin, each) for each in named}
        return cls(name, rows, sequences)


@dataclass
class Pool:
    """The databases of one worker. `shapes` is what each one's catalogue was when it was made."""

    cluster: Cluster
    template: Template
    idle: list[str] = field(default_factory=list)
    shapes: dict[str, Any] = field(default_factory=dict)

    def take(self) -> str:
        if self.idle:
            return self.idle.pop()
        name = f"used_{uuid4().hex}"
        self.cluster.create_database(name, self.template.name)
        with self.cluster.admin(database=name) as admin:
            self.shapes[name] = admin.execute(_SHAPE).fetchone()
        return name

    def put_back(self, name: str) -> None:
        if self._emptied(name):
            self.idle.append(name)
        else:
            del self.shapes[name]
            self.cluster.drop_database(name)

    def close(self) -> None:
        for name in self.idle:
            self.cluster.drop_database(name)

    def _emptied(self, name: str) -> bool:
        """False when it cannot be made as new by deleting rows."""
        try:
            with self.cluster.admin(database=name) as admin:
                admin.execute(_END_OTHERS)
                if admin.execute(_SHAPE).fetchone() != self.shapes[name]:
                    return False
                if int(_one(admin, "SELECT pg_database_size(current_database())")[0]) > _MOST_BYTES:
                    return False
                admin.execute(_AS_REPLICA)
                tables = [str(row[0]) for row in admin.execute(_TABLES)]
                admin.execute(sql.SQL(";").join(sql.SQL("DELETE FROM {}").format(sql.SQL(table)) for table in tables))
                for table, rows in self.template.rows.items():
                    into = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(sql.SQL(table))
                    with admin.cursor().copy(into) as copy:
                        copy.write(rows)
                for sequence, (last, called) in self.template.sequences.items():
                    admin.execute("SELECT setval(%s::regclass, %s, %s)", (sequence, last, called))
        except psycopg.Error:
            return False
        return True


def _copy_out(admin: "psycopg.Connection[Any]", table: str) -> bytes | None:
    """The rows in PostgreSQL's binary form; None without any."""
    if not _one(admin, sql.SQL("SELECT count(*) FROM {}").format(sql.SQL(table)))[0]:
        return None
    with admin.cursor().copy(sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(sql.SQL(table))) as copy:
        return b"".join(bytes(part) for part in copy)


def _standing(admin: "psycopg.Connection[Any]", sequence: str) -> tuple[int, bool]:
    last, called = _one(admin, sql.SQL("SELECT last_value, is_called FROM {}").format(sql.SQL(sequence)))
    return int(last), bool(called)


def _one(admin: "psycopg.Connection[Any]", statement: Any) -> Any:
    row = admin.execute(statement).fetchone()
    assert row is not None
    return row
