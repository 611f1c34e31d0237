"""Cases of the trust list and the status list."""

import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from broker.wire import status_list, travel_pass, trust_list
from broker.wire.keys import LocalSigner
from tests.vectors import world as w
from tests.vectors.cases_codec import CaseJson, case

TRUST_COMMON = {"root_key": w.ROOT.public.to_cose_key().hex(), "seen": 0, "at": w.instant(w.NOW)}
STATUS_COMMON = {
    "trust_list": w.TRUST_BYTES.hex(),
    "root_key": w.ROOT.public.to_cose_key().hex(),
    "zone": w.ZONE,
    "at": w.instant(w.NOW),
    "seen": 0,
}


def trust_cases() -> Iterator[CaseJson]:
    def given(raw: bytes, **more: Any) -> dict[str, Any]:
        return {"hex": raw.hex(), **more}

    raw = w.TRUST_BYTES
    ok = {
        "version": w.TRUST.version,
        "keys": [
            {"kid": key.public.kid.hex(), "alg": int(key.public.alg), "use": key.public.use.value}
            for key in w.TRUST.keys
        ],
    }
    yield case("current", "signed by the pinned root", given(raw), ok=ok)
    yield case("same version again", "not lower", given(raw, seen=7), ok=ok)
    yield case("older version", "never less than what was seen", given(raw, seen=8), reason="list_rolled_back")
    yield case("expired", "exp", given(raw, at=w.instant(w.TRUST.expires_at)), reason="expired")
    early = w.instant(w.TRUST.issued_at - timedelta(seconds=6))
    yield case("from the future", "iat", given(raw, at=early), reason="not_yet_valid")
    yield case("altered", "one bit", given(w.flipped(raw, -1)), reason="bad_signature")
    typ = {16: trust_list.TYP}
    headers = {1: -8, 4: w.STRANGER.kid, **typ}
    foreign = w.sign1(w.claims_map(), w.STRANGER, protected=headers)
    yield case("another root", "the root is pinned", given(foreign), reason="unknown_key")
    rooted = {1: -8, 4: w.ROOT.kid}
    yield case(
        "no typ", "lists say what they are", given(w.sign1({}, w.ROOT, protected=rooted)), reason="malformed_cose"
    )
    wrong = {**rooted, 16: status_list.TYP}
    yield case("typ of the other list", "one meaning a signature", given(w.sign1({}, w.ROOT, protected=wrong)),
               reason="malformed_cose")  # fmt: skip
    key = {1: -8, 2: "pass", 3: w.PASS_ED.public.point, 4: 1, 5: 2}
    good = {4: 2_000_000_000, 6: 1, -65540: 7, -65541: [key]}
    for name, payload in (
        ("no keys entry", {4: 2_000_000_000, 6: 1, -65540: 7}),
        ("version 0", {**good, -65540: 0}),
        ("exp before iat", {**good, 4: 1}),
        ("extra entry", {**good, 1: "issuer"}),
        ("key of unknown use", {**good, -65541: [{**key, 2: "anything"}]}),
        ("root key listed", {**good, -65541: [{**key, 2: "root"}]}),
        ("key of unknown alg", {**good, -65541: [{**key, 1: -35}]}),
        ("alg as array", {**good, -65541: [{**key, 1: []}]}),
        ("point of 31 bytes", {**good, -65541: [{**key, 3: bytes(31)}]}),
        ("key never valid", {**good, -65541: [{**key, 5: 1}]}),
        ("key listed twice", {**good, -65541: [key, key]}),
        ("key not a map", {**good, -65541: [0]}),
    ):
        bad = w.sign1(payload, w.ROOT, protected={**rooted, **typ})
        yield case(name, "well signed, and not a trust list", given(bad), reason="malformed_claims")


