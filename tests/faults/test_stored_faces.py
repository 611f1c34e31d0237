"""How many faces are stored, when a portrait goes and a template comes at the same moment, and under many hands."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import UUID

from broker.core.travel import SealedTemplate
from broker.stores.database import Database
from broker.stores.driver import run
from tests.support.broker_world import World
from tests.support.real_world import real_world as real_world


def faces(world: World) -> int:
    with world.begin() as work:
        return work.transfers.stored_faces("HK")


def store(world: World, person: UUID) -> None:
    with world.begin() as work:
        work.templates.store(SealedTemplate(UUID(int=1), person, b"sealed", world.at, None))


def until_it_waits(database: Database, other: Future[Any]) -> None:
    """Until the other transaction waits for a lock, or has not had to."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ends, pause = monotonic() + 20, threading.Event()
    while not other.done() and monotonic() < ends:
        with database.unit_of_work() as uow:
            if run(uow.session, waiting).scalar_one():
                return
        pause.wait(0.01)


def later(world: World) -> datetime:
    return world.at.replace(year=world.at.year + 1)


def test_a_portrait_that_is_swept_while_the_template_comes_leaves_one_face(
    real_world: World, database: Database
) -> None:
    person = real_world.link().traveller
    with ThreadPoolExecutor(1) as pool:
        with real_world.begin() as work:
            assert work.travellers.discard_portraits_before(later(real_world)) == 1
            enrolling = pool.submit(store, real_world, person)
            until_it_waits(database, enrolling)
        enrolling.result(timeout=30)
    assert faces(real_world) == 1


def test_a_template_that_comes_while_the_portrait_is_swept_leaves_one_face(
    real_world: World, database: Database
) -> None:
    person = real_world.link().traveller

    def sweep() -> int:
        with real_world.begin() as work:
            return work.travellers.discard_portraits_before(later(real_world))

    with ThreadPoolExecutor(1) as pool:
        with real_world.begin() as work:
            work.templates.store(SealedTemplate(UUID(int=1), person, b"sealed", real_world.at, None))
            sweeping = pool.submit(sweep)
            until_it_waits(database, sweeping)
        assert sweeping.result(timeout=30) == 1
    assert faces(real_world) == 1


def test_many_come_and_go_while_the_changes_are_added_up(real_world: World) -> None:
    people = [real_world.link(str(number)).traveller for number in range(12)]

    def come_and_go(person: UUID) -> None:
        for _ in range(3):
            store(real_world, person)
            with real_world.begin() as work:
                work.travellers.discard_portrait(person)
                assert work.templates.discard(person)

    def add_up(_: int) -> None:
        with real_world.begin() as work:
            work.transfers.fold_faces()

    with ThreadPoolExecutor(6) as pool:
        folding = [pool.submit(add_up, number) for number in range(20)]
        list(pool.map(come_and_go, people))
        for fold in folding:
            fold.result()
    assert faces(real_world) == 0
    store(real_world, people[0])
    assert faces(real_world) == 1
