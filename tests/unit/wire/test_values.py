"""Values refuse at construction what verification would refuse, and signers sign only what their key is for."""

import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from broker.wire import device_proof, gate_api, sealed_template, status_list, travel_pass, trust_list
from broker.wire.errors import DecodeError, VerifyError
from broker.wire.gate_api import CrossingReport, EpochSecret
from broker.wire.reasons import Reason
from broker.wire.registry import KeyUse
from broker.wire.trust_list import TrustedKey
from tests.vectors import world as w

PLUS_8 = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    "make",
    [
        lambda: replace(w.ONLINE, pass_id=bytes(15)),
        lambda: replace(w.ONLINE, commitment=bytes(17)),
        lambda: replace(w.ONLINE, zone="hk-szb"),
        lambda: replace(w.ONLINE, device_key=b"\x04" + bytes(32)),
        lambda: replace(w.ONLINE, status_index=2**32),
        lambda: replace(w.ONLINE, expires_at=w.ONLINE.issued_at + timedelta(seconds=601)),
        lambda: replace(w.OFFLINE, expires_at=w.OFFLINE.issued_at + timedelta(seconds=86_401)),
        lambda: replace(w.ONLINE, not_before=w.ONLINE.issued_at - timedelta(seconds=1)),
        lambda: replace(w.ONLINE, issued_at=w.ONLINE.issued_at.replace(tzinfo=None)),
        lambda: replace(w.ONLINE, issued_at=w.ONLINE.issued_at.astimezone(PLUS_8)),
        lambda: replace(w.ONLINE, expires_at=w.ONLINE.expires_at - timedelta(microseconds=1)),
        lambda: replace(w.ONLINE, issued_at=datetime(1969, 12, 31, tzinfo=w.NOW.tzinfo)),
        lambda: replace(w.STATUS_LIST, version=0),
        lambda: replace(w.STATUS_LIST, list_no=4096),
        lambda: replace(w.STATUS_LIST, bits=b""),
        lambda: replace(w.STATUS_LIST, expires_at=w.STATUS_LIST.issued_at),
        lambda: replace(w.TRUST, version=0),
        lambda: replace(w.TRUST, keys=w.TRUST.keys[:1] * 2),
        lambda: TrustedKey(w.ROOT.public, w.NOW, w.NOW + timedelta(days=1)),
        lambda: TrustedKey(w.STATUS.public, w.NOW, w.NOW),
        lambda: sealed_template.FaceTemplate(()),
        lambda: replace(w.PAYLOAD, seeds=()),
        lambda: replace(w.PAYLOAD, salt=b""),
        lambda: EpochSecret(1, bytes(31), w.NOW),
        lambda: CrossingReport("gate", w.ZONE, ()),
        lambda: sealed_template.seal_for_qr(w.PAYLOAD, epoch_secret=bytes(31), epoch=1, pass_id=bytes(16)),
        lambda: w.STATUS_LIST.status(0),
    ],
)
def test_what_would_be_refused_is_never_made(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError):
        make()


def test_a_key_signs_only_what_it_is_for() -> None:
    for sign in (
        lambda: travel_pass.mint(w.ONLINE, w.STATUS),
        lambda: status_list.sign(w.STATUS_LIST, w.PASS_ED),
        lambda: trust_list.sign(w.TRUST, w.PASS_ED),
        lambda: gate_api.sign_request(CrossingReport("g", w.ZONE, ()), w.PASS_ED),
    ):
        with pytest.raises(ValueError):
            sign()


def test_a_list_is_padded_whatever_the_signature_algorithm() -> None:
    signer = w.signer("status es256", KeyUse.STATUS, w.PASS_ES.alg)
    assert len(status_list.sign(w.STATUS_LIST, signer)) % status_list.PAD_TO == 0


def test_status_bits_are_least_significant_first() -> None:
    base = 5 * status_list.LIST_BITS
    assert [w.STATUS_LIST.status(base + i) for i in range(10)] == [True, *[False] * 6, True, True, False]
    assert w.STATUS_LIST.bits[:2] == bytes([0b10000001, 0b1])


def test_epoch_secrets_round_trip_and_are_not_shown() -> None:
    secrets = (EpochSecret(w.EPOCH, w.EPOCH_SECRET, w.NOW),)
    assert gate_api.decode_epoch_secrets(gate_api.encode_epoch_secrets(secrets)) == secrets
    assert w.EPOCH_SECRET.hex() not in repr(secrets)
    assert repr(w.EPOCH_SECRET) not in repr(secrets)
    for bad in (b"", b"\x80\0", b"\xa0", bytes.fromhex("81820000"), bytes.fromhex("8183000000")):
        with pytest.raises(DecodeError):
            gate_api.decode_epoch_secrets(bad)


def test_a_gate_nobody_enrolled_is_unknown() -> None:
    request = gate_api.EpochSecretsRequest(bytes(16), "gate-1", w.ZONE, bytes(1216), w.NOW)
    raw = gate_api.sign_request(request, w.GATE)
    assert gate_api.verify_request(raw, lambda kid: w.GATE.public, at=w.NOW) == request
    with pytest.raises(VerifyError) as refused:
        gate_api.verify_request(raw, lambda kid: w.PASS_ED.public, at=w.NOW)
    assert refused.value.reason is Reason.UNKNOWN_KEY


def test_what_a_template_payload_shows_in_logs() -> None:
    shown = repr(w.PAYLOAD)
    assert w.PAYLOAD.seeds[0].hex() not in shown
    assert repr(w.PAYLOAD.seeds[0]) not in shown
    assert repr(w.PAYLOAD.template.parts[0].vector) not in shown


def test_a_proof_is_for_the_pass_that_was_verified() -> None:
    code, other = w.qr(), w.qr(replace(w.ONLINE, pass_id=bytes(16)))
    verified = travel_pass.verify(code.pass_bytes, w.TRUST, at=w.NOW, expected_zone=w.ZONE)
    device_proof.verify(code, verified, at=w.NOW)
    # The proof alone would do: it signs the verified pass. The code around it shows another.
    with pytest.raises(VerifyError) as refused:
        device_proof.verify(replace(code, pass_bytes=other.pass_bytes), verified, at=w.NOW)
    assert refused.value.reason is Reason.PROOF_FORGED


def test_a_bomb_never_unfolds() -> None:
    bomb = zlib.compress(bytes(64_000_000), 9)
    claims = {2: "urn:tongguan:status:5", 4: 2, 6: 1, 65533: {"bits": 1, "lst": bomb}, 65534: 1, -65540: 1, -65542: b""}
    raw = w.sign1(claims, w.STATUS, protected={1: -8, 4: w.STATUS.kid, 16: status_list.TYP})
    tracemalloc.start()
    with pytest.raises(DecodeError):
        status_list.verify(raw, w.TRUST, at=w.NOW)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000
