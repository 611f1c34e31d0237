"""Linking, agreeing, enrolling, leaving: over fakes and PostgreSQL."""

from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from broker.core.consent import ConsentStatus
from broker.core.consent_artefact import artefact_digest
from broker.core.denial import Denied, InvalidInput, Refusal, UnknownTraveller
from broker.core.epoch import dies_at, epoch_of
from broker.core.purpose import E_CHANNEL, FACE_ENROLMENT, OFFLINE_PASS
from broker.core.receipt import TYP
from broker.flows.enrol import Enrolled
from broker.flows.erase import destroy_erased_keys, erase
from broker.flows.lapse_consents import lapse_consents
from broker.flows.look import list_consents, list_uses, show_profile
from broker.flows.ports import Examined, NotAccepted
from broker.flows.withdraw_consent import Withdrawn, forget_face
from broker.wire.reasons import Reason
from broker.wire.registry import KeyUse
from broker.wire.travel_pass import PassMode
from tests.ports.fakes import FakeExaminer
from tests.support.broker_world import EXAMINED, NOON, OTHER_ZONE, ZONE, World, decided


def _kinds(world: World, traveller: UUID) -> list[str]:
    with world.begin() as work:
        return [use.kind for use in list_uses(work, keys=world.keys, traveller=traveller)]


def test_the_same_identity_is_the_same_traveller_and_another_is_not(world: World) -> None:
    first, again, other = world.link("a"), world.link("a"), world.link("b")

    assert (first.first, again.first, other.first) == (True, False, True)
    assert first.traveller == again.traveller != other.traveller
    with world.begin() as work:
        profile = show_profile(work, keys=world.keys, traveller=first.traveller)
    assert profile.claims is not None
    assert profile.claims.document_number == "A1234563"
    assert (profile.traveller.jurisdiction, profile.enrolled_at, profile.portrait_waiting) == ("HK", None, True)


def test_a_receipt_verifies_with_an_ordinary_library_and_names_its_journal_entry(world: World) -> None:
    traveller = world.link().traveller
    given = world.consent(traveller, E_CHANNEL, ZONE)

    key = Ed25519PublicKey.from_public_bytes(world.signers[KeyUse.RECEIPT].public.point)
    claims = jwt.decode(
        given.receipt, key, algorithms=["EdDSA"], issuer="https://broker.example", options={"verify_iat": False}
    )

    assert jwt.get_unverified_header(given.receipt)["typ"] == TYP
    record = claims["record"]
    assert record["record_id"] == claims["jti"] == str(given.record.consent_id)
    assert record["pii_processing"]["privacy_notice"]["sha-256"] == given.record.notice.digest.hex()
    assert given.record.digest == artefact_digest(record)
    assert claims["record_sha256"] == given.record.digest.hex()
    (purpose,) = record["pii_processing"]["purposes"]
    assert purpose["recipient_third_parties"] == [ZONE]
    for field in ("pii_controllers", "purpose_description", "processing_method", "pii_information", "privacy_rights"):
        assert purpose[field], f"PIPL art. 39 asks for {field}"
    with world.begin() as work:
        uses = list_uses(work, keys=world.keys, traveller=traveller)
    assert claims["journal_leaf"] == uses[0].leaf_hash.hex()
    assert str(traveller) not in str(claims)


def test_agreeing_again_returns_what_stands(world: World) -> None:
    traveller = world.link().traveller
    first = world.consent(traveller, E_CHANNEL, ZONE)
    world.at += timedelta(days=3)
    again = world.consent(traveller, E_CHANNEL, ZONE)
    elsewhere = world.consent(traveller, E_CHANNEL, OTHER_ZONE)

    assert (first.new, again.new, elsewhere.new) == (True, False, True)
    assert (again.record, again.receipt) == (first.record, first.receipt)
    assert elsewhere.record.controller != first.record.controller


def test_a_consent_that_ran_out_is_given_anew(world: World) -> None:
    traveller = world.link().traveller
    first = world.consent(traveller, OFFLINE_PASS, ZONE)
    world.at = first.record.valid_until
    again = world.consent(traveller, OFFLINE_PASS, ZONE)

    assert again.new
    with world.begin() as work:
        listed = list_consents(work, traveller=traveller)
    assert [record.status for record, _ in listed] == [ConsentStatus.ACTIVE, ConsentStatus.EXPIRED]


def test_what_has_no_meaning_is_refused_before_anything_happens(world: World) -> None:
    traveller = world.link().traveller
    for purpose, zone, code in (
        ("surveillance", None, "unknown_purpose"),
        (E_CHANNEL, None, "zone_required"),
        (E_CHANNEL, "XX-XXX", "unknown_zone"),
        (FACE_ENROLMENT, ZONE, "zone_not_applicable"),
    ):
        with pytest.raises(InvalidInput) as caught:
            world.consent(traveller, purpose, zone)
        assert caught.value.code == code


