"""The unit of work keeps everything or nothing, and takes no connection it does not need."""

import pytest
from sqlalchemy import text

from broker.stores.database import Database


def _count(database: Database) -> int:
    with database.unit_of_work() as uow:
        return int(uow.session.execute(text("SELECT count(*) FROM journal_inbox")).scalar_one())


INSERT = text("INSERT INTO journal_inbox (leaf_hash, entry) VALUES (sha256('\\x00'), '')")


def test_leaving_the_block_commits(database: Database) -> None:
    with database.unit_of_work() as uow:
        uow.session.execute(INSERT)
    assert _count(database) == 1


def test_an_exception_rolls_back(database: Database) -> None:
    with pytest.raises(RuntimeError), database.unit_of_work() as uow:
        uow.session.execute(INSERT)
        raise RuntimeError
    assert _count(database) == 0


def test_a_unit_of_work_without_statements_takes_no_connection() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nowhere")
    with database.unit_of_work():
        pass
