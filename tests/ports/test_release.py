"""Every way a release is refused: one test a reason, over fakes and PostgreSQL. A refusal commits and is journalled."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from broker.core.denial import Denied, GateNotAuthenticated
from broker.core.purpose import E_CHANNEL
from broker.flows.enrol_gate import retire_gate
from broker.flows.record_crossing import Recorded, record_crossing
from broker.flows.release_template import Released
from broker.flows.revoke_pass import Revoked, revoke_pass
from broker.wire import gate_api
from broker.wire.keys import LocalSigner
from broker.wire.reasons import Reason
from broker.wire.registry import KeyUse
from broker.wire.trust_list import TrustList
from tests.support.broker_world import NOON, OTHER_ZONE, ZONE, Lane, World


def denial(world: World, request: bytes) -> Reason:
    answer = world.release(request)
    assert isinstance(answer, Denied), answer
    assert isinstance(answer.reason, Reason)
    return answer.reason


def kinds(world: World, traveller: UUID) -> list[str]:
    with world.begin() as work:
        return [
            use.kind
            for use in work.journal.of_traveller(traveller, key=world.keys.key(traveller), limit=50, before=None)
        ]


@pytest.fixture
def shown(world: World) -> tuple[UUID, Lane, str]:
    """A traveller, a lane of their zone, and the code they show."""
    traveller = world.ready()
    return traveller, world.lane(), world.phone.code(world.one_pass(traveller), world.at)


def test_the_code_is_checked_as_if_no_gate_had_looked_at_it(world: World, shown: tuple[UUID, Lane, str]) -> None:
    traveller, lane, code = shown
    tampered = code[:-1] + ("A" if code[-1] != "A" else "B")

    assert denial(world, lane.request("TG1:!!", world.at)[1]) is Reason.MALFORMED_BASE45
    assert denial(world, lane.request(tampered, world.at)[1]) in {
        Reason.PROOF_FORGED, Reason.MALFORMED_CBOR, Reason.MALFORMED_BASE45, Reason.MALFORMED_QR,
    }  # fmt: skip
    world.at += timedelta(seconds=40)
    assert denial(world, lane.request(code, world.at)[1]) is Reason.PROOF_STALE
    world.at += timedelta(minutes=20)
    assert denial(world, lane.request(code, world.at)[1]) is Reason.EXPIRED
    world.at = NOON
    assert isinstance(world.release(lane.request(code, world.at)[1]), Released)
    assert "gate:template:released" in kinds(world, traveller)


def test_a_pass_signed_by_a_key_we_do_not_list_is_refused(world: World, shown: tuple[UUID, Lane, str]) -> None:
    _, lane, code = shown
    world.trust_list = TrustList(2, NOON - timedelta(days=1), NOON + timedelta(days=1), world.trusted_keys[1:])
    assert denial(world, lane.request(code, world.at)[1]) is Reason.UNKNOWN_KEY


def test_a_pass_that_was_never_minted_here_is_refused(world: World, shown: tuple[UUID, Lane, str]) -> None:
    _, lane, code = shown
    with world.begin() as work:
        assert work.passes.drop_expired_before(NOON + timedelta(days=1)) == 1
    assert denial(world, lane.request(code, world.at)[1]) is Reason.RELEASE_REFUSED


def test_a_gate_gets_templates_for_its_own_zone_only(world: World, shown: tuple[UUID, Lane, str]) -> None:
    _, lane, code = shown
    elsewhere = world.lane(OTHER_ZONE)
    assert denial(world, elsewhere.request(code, world.at)[1]) is Reason.WRONG_ZONE
    # Naming the pass's zone does not help a gate of another one.
    assert denial(world, elsewhere.request(code, world.at, zone=ZONE)[1]) is Reason.WRONG_ZONE
    posing = replace(elsewhere, gate=replace(elsewhere.gate, gate_id=lane.gate.gate_id, zone=ZONE))
    assert denial(world, posing.request(code, world.at)[1]) is Reason.WRONG_ZONE


def test_a_retired_gate_gets_nothing(world: World, shown: tuple[UUID, Lane, str]) -> None:
    _, lane, code = shown
    with world.begin() as work:
        retire_gate(work, gate_id=lane.gate.gate_id, at=world.at, entropy=world.entropy)
    with pytest.raises(GateNotAuthenticated) as caught:
        world.release(lane.request(code, world.at)[1])
    assert caught.value.reason is Reason.UNKNOWN_KEY


def test_a_request_nobody_we_know_signed_is_not_even_journalled(world: World, shown: tuple[UUID, Lane, str]) -> None:
    traveller, lane, code = shown
    before = kinds(world, traveller)
    stranger = replace(lane, signer=LocalSigner.generate(KeyUse.GATE))
    _, request = lane.request(code, world.at)
    forged = request[:-1] + bytes([request[-1] ^ 1])

    for raw, reason in (
        (stranger.request(code, world.at)[1], Reason.UNKNOWN_KEY),
        (forged, Reason.BAD_SIGNATURE),
        (lane.request(code, world.at - timedelta(minutes=2))[1], Reason.CLOCK_DRIFT),
        (b"\x00", Reason.MALFORMED_COSE),
        (lane.report(lane.crossed(None, world.at)), Reason.MALFORMED_CLAIMS),
    ):
        with pytest.raises(GateNotAuthenticated) as caught:
            world.release(raw)
        assert caught.value.reason is reason
    assert kinds(world, traveller) == before


def test_a_revoked_pass_is_refused(world: World, shown: tuple[UUID, Lane, str]) -> None:
    traveller, lane, _ = shown
    minted = world.one_pass(traveller)
    with world.begin() as work:
        revoked = revoke_pass(
            work, keys=world.keys, status_signer=world.signers[KeyUse.STATUS], traveller=traveller,
            pass_id=minted.pass_id, at=world.at, entropy=world.entropy,
        )  # fmt: skip
    assert revoked == Revoked(minted.pass_id, None)
    assert denial(world, lane.request(world.phone.code(minted, world.at), world.at)[1]) is Reason.REVOKED
    assert kinds(world, traveller)[0] == "gate:template:refused"


def test_a_withdrawn_and_a_lapsed_consent_are_told_apart(world: World, shown: tuple[UUID, Lane, str]) -> None:
    traveller, lane, _ = shown
    minted = world.one_pass(traveller)
    consent = world.consent(traveller, E_CHANNEL, ZONE).record
    with world.begin() as work:
        issued = work.passes.find(ZONE, minted.pass_id)
    assert issued is not None
    assert consent.consent_id in issued.consents
    world.withdraw(traveller, consent.consent_id)
    # Agreeing again does not bring back a pass that rests on the withdrawn record.
    world.consent(traveller, E_CHANNEL, ZONE)
    assert denial(world, lane.request(world.phone.code(minted, world.at), world.at)[1]) is Reason.CONSENT_WITHDRAWN


def test_after_a_crossing_the_pass_is_spent(world: World, shown: tuple[UUID, Lane, str]) -> None:
    traveller, lane, _ = shown
    minted = world.one_pass(traveller)
    event = lane.crossed(minted.pass_id, world.at)
    with world.begin() as work:
        done = record_crossing(work, keys=world.keys, report=lane.report(event), at=world.at, entropy=world.entropy)
    assert done == Recorded((event.event_id,), ())
    assert denial(world, lane.request(world.phone.code(minted, world.at), world.at)[1]) is Reason.ALREADY_SPENT


def test_a_retake_at_the_same_gate_works_with_the_next_proof(world: World, shown: tuple[UUID, Lane, str]) -> None:
    traveller, lane, _ = shown
    minted = world.one_pass(traveller)
    first = lane.request(world.phone.code(minted, world.at), world.at)[1]
    assert isinstance(world.release(first), Released)
    assert denial(world, first) is Reason.ALREADY_RELEASED
    assert denial(world, lane.request(world.phone.code(minted, world.at), world.at)[1]) is Reason.ALREADY_RELEASED

    world.at += timedelta(seconds=15)

    assert isinstance(world.release(lane.request(world.phone.code(minted, world.at), world.at)[1]), Released)


def test_a_reservation_holds_for_a_minute_and_then_lapses(world: World, shown: tuple[UUID, Lane, str]) -> None:
    traveller, lane, _ = shown
    other, minted = world.lane(), world.one_pass(traveller)
    assert isinstance(world.release(lane.request(world.phone.code(minted, world.at), world.at)[1]), Released)

    world.at += timedelta(seconds=59)
    code = world.phone.code(minted, world.at)
    assert denial(world, other.request(code, world.at)[1]) is Reason.ALREADY_RESERVED
    # A refusal uses the proof up for nobody.
    world.at += timedelta(seconds=1)
    assert isinstance(world.release(other.request(code, world.at)[1]), Released)
    assert denial(world, lane.request(code, world.at)[1]) is Reason.ALREADY_RESERVED


def test_a_new_enrolment_ends_the_passes_of_the_old_one(world: World, shown: tuple[UUID, Lane, str]) -> None:
    traveller, lane, code = shown
    with world.begin() as work:
        work.templates.discard(traveller)
    assert denial(world, lane.request(code, world.at)[1]) is Reason.TEMPLATE_UNAVAILABLE


def test_a_key_that_nobody_can_seal_to_is_refused_and_uses_nothing_up(
    world: World, shown: tuple[UUID, Lane, str]
) -> None:
    _, lane, code = shown
    message, good = lane.request(code, world.at)
    bad = gate_api.sign_request(replace(message, hpke_public=b"\xff" * len(message.hpke_public)), lane.signer)
    assert denial(world, bad) is Reason.MALFORMED_CLAIMS
    assert isinstance(world.release(good), Released)
