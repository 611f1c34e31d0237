"""Two processes, one database: a change signed in one binds in the other in time, and what is not sound stops all."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import event, text

from broker.core.change_body import Kind
from broker.core.governed_change import BINDS_AFTER
from broker.core.special_list import read_entries
from broker.flows.ports.changes import ChangesUnsound
from broker.flows.standing_changes import standing_changes
from broker.stores.database import Database
from broker.stores.key_store import FileKeyStore
from broker.stores.standing_cache import GOOD_FOR, StandingCache
from broker.stores.work import Works
from tests.support.broker_world import World
from tests.support.change_office import Office
from tests.support.lock_waits import AwaitLockWait
from tests.support.lock_waits import await_lock_wait as await_lock_wait


class Elsewhere:
    """Another process: its own connections, its own memory, and a clock to turn."""

    def __init__(self, url: str) -> None:
        self.database, self.now = Database(url, pool_size=2), 0.0
        self.database.standing = StandingCache(monotonic=lambda: self.now)
        self.statements: list[str] = []
        event.listen(self.database.engine, "begin", lambda _connection: self.statements.append("begin"))
        self.works = Works(self.database)

    def stands(self, world: World) -> int:
        with self.works.begin() as work:
            return len(standing_changes(work, world.at).at(world.at))


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Iterator[Office]:
    keys = FileKeyStore.open(tmp_path / "keystore")
    yield Office(World(Works(database), keys))
    keys.close()


@pytest.fixture
def elsewhere(database_url: str) -> Iterator[Elsewhere]:
    made = Elsewhere(database_url)
    yield made
    made.database.close()


def test_an_exclusion_binds_everywhere_within_a_second(office: Office, elsewhere: Elsewhere) -> None:
    assert elsewhere.stands(office.world) == 0
    elsewhere.statements.clear()
    change = office.adopt()
    assert change.in_force_at is not None
    # A release at any time from `in_force_at` on, in a process that asked just before the signature was committed.
    office.world.at = change.in_force_at
    elsewhere.now += GOOD_FOR - 0.001
    assert elsewhere.stands(office.world) == 0
    assert elsewhere.statements == []  # it asked nothing, so it took no connection
    elsewhere.now += 0.001
    assert elsewhere.stands(office.world) == 1
    # From then on time alone begins and ends it.
    elsewhere.statements.clear()
    office.world.at = change.until - timedelta(microseconds=1)
    assert elsewhere.stands(office.world) == 1
    office.world.at = change.until
    assert elsewhere.stands(office.world) == 0
    assert elsewhere.statements == []


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE governed_changes SET body = jsonb_set(body, '{entries}', '0') WHERE kind = 'special_identity'",
        "UPDATE governed_changes SET until = until + interval '1 day'",
        "UPDATE governed_changes SET in_force_at = since - interval '1 hour'",
        "DELETE FROM governed_signatures WHERE ctid IN (SELECT ctid FROM governed_signatures LIMIT 1)",
        "UPDATE governed_signatures SET signature = decode(repeat('00', 64), 'hex')",
        "DELETE FROM special_members",
        "UPDATE special_members SET grade = 'family'",
    ],
)
def test_what_was_not_signed_stops_every_release(office: Office, elsewhere: Elsewhere, tampering: str) -> None:
    entries = read_entries("hkid,A1234563,current", Kind.SPECIAL_IDENTITY)
    change = office.adopt(Kind.SPECIAL_IDENTITY, entries=entries)
    assert change.in_force_at is not None
    office.world.at = change.in_force_at
    with elsewhere.database.unit_of_work() as uow:
        uow.session.execute(text(tampering))
    with pytest.raises(ChangesUnsound):
        elsewhere.stands(office.world)


def test_a_proposal_put_in_force_by_hand_stops_every_release(office: Office, elsewhere: Elsewhere) -> None:
    office.sign(office.propose(), office.one)
    with elsewhere.database.unit_of_work() as uow:
        uow.session.execute(text("UPDATE governed_changes SET in_force_at = since"))
    with pytest.raises(ChangesUnsound):
        elsewhere.stands(office.world)


@pytest.mark.parametrize("table", ["governed_changes", "staff", "governed_version"])
def test_a_signature_that_has_to_wait_is_of_the_moment_it_is_given(
    office: Office, elsewhere: Elsewhere, await_lock_wait: AwaitLockWait, table: str
) -> None:
    change = office.propose()
    office.sign(change, office.one)
    with ThreadPoolExecutor(1) as pool:
        with elsewhere.works.begin() as work:
            work.uow.session.execute(text(f"SELECT FROM {table} FOR UPDATE"))
            signing = pool.submit(office.sign, change, office.other)
            await_lock_wait(signing)
            office.world.at += timedelta(seconds=5)
            decided = office.world.at
            assert elsewhere.stands(office.world) == 0
        signed = signing.result(timeout=60)
    # Whoever released meanwhile did so without the change: it must not claim that moment, nor the half second in which
    # an answer stays good.
    assert signed.in_force_at == decided + BINDS_AFTER
    assert {given.signed_at for given in signed.signatures} == {decided, decided - timedelta(seconds=5)}


def test_two_who_sign_at_once_put_it_in_force_once(office: Office, elsewhere: Elsewhere) -> None:
    change = office.propose()
    outcomes: list[object] = []
    threads = [
        Thread(target=lambda who=who: outcomes.append(office.sign(change, who)))  # type: ignore[misc]
        for who in (office.one, office.other, office.third, office.one)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(outcomes) == 4
    with elsewhere.works.begin() as work:
        kept = work.changes.find(change.change_id)
        assert kept is not None
        assert kept.in_force_at is not None
        assert len(kept.signatures) == len({one.staff_id for one in kept.signatures}) == 2
        version = work.uow.session.execute(text("SELECT version FROM governed_version")).scalar_one()
    assert version == 1
