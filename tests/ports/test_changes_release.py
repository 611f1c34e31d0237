"""Governed changes meet real releases: at a gate and in an offline pass, over fakes and PostgreSQL."""

from datetime import timedelta

import pytest

from broker.core.change_body import Kind
from broker.core.denial import Denied
from broker.core.governed_change import BINDS_AFTER
from broker.core.special_list import read_entries
from broker.flows.release_template import Released
from broker.wire.reasons import Reason
from broker.wire.travel_pass import PassMode
from tests.support.broker_world import World
from tests.support.change_office import Office


def asked(world: World, traveller: object) -> Released | Denied:
    """The person at a lane of their zone, with a fresh pass."""
    minted = world.one_pass(traveller)  # type: ignore[arg-type]
    return world.release(world.lane().request(world.phone.code(minted, world.at), world.at)[1])


def test_an_exclusion_by_purpose_stops_the_lane_and_its_end_opens_it(world: World) -> None:
    office, traveller = Office(world), world.ready(offline=True)
    change = office.adopt(body={"effect": "hold", "purposes": ["e-channel"]})
    world.at += BINDS_AFTER - timedelta(microseconds=1)
    assert isinstance(asked(world, traveller), Released)
    world.at += timedelta(microseconds=1)
    held = asked(world, traveller)
    assert isinstance(held, Denied)
    assert held.reason is Reason.TRANSFER_HELD
    # The offline pass is another purpose.
    assert not isinstance(world.mint(traveller, mode=PassMode.OFFLINE), Denied)
    office.withdraw(change)
    world.at += BINDS_AFTER
    assert isinstance(asked(world, traveller), Released)


def test_an_exclusion_stops_what_would_be_sealed_into_a_pass(world: World) -> None:
    office, traveller = Office(world), world.ready(offline=True)
    office.adopt(body={"effect": "deny", "categories": ["face_template"]})
    world.at += BINDS_AFTER
    refused = world.mint(traveller, mode=PassMode.OFFLINE)
    assert isinstance(refused, Denied)
    assert refused.reason is Reason.TRANSFER_DENIED


@pytest.mark.parametrize(("entry", "band"), [("A1234563,current", "red"), ("B7654321,current", "green")])
def test_a_listed_person_is_graded_in_the_release_itself(world: World, entry: str, band: str) -> None:
    """Known by the document that their login vouched for; here nothing crosses a border, so nothing is held."""
    office, traveller = Office(world), world.ready()
    office.adopt(Kind.SPECIAL_IDENTITY, entries=read_entries(f"hkid,{entry}", Kind.SPECIAL_IDENTITY))
    world.at += BINDS_AFTER
    assert isinstance(asked(world, traveller), Released)
    with world.begin() as work:
        uses = work.journal.of_traveller(traveller, key=world.keys.key(traveller), limit=50, before=None)
    newest = next(use for use in uses if use.kind == "gate:template:released")
    assert newest.clear["band"] == band
    # What the list says is named nowhere.
    assert "current" not in str(newest.clear) + str(newest.personal)
