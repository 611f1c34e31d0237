"""Consent grants as releases make them: over the fakes and over PostgreSQL."""

from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import pytest

from broker.core.consent_grant import GrantRefused, verify_grant
from broker.core.identity_release import ReleasedClaims
from broker.flows.issue_consent_grant import Granting
from broker.flows.look import list_uses
from broker.flows.release_template import Released
from broker.wire.registry import KeyUse
from broker.wire.travel_pass import PassMode
from tests.support.broker_world import ZONE, World
from tests.support.partner_world import BANK, SHOP, PartnerWorld, client_of, opening

ISSUER = "https://broker.example"


@pytest.fixture
def traveller(world: World) -> UUID:
    return world.link().traveller


def _released(partners: PartnerWorld, traveller: UUID, *claims: str, partner: str = BANK) -> ReleasedClaims:
    release = opening(*claims, recipient=partner)
    partners.agree(traveller, release)
    released = partners.release(traveller, release, client=client_of(partners.world, partner))
    assert isinstance(released, ReleasedClaims), released
    return released


def _verified(world: World, jws: str, recipient: str = BANK) -> dict[str, object]:
    return verify_grant(jws, world.signers[KeyUse.RECEIPT].public, expected_issuer=ISSUER, expected_recipient=recipient)


def test_a_release_comes_with_its_grant_and_the_journal_knows_it(world: World, traveller: UUID) -> None:
    partners = PartnerWorld(world)
    released = _released(partners, traveller, "birthdate", "family_name")
    (jws,) = released.consent_grants
    grant = _verified(world, jws)
    assert grant["release"] == {
        "purpose": "account-opening",
        "recipient": BANK,
        "what": ["birthdate", "family_name"],
        "consents": [str(released.consents[0])],
    }
    identity = grant["identity_grant"]
    assert isinstance(identity, dict)
    assert (identity["source"], identity["provider_acr"]) == ("https://iamsmart.example", "face")
    committed = b"tongguan/evidence/v1\0" + UUID(str(grant["jti"])).bytes + b"e" * 32
    assert identity["evidence_commitment"] == sha256(committed).hexdigest()
    entry = next(use for use in partners.journal(traveller) if use.kind == "partner:claims:released")
    assert entry.personal["consent_grant"] == sha256(jws.encode()).hexdigest()
    # Nothing about the person, not even in the form the authority wrote it.
    for value in released.values.values():
        assert str(value) not in str(grant)


def test_templates_sealed_into_codes_come_with_one_grant_for_the_call(world: World) -> None:
    traveller = world.ready(offline=True)
    granting = Granting(world.signers[KeyUse.RECEIPT], ISSUER)
    minted = world.mint(traveller, world.phone.new_keys(2), PassMode.OFFLINE, granting=granting)
    assert isinstance(minted, tuple)
    (jws,) = {one.consent_grant for one in minted}
    assert jws is not None
    stated = _verified(world, jws, ZONE)["release"]
    assert isinstance(stated, dict)
    assert (stated["purpose"], stated["what"], len(stated["consents"])) == ("offline-pass", ["face_template"], 3)
    with world.begin() as work:
        uses = list_uses(work, keys=world.keys, traveller=traveller, limit=2)
    assert {use.personal["consent_grant"] for use in uses} == {sha256(jws.encode()).hexdigest()}
    assert world.one_pass(traveller).consent_grant is None  # online nothing is sealed into the code


def test_a_template_released_to_a_gate_comes_with_its_grant_too(world: World) -> None:
    traveller = world.ready()
    minted, lane = world.one_pass(traveller), world.lane()
    released = world.release(lane.request(world.phone.code(minted, world.at), world.at)[1])
    assert isinstance(released, Released)
    assert released.consent_grant is not None
    grant = _verified(world, released.consent_grant, ZONE)
    stated = grant["release"]
    assert isinstance(stated, dict)
    assert (stated["purpose"], stated["what"]) == ("e-channel", ["face_template"])
    with world.begin() as work:
        issued = work.passes.find(ZONE, minted.pass_id)
        (entry, *_) = list_uses(work, keys=world.keys, traveller=traveller, limit=1)
    assert issued is not None
    assert stated["consents"] == sorted(map(str, issued.consents))
    assert entry.personal["consent_grant"] == sha256(released.consent_grant.encode()).hexdigest()


def test_two_recipients_cannot_tell_that_it_is_one_person(world: World, traveller: UUID) -> None:
    partners = PartnerWorld(world)
    bank = _verified(world, _released(partners, traveller, "birthdate").consent_grants[0])
    shop = _verified(world, _released(partners, traveller, "birthdate", partner=SHOP).consent_grants[0], SHOP)
    assert bank["sub"] != shop["sub"]
    one, other = bank["identity_grant"], shop["identity_grant"]
    assert isinstance(one, dict)
    assert isinstance(other, dict)
    assert one["evidence_commitment"] != other["evidence_commitment"]
    with pytest.raises(GrantRefused):
        _verified(world, _released(partners, traveller, "family_name").consent_grants[0], SHOP)


def test_answers_to_predicates_alone_name_no_authority(world: World, traveller: UUID) -> None:
    released = _released(PartnerWorld(world), traveller, "over_18")
    assert released.values == {"over_18": True}
    assert released.consent_grants == ()


def test_who_vouched_is_whoever_did_last(world: World, traveller: UUID) -> None:
    partners = PartnerWorld(world)
    release = opening("birthdate")
    partners.agree(traveller, release)
    world.at += timedelta(hours=2)
    world.link()
    released = partners.release(traveller, release)
    assert isinstance(released, ReleasedClaims)
    identity = _verified(world, released.consent_grants[0])["identity_grant"]
    assert isinstance(identity, dict)
    assert identity["auth_time"] == int(world.at.timestamp())
