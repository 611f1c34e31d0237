"""What the ledger tells without naming anybody: totals of a year, and how many faces are stored."""

import pytest

from broker.core.purpose import FACE_ENROLMENT
from broker.flows.erase import erase
from broker.flows.ports.transfers import ExporterTotal, RecipientTotal
from broker.wire.registry import KeyUse
from tests.ports.test_transfers import MAINLAND, cross, resident, with_contracts
from tests.support.broker_world import ZONE, World
from tests.support.partner_world import PartnerWorld, opening
from tests.support.transfers import ASSESSED


def faces(world: World, origin: str = "HK") -> int:
    with world.begin() as work:
        return work.transfers.stored_faces(origin)


def test_totals_are_of_persons_by_exporter_and_by_recipient(world: World) -> None:
    agency = PartnerWorld(with_contracts(world))
    people = [resident(world, MAINLAND), *(world.ready(str(number)) for number in range(2))]
    for traveller in people:
        cross(world, traveller)
    agency.agree(people[0], opening("name"))
    agency.release(people[0], opening("name"))
    with world.begin() as work:
        assert list(work.transfers.totals(2026)) == [ExporterTotal("tongguan/CN", 1, 1, 1, 1)]
        recipients = {total.recipient: total.persons for total in work.transfers.recipient_totals(2026)}
        assert recipients == {ZONE: 1, "harbour-bank": 1}
        assert work.transfers.recipient_totals(2026)[0] == RecipientTotal(min(recipients), 1)
        assert (list(work.transfers.totals(2027)), list(work.transfers.recipient_totals(2027))) == ([], [])


def test_what_is_held_is_in_no_total(world: World) -> None:
    cross(with_contracts(world, ASSESSED), resident(world, MAINLAND))
    with world.begin() as work:
        assert (list(work.transfers.totals(2026)), list(work.transfers.recipient_totals(2026))) == ([], [])


def test_a_face_is_stored_from_the_login_that_brings_a_portrait_to_the_erasure(world: World) -> None:
    person = world.link("a").traveller
    assert (faces(world), faces(world, "CN")) == (1, 0)
    world.link("b")
    assert faces(world) == 2
    # The template takes the portrait's place: still one person, one face.
    world.prepare(person)
    assert faces(world) == 2
    with world.begin() as work:
        erase(work, status_signer=world.signers[KeyUse.STATUS], traveller=person, at=world.at, entropy=world.entropy)
    assert faces(world) == 1
    with world.begin() as work:
        assert work.travellers.discard_portraits_before(world.at.replace(year=2027)) == 1
    assert faces(world) == 0


def test_a_withdrawn_enrolment_is_a_face_less(world: World) -> None:
    person = world.link("a").traveller
    given = world.consent(person, FACE_ENROLMENT)
    world.enrol(person)
    assert faces(world) == 1
    world.withdraw(person, given.record.consent_id)
    assert faces(world) == 0


def test_a_change_that_is_undone_changes_no_count(world: World) -> None:
    with pytest.raises(RuntimeError), world.begin() as work:
        work.travellers.keep_portrait(world.link("a").traveller, b"sealed", world.at)
        raise RuntimeError
    assert faces(world) == 1