def test_nobody_withdraws_somebody_elses_consent(world: World) -> None:
    mine, other = world.link("a").traveller, world.link("b").traveller
    consent = world.consent(mine, E_CHANNEL, ZONE).record.consent_id

    assert world.withdraw(other, consent) == Denied(Refusal.CONSENT_UNKNOWN, "not a consent of this traveller")
    assert isinstance(world.withdraw(mine, consent), Withdrawn)
    again = world.withdraw(mine, consent)
    assert isinstance(again, Withdrawn)
    assert (again.record.status, again.revoked_passes) == (ConsentStatus.WITHDRAWN, 0)


def test_enrolment_needs_consent_and_a_portrait_which_it_uses_up(world: World) -> None:
    traveller, examiner = world.link().traveller, FakeExaminer(EXAMINED)

    assert world.enrol(traveller, examiner) == Denied(Refusal.CONSENT_MISSING, FACE_ENROLMENT)
    assert not examiner.shown
    world.consent(traveller, FACE_ENROLMENT)
    assert isinstance(world.enrol(traveller, examiner), Enrolled)
    assert examiner.shown == [(b"capture", b"\xff\xd8\xff portrait", tuple(world.keys.seeds(traveller)))]
    again = world.enrol(traveller, examiner, capture=b"another")
    assert isinstance(again, Denied)
    assert again.reason is Refusal.NO_PORTRAIT
    # Logging in with a face enrolled brings no portrait back: there is nothing to compare it with.
    world.link()
    with world.begin() as work:
        assert work.travellers.portrait(traveller) is None


def test_an_enrolment_whose_answer_was_lost_is_found_again(world: World) -> None:
    traveller, examiner = world.link().traveller, FakeExaminer(EXAMINED)
    enrolment = world.consent(traveller, FACE_ENROLMENT).record
    world.consent(traveller, E_CHANNEL, ZONE)
    first = world.enrol(traveller, examiner)
    assert isinstance(first, Enrolled)
    world.mint(traveller)
    kinds = _kinds(world, traveller)

    assert world.enrol(traveller, examiner) == first
    assert len(examiner.shown) == 1
    assert _kinds(world, traveller) == kinds  # nothing happened, so nothing is journalled
    with world.begin() as work:
        assert len(work.passes.live(traveller, at=world.at)) == 1
    # What is kept says nothing without the person's key, and another person's same photograph nothing at all.
    other = world.link("person-2").traveller
    world.consent(other, FACE_ENROLMENT)
    world.enrol(other)
    with world.begin() as work:
        mine, theirs = work.templates.find(traveller), work.templates.find(other)
    assert mine is not None
    assert theirs is not None
    assert mine.capture_digest not in (None, theirs.capture_digest, sha256(b"capture").digest())
    # A withdrawn enrolment is not found again.
    world.withdraw(traveller, enrolment.consent_id)
    assert world.enrol(traveller, examiner) == Denied(Refusal.CONSENT_MISSING, FACE_ENROLMENT)
    world.consent(traveller, FACE_ENROLMENT)
    denied = world.enrol(traveller, examiner)
    assert isinstance(denied, Denied)
    assert denied.reason is Refusal.NO_PORTRAIT


def test_two_copies_of_one_enrolment_at_once_make_one(world: World) -> None:
    """The second copy commits while the first is looked at."""
    traveller = world.link().traveller
    world.consent(traveller, FACE_ENROLMENT)

    class Overtaken(FakeExaminer):
        faster: object = None

        def examine(self, capture: bytes, portrait: bytes, seeds: Sequence[bytes]) -> Examined | NotAccepted:
            self.faster = world.enrol(traveller)
            return super().examine(capture, portrait, seeds)

    examiner = Overtaken(EXAMINED)
    assert world.enrol(traveller, examiner) == examiner.faster
    assert _kinds(world, traveller).count("traveller:face:enrolled") == 1


@pytest.mark.parametrize("reason", [Reason.NOT_SAME_PERSON, Reason.NO_FACE, Reason.POOR_QUALITY])
def test_another_face_is_refused_and_the_refusal_is_journalled(world: World, reason: Reason) -> None:
    traveller = world.link().traveller
    world.consent(traveller, FACE_ENROLMENT)

    denied = world.enrol(traveller, FakeExaminer(NotAccepted(reason)))

    assert isinstance(denied, Denied)
    assert denied.reason is reason
    with world.begin() as work:
        assert work.templates.find(traveller) is None
        assert work.travellers.portrait(traveller) is not None
        uses = list_uses(work, keys=world.keys, traveller=traveller)
    assert (uses[0].kind, uses[0].clear["reasons"]) == ("traveller:face:refused", [reason.value])


def test_a_withdrawal_while_the_engine_looks_wins(world: World) -> None:
    traveller = world.link().traveller
    consent = world.consent(traveller, FACE_ENROLMENT).record.consent_id

    class Withdrawing(FakeExaminer):
        def examine(self, capture: bytes, portrait: bytes, seeds: Sequence[bytes]) -> Examined | NotAccepted:
            # No transaction is open meanwhile: this one neither waits nor deadlocks.
            assert isinstance(world.withdraw(traveller, consent), Withdrawn)
            return super().examine(capture, portrait, seeds)

    assert world.enrol(traveller, Withdrawing(EXAMINED)) == Denied(Refusal.CONSENT_MISSING, FACE_ENROLMENT)
    with world.begin() as work:
        assert work.templates.find(traveller) is None


