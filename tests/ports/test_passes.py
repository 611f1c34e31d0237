"""Minting, epochs, lists, gates and crossings: over fakes and PostgreSQL."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from broker.core.denial import Denied, GateNotAuthenticated, InvalidInput, Refusal
from broker.core.epoch import dies_at, epoch_of
from broker.core.gate import Gate
from broker.core.purpose import E_CHANNEL, FACE_ENROLMENT, OFFLINE_PASS
from broker.flows.enrol_gate import enrol_gate, invite_gate
from broker.flows.epoch_secrets import SealedSecrets, epoch_secrets, open_epoch, retire_epoch_secrets
from broker.flows.mint_pass import DRAWS
from broker.flows.publish_status_list import REFRESH, current_status_list
from broker.flows.publish_trust_list import REFRESH as TRUST_REFRESH
from broker.flows.publish_trust_list import publish_trust_list
from broker.flows.record_crossing import Recorded, record_crossing
from broker.flows.withdraw_consent import Withdrawn
from broker.wire import cbor, cose, gate_api, status_list, travel_pass, trust_list
from broker.wire.keys import LocalSigner
from broker.wire.qr_payload import parse_qr
from broker.wire.reasons import Reason
from broker.wire.registry import KeyUse
from broker.wire.sealed_template import open_from_qr
from broker.wire.status_list import LIST_BITS
from broker.wire.travel_pass import PassMode
from tests.support.broker_world import A_MOMENT_LATER, NOON, TEMPLATE, ZONE, Lane, World


def secrets(world: World, lane: Lane) -> dict[int, bytes]:
    message = gate_api.EpochSecretsRequest(
        lane.entropy(16), lane.gate.gate_id, lane.gate.zone, lane.key.public_bytes(), world.at
    )
    request = gate_api.sign_request(message, lane.signer)
    with world.begin() as work:
        answer = epoch_secrets(work, keys=world.keys, request=request, at=world.at, entropy=world.entropy)
    assert isinstance(answer, SealedSecrets), answer
    opened = gate_api.decode_epoch_secrets(lane.key.open(answer.ciphertext, message.info(request)))
    assert all(secret.expires_at == dies_at(secret.epoch) for secret in opened)
    return {secret.epoch: secret.secret for secret in opened}


def test_an_offline_code_opens_with_the_zones_secret_and_with_one_embedder(world: World) -> None:
    traveller = world.ready(offline=True)
    minted = world.one_pass(traveller, PassMode.OFFLINE)
    qr = parse_qr(world.phone.code(minted, world.at))
    shown = travel_pass.verify(qr.pass_bytes, world.trust_list, at=world.at, expected_zone=ZONE)
    assert qr.sealed_template is not None

    payload = open_from_qr(
        qr.sealed_template,
        epoch_secret=secrets(world, world.lane())[epoch_of(NOON)],
        pass_id=minted.pass_id,
        expected_commitment=shown.claims.commitment,
    )

    assert [part.embedder for part in payload.template.parts] == ["mobilefacenet-192"]
    assert payload.template.parts[0] == TEMPLATE.parts[1]
    assert payload.seeds == (world.keys.seeds(traveller)[1],)
    assert minted.expires_at == NOON + timedelta(hours=24)


def test_passes_for_two_zones_share_nothing(world: World) -> None:
    traveller = world.ready()
    world.consent(traveller, E_CHANNEL, "CN-SZB")
    here, there = world.one_pass(traveller), world.mint(traveller, zone="CN-SZB")
    assert isinstance(there, tuple)
    first, second = (
        travel_pass.verify(raw, world.trust_list, at=NOON, expected_zone=zone).claims
        for raw, zone in ((here.pass_bytes, ZONE), (there[0].pass_bytes, "CN-SZB"))
    )
    for name in ("pass_id", "device_key", "status_index", "commitment"):
        assert getattr(first, name) != getattr(second, name)


@pytest.mark.parametrize(
    ("mode", "given", "missing"),
    [
        (PassMode.ONLINE, [FACE_ENROLMENT], E_CHANNEL),
        (PassMode.OFFLINE, [FACE_ENROLMENT, E_CHANNEL], OFFLINE_PASS),
        (PassMode.OFFLINE, [FACE_ENROLMENT, OFFLINE_PASS], E_CHANNEL),
        (PassMode.ONLINE, [E_CHANNEL], FACE_ENROLMENT),
    ],
)
def test_each_consent_that_is_missing_is_named(world: World, mode: PassMode, given: list[str], missing: str) -> None:
    traveller = world.link().traveller
    for purpose in given:
        world.consent(traveller, purpose, None if purpose == FACE_ENROLMENT else ZONE)
    assert world.mint(traveller, mode=mode) == Denied(Refusal.CONSENT_MISSING, missing)


def test_nobody_mints_without_a_face(world: World) -> None:
    traveller = world.link().traveller
    world.consent(traveller, FACE_ENROLMENT)
    world.consent(traveller, E_CHANNEL, ZONE)
    denied = world.mint(traveller)
    assert isinstance(denied, Denied)
    assert denied.reason is Reason.TEMPLATE_UNAVAILABLE
    with world.begin() as work:
        last = work.journal.of_traveller(traveller, key=world.keys.key(traveller), limit=1, before=None)[0]
    assert last.kind == "traveller:pass:refused"
    assert last.clear == {"zone": ZONE, "mode": "online", "reasons": ["template_unavailable"]}


def test_no_pass_outlives_the_consent_it_rests_on(world: World) -> None:
    traveller = world.ready(offline=True)
    given = world.consent(traveller, OFFLINE_PASS, ZONE).record
    world.at = given.valid_until - timedelta(hours=3)
    assert world.one_pass(traveller, PassMode.OFFLINE).expires_at == given.valid_until


def test_device_keys_are_points_one_to_twenty_and_each_but_once(world: World) -> None:
    traveller = world.ready()
    good = world.phone.new_keys(21)
    for keys in (good, [good[0], good[0]], [b"\x02" + b"\xff" * 32], [b"\x04" + b"\x00" * 64], [b""]):
        with pytest.raises(InvalidInput) as caught:
            world.mint(traveller, keys)
        assert caught.value.code == "bad_device_keys"


def test_a_key_whose_pass_is_over_gets_no_other(world: World) -> None:
    traveller = world.ready()
    keys = world.phone.new_keys()
    world.mint(traveller, keys)
    world.at += timedelta(minutes=10)
    denied = world.mint(traveller, keys)
    assert isinstance(denied, Denied)
    assert denied.reason is Refusal.DEVICE_KEY_USED


def test_a_key_whose_pass_was_spent_gets_no_other(world: World) -> None:
    traveller, lane, keys = world.ready(), world.lane(), world.phone.new_keys()
    minted = world.mint(traveller, keys)
    assert isinstance(minted, tuple)
    with world.begin() as work:
        report = lane.report(lane.crossed(minted[0].pass_id, world.at))
        record_crossing(work, keys=world.keys, report=report, at=world.at, entropy=world.entropy)
    denied = world.mint(traveller, keys)
    assert isinstance(denied, Denied)
    assert denied.reason is Refusal.DEVICE_KEY_USED


def test_epoch_secrets_differ_by_zone_and_day_and_die_an_hour_after_the_last_pass(world: World) -> None:
    traveller = world.ready(offline=True)
    world.one_pass(traveller, PassMode.OFFLINE)
    today = epoch_of(NOON)
    here, there = secrets(world, world.lane()), secrets(world, world.lane("CN-SZB"))
    # Noon: today's, and yesterday's whose passes live until tonight. Tomorrow's is not handed out this early.
    assert set(here) == {today - 1, today}
    assert len({*here.values(), *there.values()}) == 4
    world.at = NOON + timedelta(hours=6)
    assert set(secrets(world, world.lane())) == {today - 1, today, today + 1}

    def retire() -> int:
        with world.begin() as work:
            return retire_epoch_secrets(work, keys=world.keys, at=world.at, entropy=world.entropy)

    world.at = dies_at(today) - timedelta(seconds=1)
    retire()
    with world.begin() as work:
        assert open_epoch(work, world.keys, zone=ZONE, epoch=today) == here[today]
    world.at = dies_at(today)
    assert retire() == 2
    assert retire() == 0
    with pytest.raises(LookupError), world.begin() as work:
        open_epoch(work, world.keys, zone=ZONE, epoch=today)


def test_a_status_list_is_signed_anew_when_it_ages_and_never_loses_a_version(world: World) -> None:
    signer = world.signers[KeyUse.STATUS]

    def current(list_no: int = 0) -> int | None:
        with world.begin() as work:
            assert list(work.status.in_use(world.at)) == [0]
            published = current_status_list(work, signer=signer, list_no=list_no, at=world.at)
        if published is None:
            return None
        seen = status_list.verify(published.raw, world.trust_list, at=world.at)
        assert seen.version == published.version
        return seen.version

    assert (current(), current()) == (1, 1)
    world.at += REFRESH
    assert current() == 2
    assert current(7) is None


def test_a_trust_list_is_signed_anew_when_keys_change_or_a_day_has_passed(world: World) -> None:
    root = world.signers[KeyUse.ROOT]

    def publish(keys: tuple[trust_list.TrustedKey, ...]) -> int:
        with world.begin() as work:
            published = publish_trust_list(work, root=root, keys=keys, at=world.at)
        seen = trust_list.verify(published.raw, root.public, at=world.at)
        assert set(seen.keys) == set(keys)
        return seen.version

    both, one = world.trusted_keys, world.trusted_keys[:1]
    assert [publish(both), publish(both[::-1]), publish(one), publish(one)] == [1, 1, 2, 2]
    world.at += TRUST_REFRESH
    assert publish(one) == 3
    with pytest.raises(ValueError, match="at least one key"), world.begin() as work:
        publish_trust_list(work, root=root, keys=(), at=world.at)


def test_a_gate_enrols_once_with_its_code_and_again_when_the_answer_was_lost(world: World) -> None:
    key, other = (LocalSigner.generate(KeyUse.GATE).public.to_cose_key() for _ in range(2))
    with world.begin() as work:
        invited = invite_gate(work, rulebook=world.rulebook, zone=ZONE, at=world.at, entropy=world.entropy)

    def join(code: str, public: bytes) -> Gate | Denied:
        with world.begin() as work:
            return enrol_gate(work, code=code, public_key=public, at=world.at, entropy=world.entropy)

    assert join("AAAA-AAAA-AAAA-AAAA", key) == Denied(Refusal.INVITATION_INVALID, "no such code")
    gate = join(invited.code.lower().replace("-", " "), key)
    assert isinstance(gate, Gate)
    assert (gate.gate_id, gate.zone) == (invited.gate_id, ZONE)
    assert join(invited.code, key) == gate
    assert join(invited.code, other) == Denied(Refusal.INVITATION_INVALID, "the code was used")
    with pytest.raises(InvalidInput):
        join(invited.code, b"\xa0")
    with world.begin() as work:
        late = invite_gate(work, rulebook=world.rulebook, zone=ZONE, at=world.at, entropy=world.entropy)
    world.at = late.expires_at
    assert join(late.code, other) == Denied(Refusal.INVITATION_INVALID, "the code expired")


def test_crossings_are_kept_once_and_a_second_spend_is_flagged_not_lost(world: World) -> None:
    traveller = world.ready()
    minted, lane, other = world.one_pass(traveller), world.lane(), world.lane()
    opened, referred = lane.crossed(minted.pass_id, NOON), lane.crossed(None, NOON, opened=False)
    second = other.crossed(minted.pass_id, NOON)

    def send(raw: bytes) -> Recorded | Denied:
        with world.begin() as work:
            return record_crossing(work, keys=world.keys, report=raw, at=world.at, entropy=world.entropy)

    first = send(lane.report(opened, referred))
    assert first == Recorded((opened.event_id, referred.event_id), ())
    assert send(lane.report(opened, referred)) == first
    assert send(other.report(second)) == Recorded((second.event_id,), (second.event_id,))
    assert send(other.report(second)) == Recorded((second.event_id,), ())
    with world.begin() as work:
        uses = work.journal.of_traveller(traveller, key=world.keys.key(traveller), limit=10, before=None)
    assert [use.kind for use in uses][:2] == ["gate:crossing:conflicted", "gate:crossing:recorded"]
    assert uses[1].clear["decision"] == "cleared"
    assert uses[1].personal["pass"] == minted.pass_id.hex()


def test_a_gate_that_writes_too_much_spoils_nothing(world: World) -> None:
    traveller = world.ready()
    minted, lane = world.one_pass(traveller), world.lane()
    opened = lane.crossed(minted.pass_id, NOON)

    def send(raw: bytes) -> Recorded | Denied:
        with world.begin() as work:
            return record_crossing(work, keys=world.keys, report=raw, at=world.at, entropy=world.entropy)

    def named(count: int, size: int) -> bytes:
        """The report as a gate without our checks would write and sign it."""
        report = cbor.decode(cbor.decode(lane.report(opened)).value[2])
        report[8][0][12] = {f"{number:0{size}}": "f" * size for number in range(count)}
        return cose.sign1(cbor.encode(report), lane.signer, external_aad=gate_api.DOMAIN)

    for count, size in ((17, 64), (5_000, 64), (1, 65), (1, 20_000)):
        with pytest.raises(GateNotAuthenticated) as refused:
            send(named(count, size))
        assert refused.value.reason is Reason.MALFORMED_CLAIMS
    assert send(named(16, 64)) == Recorded((opened.event_id,), ())
    with world.begin() as work:
        (use, *_) = work.journal.of_traveller(traveller, key=world.keys.key(traveller), limit=1, before=None)
    assert len(use.clear["models"]) == 16


def test_everything_that_is_signed_copes_with_a_clock_between_two_seconds(world: World) -> None:
    world.at = A_MOMENT_LATER
    traveller = world.ready(offline=True)
    for mode in PassMode:
        minted = world.one_pass(traveller, mode)
        claims = travel_pass.verify(minted.pass_bytes, world.trust_list, at=world.at, expected_zone=ZONE).claims
        # On the minute: batches of one traveller must not be linkable by their times.
        assert claims.issued_at == claims.not_before == NOON
    assert isinstance(world.withdraw(traveller, world.consent(traveller, E_CHANNEL, ZONE).record.consent_id), Withdrawn)
    with world.begin() as work:
        published = publish_trust_list(work, root=world.signers[KeyUse.ROOT], keys=world.trusted_keys, at=world.at)
        assert status_list.verify(work.status.published(0).raw, world.trust_list, at=world.at).version == 1
    trust_list.verify(published.raw, world.signers[KeyUse.ROOT].public, at=world.at)


def test_status_indices_are_never_given_out_twice(world: World) -> None:
    # Entropy that repeats itself proposes the same indices again, within a batch and from one batch to the next.
    traveller, indices = world.ready(), Repeating(world.entropy, [0, 0, 1, 1, 0, 1, 2, 2, 3])
    world.entropy = indices  # type: ignore[assignment]
    minted = [world.mint(traveller, world.phone.new_keys(2)) for _ in range(2)]
    assert all(isinstance(batch, tuple) and len(batch) == 2 for batch in minted)
    assert sorted(_status_indices(world, traveller)) == [0, 1, 2, 3]


def test_a_list_that_takes_no_more_is_followed_by_the_next(world: World) -> None:
    traveller = world.ready()
    world.entropy = Repeating(world.entropy, [7])  # type: ignore[assignment]
    world.one_pass(traveller)
    world.entropy = Repeating(world.entropy, [7] * (DRAWS + 1))  # type: ignore[assignment]
    world.one_pass(traveller)
    assert sorted(_status_indices(world, traveller)) == [7, LIST_BITS + 7]


class Repeating:
    """Entropy whose status draws (four bytes each) are given."""

    def __init__(self, beneath: Callable[[int], bytes], draws: Sequence[int]) -> None:
        self._beneath, self._draws = beneath, iter(draws)

    def __call__(self, size: int) -> bytes:
        return next(self._draws).to_bytes(4, "big") if size == 4 else self._beneath(size)


def _status_indices(world: World, traveller: UUID) -> list[int]:
    with world.begin() as work:
        return [issued.status_index for issued in work.passes.live(traveller, at=world.at)]


def test_old_passes_go_and_their_status_bits_stay(world: World) -> None:
    traveller = world.ready()
    minted, lane = world.one_pass(traveller), world.lane()
    world.release(lane.request(world.phone.code(minted, world.at), world.at)[1])
    with world.begin() as work:
        issued = work.passes.find(ZONE, minted.pass_id)
        assert issued is not None
        work.status.revoke([issued.status_index], NOON)
        assert work.passes.drop_expired_before(NOON) == 0
        assert work.passes.drop_expired_before(NOON + timedelta(days=1)) == 1
    with world.begin() as work:
        assert work.passes.find(ZONE, minted.pass_id) is None
        assert list(work.status.revoked_offsets(0)) == [issued.status_index]


def test_portraits_nobody_enrolled_with_are_deleted(world: World) -> None:
    traveller = world.link().traveller
    with world.begin() as work:
        assert work.travellers.discard_portraits_before(NOON) == 0
        assert work.travellers.discard_portraits_before(NOON + timedelta(seconds=1)) == 1
        assert work.travellers.portrait(traveller) is None
