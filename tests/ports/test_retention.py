"""What has had its time goes, nothing else does, and a receipt says so."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from broker.core.purpose import FACE_ENROLMENT
from broker.core.retention import TYP, Category, Deleted, RetentionRules, hash_root
from broker.core.statement_check import verify_statement
from broker.flows.run_retention import Removed, count_due, run_retention
from broker.stores.database import Database
from broker.stores.key_store import FileKeyStore
from broker.stores.retention import _KINDS
from broker.stores.tables import CONSENTS
from broker.stores.work import Works
from broker.wire.registry import KeyUse
from tests.support.broker_world import NOON, World

RULES = RetentionRules.load()


@pytest.fixture
def world(database: Database, tmp_path: Path):  # type: ignore[no-untyped-def]
    keys = FileKeyStore.open(tmp_path / "keystore")
    yield World(Works(database), keys, entropy=os.urandom)  # type: ignore[arg-type]
    keys.close()


def _run(world: World, *categories: Category) -> dict[str, Removed]:
    removed = run_retention(
        world.begin,
        rules=RULES,
        categories=categories or RULES.category,
        signer=world.signers[KeyUse.RECEIPT],
        issuer="https://broker.example",
        at=world.at,
        entropy=world.entropy,
    )
    return {one.category: one for one in removed}


def _deleted(removed: dict[str, Removed]) -> dict[str, int]:
    return {name: one.deleted for name, one in removed.items() if one.deleted}


def test_each_thing_goes_at_its_moment_with_a_receipt(world: World) -> None:
    enrolled = world.ready()
    world.one_pass(enrolled)
    waiting = world.link("waits").traveller  # a portrait, no enrolment

    world.at = NOON + timedelta(hours=24) - timedelta(seconds=1)
    assert _deleted(_run(world)) == {}
    world.at = NOON + timedelta(hours=24)
    with world.begin() as work:
        assert work.travellers.portrait(waiting) is not None
    counted = {category.id: due for category, due in count_due(world.begin, rules=RULES, at=world.at)}
    assert (counted["portraits"], counted["passes"]) == (1, 0)
    first = _run(world)
    assert _deleted(first) == {"portraits": 1}
    with world.begin() as work:
        assert work.travellers.portrait(waiting) is None
        (kept,) = work.retention.receipts(limit=10)
    assert kept.receipt_id == first["portraits"].receipts[0]
    stated = verify_statement(kept.receipt, [world.signers[KeyUse.RECEIPT].public], expected=[TYP]).claims
    name = Deleted(b"portraits\0" + waiting.bytes, NOON)
    assert (stated["deleted"], stated["hash_list_root"]) == (1, hash_root([name]).hex())
    assert stated["began"] == {"from": "2026-11-20T12:00:00Z", "until": "2026-11-20T12:00:00Z"}
    assert str(waiting) not in kept.receipt
    assert _deleted(_run(world)) == {}

    world.at = NOON + timedelta(days=31)
    assert _deleted(_run(world)) == {"passes": 1}
    # A year later nobody has logged in. Whoever has a consent in force keeps their claims, the other does not.
    world.at = NOON + timedelta(days=364)
    assert _deleted(_run(world)) == {}
    world.at = NOON + timedelta(days=365)
    assert _deleted(_run(world)) == {"unused_claims": 1}
    with world.begin() as work:
        assert work.travellers.claims(waiting) is None
        assert work.travellers.claims(enrolled) is not None


def test_a_template_that_no_consent_covers_any_more(world: World, database: Database) -> None:
    traveller = world.ready()
    world.at = NOON + timedelta(hours=2)
    assert _deleted(_run(world)) == {}
    with database.unit_of_work() as uow:  # as a fault would leave it: withdrawn, and the template still there
        withdrawn = CONSENTS.update().where(CONSENTS.c.purpose == FACE_ENROLMENT)
        uow.session.execute(withdrawn.values(status="withdrawn", settled_at=NOON))
    assert _deleted(_run(world)) == {"templates_without_consent": 1}
    with world.begin() as work:
        assert work.templates.find(traveller) is None


def test_every_category_is_a_table_and_its_condition_runs(world: World) -> None:
    assert {category.id for category in RULES.category} == _KINDS.keys()
    assert all(removed.deleted == 0 for removed in _run(world).values())


def test_categories_come_up_at_their_minutes() -> None:
    every = {category.id: category.every for category in RULES.category}
    assert {category.id for category in RULES.due(NOON)} == set(every)
    later = {category.id for category in RULES.due(NOON + timedelta(minutes=5))}
    assert later == {name for name, minutes in every.items() if 5 % minutes == 0}