def test_what_rests_in_the_database_is_sealed(world: World) -> None:
    traveller = world.link().traveller
    with world.begin() as work:
        portrait, claims = work.travellers.portrait(traveller), work.travellers.claims(traveller)
    world.consent(traveller, FACE_ENROLMENT)
    world.enrol(traveller)
    with world.begin() as work:
        template = work.templates.find(traveller)
    assert portrait is not None
    assert claims is not None
    assert template is not None
    assert b"portrait" not in portrait
    assert b"CHAN" not in claims
    assert bytes(64) not in template.sealed


def test_forgetting_the_face_revokes_the_passes_and_deletes_the_template(world: World) -> None:
    traveller = world.ready(offline=True)
    world.one_pass(traveller)
    world.one_pass(traveller, PassMode.OFFLINE)

    with world.begin() as work:
        gone = forget_face(
            work, keys=world.keys, status_signer=world.signers[KeyUse.STATUS], traveller=traveller, at=world.at,
            entropy=world.entropy,
        )  # fmt: skip

    assert isinstance(gone, Withdrawn)
    assert gone.revoked_passes == 2
    assert gone.offline_effect == NOON + timedelta(hours=1, seconds=5)
    with world.begin() as work:
        assert work.templates.find(traveller) is None
    refused = world.mint(traveller)
    assert refused == Denied(Refusal.CONSENT_MISSING, FACE_ENROLMENT)


def test_an_enrolment_that_ran_out_takes_the_face_with_it(world: World) -> None:
    traveller = world.ready()
    enrolment = world.consent(traveller, FACE_ENROLMENT).record

    def lapse() -> int:
        with world.begin() as work:
            return lapse_consents(work, keys=world.keys, at=world.at, entropy=world.entropy)

    world.at = enrolment.valid_until - timedelta(seconds=1)
    assert lapse() == 0
    world.at = enrolment.valid_until
    assert (lapse(), lapse()) == (2, 0)
    with world.begin() as work:
        assert work.templates.find(traveller) is None
        assert {record.status for record, _ in work.consents.of(traveller)} == {ConsentStatus.EXPIRED}


def test_erasure_leaves_nothing_of_the_person_and_says_when_it_is_complete(world: World) -> None:
    traveller = world.ready(offline=True)
    world.one_pass(traveller)
    offline = world.one_pass(traveller, PassMode.OFFLINE)

    with world.begin() as work:
        erased = erase(
            work, status_signer=world.signers[KeyUse.STATUS], traveller=traveller, at=world.at, entropy=world.entropy
        )

    assert erased.complete_at == dies_at(epoch_of(NOON))
    # The key outlives the commit, never the other way round; the sweep destroys it, and again after a crash.
    world.keys.key(traveller)
    assert destroy_erased_keys(world.begin, keys=world.keys, at=world.at) == 1
    assert destroy_erased_keys(world.begin, keys=world.keys, at=world.at) == 0
    with pytest.raises(LookupError):
        world.keys.key(traveller)
    with world.begin() as work:
        assert work.templates.find(traveller) is None
        assert work.consents.of(traveller) == []
        assert work.travellers.claims(traveller) is None
        kept = work.passes.find(ZONE, offline.pass_id)
        assert kept is not None
        assert (kept.traveller, kept.device_key, kept.pass_bytes, kept.consents) == (None, b"", b"", ())
        assert kept.revoked_at == NOON
        for look in (show_profile, list_uses):
            with pytest.raises(UnknownTraveller):
                look(work, keys=world.keys, traveller=traveller)
    for use_after in (world.one_pass, lambda who: world.consent(who, E_CHANNEL, ZONE)):
        with pytest.raises(UnknownTraveller):
            use_after(traveller)
    # The same identity coming back is a new person.
    assert world.link().first


def test_erasure_without_offline_passes_is_complete_at_once(world: World) -> None:
    traveller = world.ready()
    world.one_pass(traveller)
    with world.begin() as work:
        erased = erase(
            work, status_signer=world.signers[KeyUse.STATUS], traveller=traveller, at=world.at, entropy=world.entropy
        )
    assert erased.complete_at == NOON


def test_a_person_sees_every_use_with_what_only_they_can_open(world: World) -> None:
    traveller = world.ready()
    minted = world.one_pass(traveller)
    lane = world.lane()
    world.release(lane.request(world.phone.code(minted, world.at), world.at)[1])

    with world.begin() as work:
        uses = list_uses(work, keys=world.keys, traveller=traveller)
        latest = list_uses(work, keys=world.keys, traveller=traveller, limit=1)

    assert [use.kind for use in uses] == [
        "gate:template:released",
        "traveller:pass:minted",
        "traveller:face:enrolled",
        "traveller:consent:granted",
        "traveller:consent:granted",
        "traveller:identity:linked",
    ]
    assert uses[0].clear == {"zone": ZONE, "gate": lane.gate.gate_id, **decided(world, 55)}
    assert uses[0].personal["pass"] == minted.pass_id.hex()
    assert list(latest) == [uses[0]]