def status_cases() -> Iterator[CaseJson]:
    """A list, then the judgement of one pass by it (`status_list` may be null: the gate has none)."""
    good = status_list.sign(w.STATUS_LIST, w.STATUS)

    def given(raw: bytes | None, claims: travel_pass.PassClaims = w.ONLINE, **more: Any) -> dict[str, Any]:
        minted = travel_pass.mint(claims, w.PASS_ED).hex()
        return {"hex": None if raw is None else raw.hex(), "pass": minted, **more}

    def dated(age: timedelta, lst: status_list.StatusList = w.STATUS_LIST) -> bytes:
        moved = replace(lst, issued_at=w.NOW - age, expires_at=w.NOW - age + status_list.HARD_BOUND)
        return status_list.sign(moved, w.STATUS)

    hour, second = timedelta(hours=1), timedelta(seconds=1)
    old = replace(w.OFFLINE, issued_at=w.NOW - 2 * hour, not_before=w.NOW - 2 * hour, expires_at=w.NOW + 3 * hour)
    other_list = replace(old, status_index=6 * status_list.LIST_BITS)
    listed, issued = {"list_version": 31}, {"list_version": None}
    yield case("fresh list", "not revoked by it", given(good), ok=listed)
    yield case("same version again", "not lower", given(good, seen=31), ok=listed)
    yield case("old pass, list of one hour", "the hard bound", given(dated(hour), old), ok=listed)
    yield case("no list, new pass", "minting checked consent and revocation", given(None), ok=issued)
    yield case("stale list, new pass", "issued within the bound", given(dated(2 * hour)), ok=issued)
    yield case("no list, old pass", "nobody knows", given(None, old), reason="status_unknown")
    yield case("stale list, old pass", "past the hard bound", given(dated(hour + second), old), reason="status_unknown")
    yield case("list from the future", "a clock is wrong", given(dated(-6 * second), old), reason="status_unknown")
    yield case("list of other passes", "says nothing here", given(good, other_list), reason="status_unknown")
    revoking = status_list.sign(w.REVOKING, w.STATUS)
    yield case("revoked", "by a fresh list", given(revoking), reason="revoked")
    stale = dated(48 * hour, w.REVOKING)
    yield case("revoked by a stale list", "a known revocation always binds", given(stale), reason="revoked")
    yield case("older version", "never less than what was seen", given(good, seen=32), reason="list_rolled_back")
    yield case("altered", "one bit", given(w.flipped(good, 3000)), reason="bad_signature")
    by_pass_key = _signed(w.PASS_ED)
    yield case("signed by a pass key", "one use a key", given(by_pass_key), reason="unknown_key")
    untyped = w.sign1({}, w.STATUS)
    yield case("no typ", "lists say what they are", given(untyped), reason="malformed_cose")
    packed = zlib.compress(w.STATUS_LIST.bits, 9)
    for name, change in (
        ("two bits a pass", {65533: {"bits": 2, "lst": packed}}),
        ("another subject", {2: "https://example.com/statuslists/1"}),
        ("list number with a zero in front", {2: "urn:tongguan:status:05"}),
        ("list number out of range", {2: "urn:tongguan:status:4096"}),
        ("not zlib", {65533: {"bits": 1, "lst": b"no zlib data"}}),
        ("list too short", {65533: {"bits": 1, "lst": zlib.compress(bytes(131_071))}}),
        ("decompression bomb", {65533: {"bits": 1, "lst": zlib.compress(bytes(16_000_000), 9)}}),
        ("bytes after the list", {65533: {"bits": 1, "lst": packed + b"\0"}}),
        ("cut list", {65533: {"bits": 1, "lst": packed[:-4]}}),
        ("aggregation entry", {65533: {"bits": 1, "lst": packed, "aggregation_uri": "x"}}),
        ("no version", {-65540: None}),
        ("no padding", {-65542: None}),
        ("ttl of a year", {65534: 31_536_000}),
    ):
        yield case(
            name, "well signed, and not a status list", given(_signed(w.STATUS, change)), reason="malformed_claims"
        )


def _signed(key: LocalSigner, change: dict[int, Any] | None = None) -> bytes:
    claims: dict[int, Any] = {
        2: "urn:tongguan:status:5",
        4: int(w.STATUS_LIST.expires_at.timestamp()),
        6: int(w.STATUS_LIST.issued_at.timestamp()),
        65533: {"bits": 1, "lst": zlib.compress(w.STATUS_LIST.bits, 9)},
        65534: 300,
        -65540: 31,
        -65542: b"",
        **(change or {}),
    }
    kept = {label: value for label, value in claims.items() if value is not None}
    return w.sign1(kept, key, protected={1: -8, 4: key.kid, 16: status_list.TYP})
