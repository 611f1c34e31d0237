"""No release without a decision under the law of the place the data reside in: over fakes and PostgreSQL."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from broker.core.denial import Denied
from broker.core.identity_release import ReleasedClaims
from broker.core.rulebook import Rulebook
from broker.core.transfer import Held, TransferRules
from broker.flows.link_identity import Linked
from broker.flows.look import list_uses
from broker.flows.ports.transfers import Standing, TransferLine
from broker.flows.release_template import Released
from broker.wire.identity_grant import DocumentType
from broker.wire.reasons import Reason
from broker.wire.travel_pass import PassMode
from tests.support.broker_world import OTHER_ZONE, ZONE, World
from tests.support.partner_world import PartnerWorld, opening
from tests.support.transfers import ASSESSED, FILED

MAINLAND, SAR = "CN", "HK"
PERMIT = "CN, by permit"
NUMBERS = {
    MAINLAND: (DocumentType.PRC_RESIDENT_ID, "11010119900102001X"),
    PERMIT: (DocumentType.MAINLAND_TRAVEL_PERMIT, "H12345678"),
    SAR: (DocumentType.HKID, "A1234563"),
}


def resident(world: World, of: str, *, born: date = date(1990, 1, 2), offline: bool = False) -> UUID:
    """A traveller whose data reside there, ready to cross at ZONE."""
    grant = world.grant(f"resident of {of}")
    assert grant.claims is not None
    kind, number = NUMBERS[of]
    claims = grant.claims.model_copy(update={"document_type": kind, "document_number": number, "birth_date": born})
    linked = world.arrive(grant.model_copy(update={"claims": claims}))
    assert isinstance(linked, Linked)
    world.prepare(linked.traveller, offline=offline)
    return linked.traveller


def cross(world: World, traveller: UUID) -> Released | Denied:
    minted = world.one_pass(traveller)
    return world.release(world.lane().request(world.phone.code(minted, world.at), world.at)[1])


def with_contracts(world: World, statement: str = FILED) -> World:
    world.rulebook = Rulebook.load(statement)
    return world


def counted(world: World, recipient: str = ZONE) -> Standing:
    with world.begin() as work:
        return work.transfers.look(TransferLine(2026, "tongguan/CN", recipient, UUID(int=0)))


def latest(world: World, traveller: UUID, before: int = 0) -> dict[str, object]:
    with world.begin() as work:
        return dict(list_uses(work, keys=world.keys, traveller=traveller, limit=before + 1)[before].clear)


def test_a_face_does_not_leave_the_mainland_on_consent_alone(world: World) -> None:
    traveller = resident(with_contracts(world, ASSESSED), MAINLAND)
    answer = cross(world, traveller)
    assert isinstance(answer, Denied)
    assert answer.reason is Reason.TRANSFER_HELD
    assert (counted(world).sensitive, counted(world).at_recipient) == (0, 0)
    entry = latest(world, traveller)
    assert (entry["transfer"], entry["mechanism"], entry["reasons"]) == (
        "hold",
        "scc_or_certification",
        ["transfer_held"],
    )


def test_with_the_contract_filed_it_leaves_and_the_person_counts_once(world: World) -> None:
    traveller = resident(with_contracts(world), MAINLAND)
    for _ in range(2):
        assert isinstance(cross(world, traveller), Released)
    standing = counted(world)
    assert (standing.sensitive, standing.gross_sensitive, standing.nonsensitive, standing.at_recipient) == (1, 1, 0, 1)
    again, first = latest(world, traveller), latest(world, traveller, 2)
    assert (again["transfer"], again["mechanism"], "counted" in again) == ("allow", "gba_sc", False)
    assert first["counted"] == {
        "exporter": "tongguan/CN",
        "recipient": ZONE,
        "in": ["sensitive", "gross_sensitive", "at_recipient"],
    }
    assert again["policy"] == world.rulebook.transfers.policy.at(world.at).hash


def test_what_stays_inside_needs_no_contract_and_counts_nothing(world: World) -> None:
    traveller = resident(world, SAR)
    assert isinstance(cross(world, traveller), Released)
    assert counted(world).at_recipient == 0
    assert latest(world, traveller)["mechanism"] == "not_regulated_export"


def test_sealing_into_a_code_is_a_release_and_is_decided_when_it_is_minted(world: World) -> None:
    traveller = resident(with_contracts(world, ASSESSED), MAINLAND, offline=True)
    refused = world.mint(traveller, mode=PassMode.OFFLINE)
    assert isinstance(refused, Denied)
    assert refused.reason is Reason.TRANSFER_HELD
    assert latest(world, traveller)["transfer"] == "hold"
    minted = with_contracts(world).mint(traveller, world.phone.new_keys(3), PassMode.OFFLINE)
    assert isinstance(minted, tuple)
    assert (counted(world).sensitive, counted(world).at_recipient) == (1, 1)
    # The same keys again get the same passes: nothing leaves that had not left.
    assert world.mint(traveller, [one.device_key for one in minted], PassMode.OFFLINE) == minted
    assert latest(world, traveller)["mechanism"] == "gba_sc"


def test_a_child_under_fourteen_needs_a_guardian(world: World) -> None:
    traveller = resident(with_contracts(world), MAINLAND, born=date(2014, 6, 1))
    answer = cross(world, traveller)
    assert isinstance(answer, Denied)
    assert answer.reason is Reason.TRANSFER_DENIED
    assert counted(world).sensitive == 0


def test_a_code_that_was_answered_before_counts_nobody_again(world: World) -> None:
    traveller = resident(with_contracts(world), MAINLAND)
    minted, lane = world.one_pass(traveller), world.lane()
    code = world.phone.code(minted, world.at)
    assert isinstance(world.release(lane.request(code, world.at)[1]), Released)
    again = world.release(lane.request(code, world.at)[1])
    assert isinstance(again, Denied)
    assert again.reason is Reason.ALREADY_RELEASED
    assert counted(world).sensitive == 1


def test_a_partners_answer_is_decided_too(world: World) -> None:
    agency = PartnerWorld(with_contracts(world))
    traveller = resident(world, MAINLAND)
    agency.agree(traveller, opening("name"))
    told = agency.release(traveller, opening("name"))
    assert isinstance(told, ReleasedClaims)
    standing = counted(world, "harbour-bank")
    assert (standing.nonsensitive, standing.at_recipient) == (1, 1)
    assert latest(world, traveller)["mechanism"] == "exempt"


def test_a_partner_hears_nothing_that_the_law_holds_back(world: World) -> None:
    # Without an impact assessment nothing leaves the Mainland (PIPL 55), whatever was consented to.
    agency = PartnerWorld(world)
    traveller = resident(world, MAINLAND)
    agency.agree(traveller, opening("name"))
    told = agency.release(traveller, opening("name"))
    assert isinstance(told, Denied)
    assert told.reason is Reason.TRANSFER_DENIED
    assert counted(world, "harbour-bank").nonsensitive == 0
    assert latest(world, traveller)["transfer"] == "deny"


def test_nothing_leaves_a_place_that_no_exporter_is_named_for(world: World) -> None:
    profiles = world.rulebook.transfers.profiles
    nobody = replace(profiles, exporters={"MO": profiles.exporters["MO"]})
    world.rulebook = replace(world.rulebook, transfers=TransferRules(world.rulebook.transfers.policy, nobody))
    traveller = resident(world, MAINLAND)
    minted = world.one_pass(traveller)
    request = world.lane().request(world.phone.code(minted, world.at), world.at)[1]
    with pytest.raises(ValueError, match="no exporter"):
        world.release(request)


@pytest.mark.parametrize("zone", [OTHER_ZONE])
def test_hong_kongs_law_lets_a_consented_face_go_to_the_mainland(world: World, zone: str) -> None:
    traveller = resident(world, SAR)
    world.consent(traveller, "e-channel", zone)
    minted = world.mint(traveller, zone=zone)
    assert isinstance(minted, tuple)
    answer = world.release(world.lane(zone).request(world.phone.code(minted[0], world.at), world.at)[1])
    assert isinstance(answer, Released)
    assert latest(world, traveller)["mechanism"] == "local_law_only"
    assert counted(world, zone).held is Held.NONE
