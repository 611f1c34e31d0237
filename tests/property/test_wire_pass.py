"""Properties of the pass as a whole: it reads back, no changed bit is accepted, and two passes share nothing."""

from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.wire import base45, cbor, device_proof, sealed_template, travel_pass
from broker.wire.errors import WireError
from broker.wire.keys import P256_ORDER, compressed_point
from broker.wire.qr_payload import PREFIX, TravelQr
from broker.wire.sealed_template import FaceTemplate, TemplatePart, TemplatePayload
from broker.wire.travel_pass import MAX_LIFETIME, PassClaims, PassMode
from tests.bench.mutated_qr import forged, signed
from tests.support.lane_check import check
from tests.vectors import world as w

SECRETS = {w.EPOCH: w.EPOCH_SECRET}


def shown(text: str) -> None:
    check(text, trust_list=w.TRUST, statuses=w.STATUS_LIST, epoch_secrets=SECRETS, at=w.NOW, zone=w.ZONE)


def device(scalar: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(scalar, ec.SECP256R1())


@st.composite
def claims(draw: st.DrawFn) -> PassClaims:
    mode = draw(st.sampled_from(PassMode))
    limit = int(MAX_LIFETIME[mode].total_seconds())
    issued = w.NOW + timedelta(seconds=draw(st.integers(-3600, 3600)))
    end = draw(st.integers(1, limit))
    return PassClaims(
        draw(st.binary(min_size=16, max_size=16)),
        draw(st.from_regex(r"[A-Z0-9-]{2,16}", fullmatch=True)),
        issued,
        issued + timedelta(seconds=draw(st.integers(0, end - 1))),
        issued + timedelta(seconds=end),
        compressed_point(device(draw(st.integers(1, P256_ORDER - 1))).public_key()),
        draw(st.integers(0, 2**32 - 1)),
        draw(st.binary(min_size=16, max_size=16)),
        mode,
    )


@settings(max_examples=100)
@given(claims(), st.sampled_from([w.PASS_ED, w.PASS_ES]))
def test_what_was_minted_reads_back(minted: PassClaims, key: w.LocalSigner) -> None:
    raw = travel_pass.mint(minted, key)
    verified = travel_pass.verify(raw, w.TRUST, at=minted.not_before, expected_zone=minted.zone)
    assert verified.claims == minted
    assert verified.kid == key.kid
    assert len(raw) <= 223  # the longest zone and index; with its proof below 300 bytes


@pytest.mark.parametrize(
    "code",
    [w.qr(), w.qr(w.OFFLINE), w.qr(key=w.PASS_ES)],
    ids=["online", "offline", "es256"],
)
def test_no_changed_bit_is_accepted(code: TravelQr) -> None:
    text = code.to_text()
    shown(text)
    raw = base45.decode(text[len(PREFIX) :])
    for position in range(len(raw)):
        for bit in range(8):
            changed = bytearray(raw)
            changed[position] ^= 1 << bit
            with pytest.raises(WireError):
                shown(PREFIX + base45.encode(bytes(changed)))


def test_no_changed_character_is_accepted() -> None:
    text = w.qr().to_text()
    for position in range(len(text)):
        for letter in "0A:":
            changed = text[:position] + letter + text[position + 1 :]
            if changed != text:
                with pytest.raises(WireError):
                    shown(changed)


def test_twenty_thousand_damaged_codes() -> None:
    tally = forged(20_000, seed=7)
    assert (tally.accepted, tally.undeclared) == (0, 0), tally.findings
    # Every layer had its share: otherwise the damage no longer reaches what it is for.
    assert min(tally.reasons[reason] for reason in REACHED) > 100, tally.reasons
    senseless = signed(3_000, seed=7)
    assert (senseless.undeclared, senseless.misread) == (0, 0), senseless.findings


REACHED = (
    "malformed_qr", "malformed_base45", "malformed_cbor", "malformed_cose", "unknown_key", "bad_signature",
    "proof_forged", "proof_stale", "commitment_mismatch",
)  # fmt: skip


# --- unlinkability -------------------------------------------------------------------------------------------------


def grams(raw: bytes, size: int) -> set[bytes]:
    return {raw[i : i + size] for i in range(len(raw) - size + 1)}


def code_bytes(person: bytes, draw: bytes, zone: str, *, key: int | None = None, salt: bytes | None = None) -> bytes:
    """Return what a code of that person shows, made with the randomness `draw` (96 bytes), less its kids."""
    template = FaceTemplate((TemplatePart("mobilefacenet-192", person * 12),))
    payload = TemplatePayload(salt or draw[:16], template, (person,))
    private = device(key or int.from_bytes(draw[16:48], "big") % (P256_ORDER - 1) + 1)
    pass_id = draw[48:64]
    minted = replace(
        w.OFFLINE,
        pass_id=pass_id,
        zone=zone,
        device_key=compressed_point(private.public_key()),
        status_index=int.from_bytes(draw[64:68], "big"),
        commitment=sealed_template.commitment(payload.salt, template.encode()),
    )
    raw = travel_pass.mint(minted, w.PASS_ED)
    counter = device_proof.counter_at(w.NOW)
    sealed = sealed_template.seal_for_qr(payload, epoch_secret=w.EPOCH_SECRET, epoch=w.EPOCH, pass_id=pass_id)
    code = TravelQr(raw, counter, device_proof.sign(private, raw, counter), sealed)
    return base45.decode(code.to_text()[len(PREFIX) :]).replace(w.PASS_ED.kid, b"")


FRAME = 5


@cache
def crowd() -> frozenset[bytes]:
    """Return the 5-byte runs in codes that 64 strangers made in that moment: the format's own frame."""
    runs: set[bytes] = set()
    for number in range(64):
        zone = ("HK-SZB", "CN-SZB")[number % 2]
        runs |= grams(code_bytes(w.octets(f"stranger {number}", 16), w.octets(f"crowd {number}", 96), zone), FRAME)
    return frozenset(runs)


def own_runs(raw: bytes) -> set[bytes]:
    """Return the 8-byte runs of a code that no frame byte is part of."""
    framed = bytearray(len(raw))
    for i in range(len(raw) - FRAME + 1):
        if raw[i : i + FRAME] in crowd():
            framed[i : i + FRAME] = b"\1" * FRAME
    return {raw[i : i + 8] for i in range(len(raw) - 7) if not any(framed[i : i + 8])}


def linking(one: bytes, two: bytes) -> set[bytes]:
    """Return the runs of 8 bytes that two codes of a person share, the format's frame apart."""
    assert len(own_runs(one)) > 300
    return own_runs(one) & own_runs(two)


@settings(max_examples=150)
@given(st.binary(min_size=16, max_size=16), st.binary(max_size=8))
def test_nothing_links_two_passes_of_one_person(person: bytes, seed: bytes) -> None:
    one, two = (w.octets(f"{seed.hex()} {number}", 96) for number in range(2))
    first = code_bytes(person, one, "HK-SZB")
    assert not linking(first, code_bytes(person, two, "CN-SZB"))
    assert not linking(first, code_bytes(person, two, "HK-SZB"))


def test_the_search_would_find_a_link() -> None:
    one, two = (w.octets(f"link {number}", 96) for number in range(2))
    person = b"m" * 16
    assert linking(code_bytes(person, one, "HK-SZB", key=12345), code_bytes(person, two, "CN-SZB", key=12345))
    salt = bytes(range(16))
    assert linking(code_bytes(person, one, "HK-SZB", salt=salt), code_bytes(person, two, "CN-SZB", salt=salt))


@given(st.binary(min_size=8, max_size=48))
def test_a_template_is_sealed_under_a_key_of_its_own(seed: bytes) -> None:
    """Two payloads never meet one key with the zero nonce, even under one pass id."""
    one = TemplatePayload(w.octets(seed.hex(), 16), w.PAYLOAD.template, w.PAYLOAD.seeds)
    two = replace(one, salt=w.octets(seed.hex() + "!", 16))
    sealed = [
        cbor.decode(sealed_template.seal_for_qr(item, epoch_secret=bytes(32), epoch=1, pass_id=bytes(16))).value[2]
        for item in (one, two)
    ]
    streams = [
        bytes(a ^ b for a, b in zip(text, item.encode(), strict=False))
        for text, item in zip(sealed, (one, two), strict=True)
    ]
    assert streams[0] != streams[1]
