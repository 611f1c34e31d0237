"""Cases of the travel pass and its device proof."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from broker.wire import cbor, device_proof, travel_pass
from broker.wire.cbor import Tagged
from broker.wire.keys import cose_key_of_point
from broker.wire.qr_payload import TravelQr
from tests.vectors import world as w
from tests.vectors.cases_codec import CaseJson, case

SECOND = timedelta(seconds=1)
COMMON = {"trust_list": w.TRUST_BYTES.hex(), "root_key": w.ROOT.public.to_cose_key().hex(), "zone": w.ZONE}


def _given(raw: bytes, **more: Any) -> dict[str, Any]:
    return {"hex": raw.hex(), "at": w.instant(more.pop("at", w.NOW)), **more}


def pass_cases() -> Iterator[CaseJson]:
    yield from _accepted()
    yield from _malformed()
    yield from _distrusted()
    yield from _bad_claims()


def _accepted() -> Iterator[CaseJson]:
    for name, claims, key in (
        ("EdDSA online", w.ONLINE, w.PASS_ED),
        ("EdDSA offline", w.OFFLINE, w.PASS_ED),
        ("ES256 online", w.ONLINE, w.PASS_ES),
    ):
        raw = travel_pass.mint(claims, key)
        mint = {"mint_key": key.private_bytes().hex()}
        yield case(name, "minting these claims gives these bytes", _given(raw, **mint), ok=w.claims_json(claims))
    raw = travel_pass.mint(w.ONLINE, w.PASS_ED)
    start, end = w.ONLINE.not_before, w.ONLINE.expires_at
    ok = w.claims_json(w.ONLINE)
    yield case("first moment", "5 s of skew before nbf", _given(raw, at=start - 5 * SECOND), ok=ok)
    yield case("last moment", "5 s of skew after exp", _given(raw, at=end + 5 * SECOND - SECOND / 1000), ok=ok)
    yield case("too early", "before nbf less the skew", _given(raw, at=start - 5.001 * SECOND), reason="not_yet_valid")
    yield case("too late", "exp and the skew have passed", _given(raw, at=end + 5 * SECOND), reason="expired")
    yield case("another zone", "aud names the one zone", _given(raw, zone="CN-SZB"), reason="wrong_zone")
    es = travel_pass.mint(w.ONLINE, w.PASS_ES)
    twin = es[:-64] + w.malleated(es[-64:])
    yield case("ES256 with n - s", "verifies: so nothing is ever keyed on signature bytes", _given(twin), ok=ok)


def _malformed() -> Iterator[CaseJson]:
    raw = travel_pass.mint(w.ONLINE, w.PASS_ED)
    array = cbor.decode(raw).value
    yield case("empty", "no bytes", _given(b""), reason="malformed_cbor")
    yield case("cut", "the last byte is gone", _given(raw[:-1]), reason="malformed_cbor")
    yield case("added byte", "left over", _given(raw + b"\0"), reason="malformed_cbor")
    yield case("too long", "no pass is beyond 256 bytes", _given(raw + bytes(256)), reason="malformed_cbor")
    yield case("long tag", "shortest form", _given(b"\xd8\x12" + raw[1:]), reason="malformed_cbor")
    yield case("not COSE", "the payload alone", _given(array[2]), reason="malformed_cose")
    yield case("untagged", "the profile has one encoding", _given(raw[1:]), reason="malformed_cose")
    loose = w.sign1(w.claims_map(), unprotected={99: 1})
    yield case("unprotected header", "nothing rides unsigned", _given(loose), reason="malformed_cose")
    typed = w.sign1(w.claims_map(), protected={1: -8, 4: w.PASS_ED.kid, 16: "JWT"})
    yield case("extra header", "alg and kid only", _given(typed), reason="malformed_cose")
    cut = cbor.encode(Tagged(18, [*array[:3], array[3][:-1]]))
    yield case("short signature", "64 bytes", _given(cut), reason="malformed_cose")


def _distrusted() -> Iterator[CaseJson]:
    raw = travel_pass.mint(w.ONLINE, w.PASS_ED)
    for name, why, key in (
        ("stranger's key", "nobody listed it", w.STRANGER),
        ("retired key", "its interval is over", w.PASS_RETIRED),
        ("future key", "its interval has not begun", w.PASS_FUTURE),
        ("status key", "listed, for another use", w.STATUS),
        ("root key", "the root signs the trust list only", w.ROOT),
    ):
        yield case(name, why, _given(w.sign1(w.claims_map(), key)), reason="unknown_key")
    late = w.TRUST.expires_at
    fresh = replace(w.ONLINE, issued_at=late, not_before=late, expires_at=late + 600 * SECOND)
    yield case(
        "expired trust list", "no list, no key", _given(travel_pass.mint(fresh, w.PASS_ED), at=late),
        reason="unknown_key",
    )  # fmt: skip
    yield case("altered signature", "one bit", _given(w.flipped(raw, -1)), reason="bad_signature")
    yield case("altered zone", "one bit of the claims", _given(w.flipped(raw, 22)), reason="bad_signature")
    wrong = w.sign1(w.claims_map(), protected={1: -7, 4: w.PASS_ED.kid})
    yield case("wrong alg for the key", "alg is fixed per key", _given(wrong), reason="bad_signature")
    s = int.from_bytes(raw[-32:], "little") + w.ED25519_ORDER
    twin = raw[:-32] + s.to_bytes(32, "little")
    yield case("EdDSA with S + L", "RFC 8032 5.1.7: S below the order", _given(twin), reason="bad_signature")
    swapped = w.sign1(w.claims_map(), w.STRANGER, protected={1: -8, 4: w.PASS_ED.kid})
    yield case("kid of another", "signed by a stranger", _given(swapped), reason="bad_signature")
    zero = raw[:-64] + bytes(64)
    yield case("zero signature", "signs nothing", _given(zero), reason="bad_signature")


def _bad_claims() -> Iterator[CaseJson]:
    key = cose_key_of_point(w.ONLINE.device_key)
    changes: list[tuple[str, dict[str, Any]]] = [
        *((f"without claim {name}", {name: None}) for name in ("c3", "c4", "c5", "c6", "c7", "c8")),
        *((f"without claim {name}", {name: None}) for name in ("m65537", "m65538", "m65539")),
        ("with a claim too many", {"c1": "issuer"}),
        ("with a consent id", {"m65550": bytes(16)}),
        ("zone as number", {"c3": 1}),
        ("zone in lower case", {"c3": "hk-szb"}),
        ("zone with a line end", {"c3": "HK-SZB\n"}),
        ("exp as text", {"c4": "soon"}),
        ("exp as float", {"c4": float(w.ONLINE.expires_at.timestamp())}),
        ("exp beyond the calendar", {"c4": 2**62}),
        ("negative iat", {"c6": -1}),
        ("iat true", {"c6": True}),
        ("nbf before iat", {"c5": int(w.ONLINE.issued_at.timestamp()) - 1}),
        ("exp at nbf", {"c4": int(w.ONLINE.not_before.timestamp())}),
        ("online for more than 10 min", {"c4": int(w.ONLINE.issued_at.timestamp()) + 601}),
        ("offline for more than 24 h", {"c4": int(w.ONLINE.issued_at.timestamp()) + 86401, "m65539": 1}),
        ("pass id of 15 bytes", {"c7": bytes(15)}),
        ("pass id as text", {"c7": "0123456789abcdef"}),
        ("device key absent", {"c8": {}}),
        ("device key with a kid", {"c8": {1: {**key, 2: b"kid"}}}),
        ("device key Ed25519", {"c8": {1: {1: 1, -1: 6, -2: bytes(32)}}}),
        ("device key P-384", {"c8": {1: {**key, -1: 2}}}),
        ("device key uncompressed", {"c8": {1: {**key, -3: bytes(32)}}}),
        ("device key of 31 bytes", {"c8": {1: {**key, -2: bytes(31)}}}),
        ("status index of 33 bits", {"m65537": 2**32}),
        ("negative status index", {"m65537": -1}),
        ("commitment of 15 bytes", {"m65538": bytes(15)}),
        ("unknown mode", {"m65539": 2}),
    ]
    for name, change in changes:
        raw = w.sign1(w.claims_map(**change))
        yield case(name, "well signed, and not a pass", _given(raw), reason="malformed_claims")
    yield case("claims as array", "a CWT is a map", _given(w.sign1([1, 2])), reason="malformed_claims")
    yield case("claims not CBOR", "well signed, and not CBOR", _given(w.sign1(b"\xff")), reason="malformed_cbor")
    unsorted = b"\xa2\x04\x00\x03\x00"
    yield case("claims out of order", "one encoding", _given(w.sign1(unsorted)), reason="malformed_cbor")


def proof_cases() -> Iterator[CaseJson]:
    code = w.qr()
    message = device_proof.message(code.pass_bytes, code.counter).hex()
    key = w.DEVICE.private_numbers().private_value.to_bytes(32, "big").hex()
    ok = {"counter": code.counter, "message": message}

    def given(qr: TravelQr, **more: Any) -> dict[str, Any]:
        return {"text": qr.to_text(), "at": w.instant(more.pop("at", w.NOW)), **more}

    yield case(
        "fresh proof", "signing `message` with `device_key` makes such a proof", given(code, device_key=key), ok=ok
    )
    yield case("offline pass", "carries its template", given(w.qr(w.OFFLINE)), ok={"counter": code.counter})
    twin = replace(code, proof=w.malleated(code.proof))
    yield case("n - s", "verifies: spending goes by pass id, never by proof bytes", given(twin), ok=ok)
    opens = w.NOW
    yield case("earliest", "5 s before the window", given(code, at=opens - 5 * SECOND), ok=ok)
    yield case("latest", "5 s after the window", given(code, at=opens + 19.999 * SECOND), ok=ok)
    yield case("early", "more than 5 s before", given(code, at=opens - 5.001 * SECOND), reason="proof_stale")
    yield case("stale", "one window and 5 s later", given(code, at=opens + 20 * SECOND), reason="proof_stale")
    screenshot = w.qr(at=w.NOW - 60 * SECOND)
    yield case("screenshot of a minute ago", "copies die in seconds", given(screenshot), reason="proof_stale")
    presigned = w.qr(at=w.NOW + 60 * SECOND)
    yield case("signed ahead", "not before its window", given(presigned), reason="proof_stale")
    counter = code.counter
    for name, why, bad in (
        ("altered proof", "one bit", replace(code, proof=w.flipped(code.proof, 5))),
        ("zero proof", "r and s are not zero", replace(code, proof=bytes(64))),
        ("r of the order", "r is below n", replace(code, proof=w.P256_ORDER.to_bytes(32, "big") + code.proof[32:])),
        ("next counter", "the counter is signed", w.qr(at=w.NOW - 15 * SECOND)),
        ("another device", "the pass names one key", replace(
            code, proof=device_proof.sign(w.OTHER_DEVICE, code.pass_bytes, counter))),
        ("another pass", "the pass is signed", replace(
            code, proof=w.qr(replace(w.ONLINE, status_index=w.ONLINE.status_index + 1)).proof)),
    ):  # fmt: skip
        moved = replace(bad, counter=counter)
        yield case(name, why, given(moved), reason="proof_forged")
    es = travel_pass.mint(w.ONLINE, w.PASS_ES)
    es_code = w.qr(raw=es)
    swapped = replace(es_code, pass_bytes=es[:-64] + w.malleated(es[-64:]))
    yield case("pass with n - s", "the proof signs the very bytes", given(swapped), reason="proof_forged")
    sealed = w.qr(w.OFFLINE).sealed_template
    riding = replace(code, sealed_template=sealed)
    yield case("template in an online code", "nothing rides unread", given(riding), reason="malformed_qr")
    bare = replace(w.qr(w.OFFLINE), sealed_template=None)
    yield case("offline code without template", "complete or not at all", given(bare), reason="malformed_qr")
    off_curve = replace(w.ONLINE, device_key=b"\x02" + b"\xff" * 32)
    lost = w.qr(raw=w.sign1(w.claims_map(off_curve)))
    yield case("device key off the curve", "no such point", given(lost), reason="malformed_claims")
