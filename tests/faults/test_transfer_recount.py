"""Counters, rows and journal are three accounts of one year: they agree, and any of them that is altered shows."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner, Result

from broker.cli.transfer import app
from broker.core.counting import CountingTerms
from broker.core.transfer import Outgoing, Subject
from broker.flows.decide_transfer import decide_transfer
from broker.flows.end_counting import end_counting
from broker.flows.merge_counts import merge_counts
from broker.flows.ports import Entry
from broker.stores.database import Database
from broker.stores.driver import run
from broker.stores.transfer_audit import recount
from tests.ports.test_counting import ELSEWHERE, FACES, NAMES, RULES
from tests.support.broker_world import World
from tests.support.real_world import real_world as real_world


def release(world: World, person: UUID, *, what: Outgoing = NAMES) -> None:
    with world.begin() as work:
        made = decide_transfer(
            work, keys=world.keys, rules=RULES, traveller=person, subject=Subject("CN", 36), outgoing=what, at=world.at
        )
        work.journal.append(Entry("partner:claims:released", {}, departure=made), at=world.at, entropy=world.entropy)


@pytest.fixture
def counted(real_world: World) -> World:
    """Five people, one of them released twice, one held, two who turn out to be one."""
    people = [uuid4() for _ in range(5)]
    for person in (*people, people[0]):
        release(real_world, person)
    release(real_world, people[1], what=ELSEWHERE)
    release(real_world, people[2], what=FACES)  # a face on consent alone: held, and in no account
    with real_world.begin() as work:
        merge_counts(work, keys=real_world.keys, survivor=people[3], merged=people[4], at=real_world.at)
    release(real_world, people[3], what=ELSEWHERE)
    return real_world


def alter(database: Database, statement: str) -> None:
    with database.unit_of_work() as uow:
        assert run(uow.session, statement).rowcount == 1


def ask(url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.setenv("TONGGUAN_DATABASE_URL", url)
    return CliRunner().invoke(app, ["recount", "--home", str(home), "--year", "2026"])


def test_the_three_accounts_agree(
    counted: World, database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = recount(database, 2026)
    assert found.agrees
    assert {str(line): number for line, number in found.journal.items()} == {
        "firm/CN nonsensitive": 5,
        "firm/CN gross_nonsensitive": 5,
        "bank at_recipient": 5,
        "clinic at_recipient": 2,
    }
    assert found.entries == 7
    assert (recount(database, 2027).counters, recount(database, 2027).journal) == ({}, {})
    said = ask(database_url, tmp_path, monkeypatch)
    assert (said.exit_code, said.stdout.splitlines()[-1]) == (0, "agree")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transfer_counts SET nonsensitive = nonsensitive - 1 WHERE ctid = ("
        "SELECT ctid FROM transfer_counts WHERE nonsensitive > 0 LIMIT 1)",
        "DELETE FROM transfer_recipient_persons_2026 WHERE ctid = ("
        "SELECT ctid FROM transfer_recipient_persons_2026 LIMIT 1)",
        "UPDATE transfer_persons_2026 SET seen = seen | 2 WHERE ctid = (SELECT min(ctid) FROM transfer_persons_2026)",
    ],
)
def test_an_account_that_was_altered_shows(
    counted: World, database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    statement: str,
) -> None:  # fmt: skip
    alter(database, statement)
    assert len(recount(database, 2026).differences) == 1
    said = ask(database_url, tmp_path, monkeypatch)
    assert (said.exit_code, said.stdout.count("  differs"), said.stdout.splitlines()[-1]) == (1, 1, "DO NOT AGREE")


def test_rows_that_were_dropped_are_not_missed(counted: World, database: Database) -> None:
    at = counted.at.replace(year=2030)
    end_counting(counted.begin, keys=counted.keys, terms=CountingTerms.load(), at=at, entropy=counted.entropy)
    found = recount(database, 2026)
    assert found.rows is None
    assert found.agrees
    assert found.counters.total() == 17
