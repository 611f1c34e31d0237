"""Cases of the sealed template, the gate's requests, Merkle proofs and the whole lane."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from broker.wire import cbor, cose, gate_api, merkle, sealed_template, status_list, trust_list
from broker.wire.cbor import Tagged
from broker.wire.gate_api import CrossingEvent, CrossingMode, CrossingReport, Decision, Liveness
from broker.wire.reasons import Reason
from tests.vectors import world as w
from tests.vectors.cases_codec import CaseJson, case

ROOT_KEY = w.ROOT.public.to_cose_key().hex()


def template_cases() -> Iterator[CaseJson]:
    pass_id = w.OFFLINE.pass_id
    sealed = sealed_template.seal_for_qr(w.PAYLOAD, epoch_secret=w.EPOCH_SECRET, epoch=w.EPOCH, pass_id=pass_id)
    common = {"epoch_secret": w.EPOCH_SECRET.hex(), "pass_id": pass_id.hex(), "commitment": w.COMMITMENT.hex()}
    ok = {
        "epoch": w.EPOCH,
        "salt": w.PAYLOAD.salt.hex(),
        "parts": [[part.embedder, part.vector.hex()] for part in w.PAYLOAD.template.parts],
        "seeds": [seed.hex() for seed in w.PAYLOAD.seeds],
    }
    yield case("opens", "sealing this payload gives these bytes", {"hex": sealed.hex(), **common}, ok=ok)
    for name, why, change in (
        ("another day's secret", "one secret a day", {"epoch_secret": w.octets("other secret").hex()}),
        ("another pass", "the key is the pass's", {"pass_id": w.octets("other pass", 16).hex()}),
        ("another commitment", "the key is the template's", {"commitment": bytes(16).hex()}),
        ("altered", "one bit", {"hex": w.flipped(sealed, -1).hex()}),
        ("altered epoch", "the header is authenticated", {"hex": w.flipped(sealed, 11).hex()}),
    ):
        yield case(name, why, {"hex": sealed.hex(), **common, **change}, reason="commitment_mismatch")
    protected, _, ciphertext = cbor.decode(sealed).value
    nonce = {5: bytes(12)}
    for name, why, raw, reason in (
        ("empty", "no bytes", b"", "malformed_cbor"),
        ("cut", "the last byte is gone", sealed[:-1], "malformed_cbor"),
        ("untagged", "one encoding", sealed[1:], "malformed_cose"),
        ("nonce sent", "nothing unprotected", _encrypt0(protected, nonce, ciphertext), "malformed_cose"),
        ("A128GCM", "one algorithm", _encrypt0(cbor.encode({1: 1, 4: bytes(4)}), {}, ciphertext), "malformed_cose"),
        ("epoch of 3 bytes", "four bytes", _encrypt0(cbor.encode({1: 3, 4: bytes(3)}), {}, ciphertext),
         "malformed_cose"),
        ("shorter than a tag", "16 bytes at least", _encrypt0(protected, {}, ciphertext[:15]), "malformed_cose"),
    ):  # fmt: skip
        yield case(name, why, {"hex": raw.hex(), **common}, reason=reason)
    salt, parts, seeds = cbor.decode(w.PAYLOAD.encode())
    key = sealed_template._key(w.EPOCH_SECRET, pass_id, w.COMMITMENT)
    for name, value in (
        ("payload a map", {}),
        ("no parts", [salt, [], []]),
        ("short salt", [salt[:15], parts, seeds]),
        ("part not a pair", [salt, [[parts[0][0]]], seeds]),
        ("same embedder twice", [salt, parts * 2, seeds * 2]),
        ("seed missing", [salt, parts, []]),
        ("empty vector", [salt, [[parts[0][0], b""]], seeds]),
    ):
        raw = cose.encrypt0(cbor.encode(value), key, kid=w.EPOCH.to_bytes(4, "big"))
        yield case(name, "well sealed, and not a template", {"hex": raw.hex(), **common}, reason="malformed_claims")
    other = replace(w.PAYLOAD, template=replace(w.PAYLOAD.template, parts=(
        sealed_template.TemplatePart("mobilefacenet-192", w.octets("other vector", 192)),)))  # fmt: skip
    raw = cose.encrypt0(other.encode(), key, kid=w.EPOCH.to_bytes(4, "big"))
    yield case("another face", "the pass committed to one", {"hex": raw.hex(), **common}, reason="commitment_mismatch")


def _encrypt0(protected: bytes, unprotected: dict[Any, Any], ciphertext: bytes) -> bytes:
    return cbor.encode(Tagged(16, [protected, unprotected, ciphertext]))


def gate_cases() -> Iterator[CaseJson]:
    hpke_public = w.octets("hpke public", 1216)
    release = gate_api.ReleaseRequest(
        w.octets("request", 16), "gate-7", w.ZONE, w.qr().to_text(), hpke_public, w.NOW + timedelta(microseconds=250)
    )
    secrets = gate_api.EpochSecretsRequest(w.octets("request 2", 16), "gate-7", w.ZONE, hpke_public, w.NOW)
    event = CrossingEvent(
        w.octets("event", 16), w.ONLINE.pass_id, Decision.CLEARED, (), CrossingMode.ONLINE, Liveness.NOT_ASSESSED,
        opened=True, decided_at=w.NOW, score=0.75, threshold=0.5, embedder_set="mobilefacenet-192",
        model_hashes={"mobilefacenet-192": "0" * 64},
    )  # fmt: skip
    unread = CrossingEvent(
        w.octets("event 2", 16), None, Decision.REFERRED, (Reason.MALFORMED_QR,), CrossingMode.OFFLINE,
        Liveness.NOT_ASSESSED, opened=False, decided_at=w.NOW - timedelta(days=3),
    )  # fmt: skip
    report = CrossingReport("gate-7", w.ZONE, (event, unread))
    common = {"key": w.GATE.public.to_cose_key().hex(), "at": w.instant(w.NOW)}
    for name, message in (("release", release), ("epoch secrets", secrets), ("crossings", report)):
        raw = gate_api.sign_request(message, w.GATE)
        ok: dict[str, Any] = {"kind": name, "gate_id": message.gate_id, "zone": message.zone}
        if not isinstance(message, CrossingReport):
            ok |= {"at": w.instant(message.at), "info": message.info(raw).hex()}
        yield case(name, "as a gate signs it", {"hex": raw.hex(), **common}, ok=ok)
    raw = gate_api.sign_request(release, w.GATE)
    late = {"at": w.instant(w.NOW + timedelta(seconds=31))}
    stranger = {"key": w.GATE_ED.public.to_cose_key().hex()}
    body = cbor.decode(raw).value[2]
    entries = cbor.decode(body)
    undomained = w.sign1(body, w.GATE)
    for name, why, given, reason in (
        ("31 s late", "30 s at most", late, "clock_drift"),
        ("another gate's key", "kid", stranger, "unknown_key"),
        ("altered", "one bit", {"hex": w.flipped(raw, -1).hex()}, "bad_signature"),
        ("without the domain", "external data", {"hex": undomained.hex()}, "bad_signature"),
        ("cut", "the last byte is gone", {"hex": raw[:-1].hex()}, "malformed_cbor"),
        ("untagged", "one encoding", {"hex": raw[1:].hex()}, "malformed_cose"),
    ):
        yield case(name, why, {"hex": raw.hex(), **common, **given}, reason=reason)
    crossing = cbor.decode(cbor.decode(gate_api.sign_request(report, w.GATE)).value[2])
    first = crossing[8][0]
    for name, payload in (
        ("unknown kind", {**entries, 1: 9}),
        ("no kind", {label: value for label, value in entries.items() if label != 1}),
        ("extra entry", {**entries, 99: 0}),
        ("gate id with NUL", {**entries, 2: "gate\x007"}),
        ("HPKE key of 32 bytes", {**entries, 5: bytes(32)}),
        ("request id of 8 bytes", {**entries, 4: bytes(8)}),
        ("code too long", {**entries, 7: "0" * 1025}),
        ("code as bytes", {**entries, 7: b"TG1:"}),
        ("no events", {**crossing, 8: []}),
        ("unknown decision", {**crossing, 8: [{**first, 3: "waved through"}]}),
        ("unknown reason", {**crossing, 8: [{**first, 4: ["because"]}]}),
        ("reason as array", {**crossing, 8: [{**first, 4: [[]]}]}),
        ("score not finite", {**crossing, 8: [{**first, 9: float("nan")}]}),
        ("opened and refused", {**crossing, 8: [{**first, 3: "refused"}]}),
        ("model hash as number", {**crossing, 8: [{**first, 12: {"a": 1}}]}),
        ("17 model hashes", {**crossing, 8: [{**first, 12: {f"model-{n}": "0" * 64 for n in range(17)}}]}),
        ("model name of 65 characters", {**crossing, 8: [{**first, 12: {"m" * 65: "0" * 64}}]}),
        ("model hash of 65 characters", {**crossing, 8: [{**first, 12: {"m": "0" * 65}}]}),
    ):
        bad = w.sign1(payload, w.GATE, external_aad=gate_api.DOMAIN)
        yield case(name, "well signed, and not a request", {"hex": bad.hex(), **common}, reason="malformed_claims")


def merkle_cases() -> Iterator[CaseJson]:
    """The eight leaves of the Certificate Transparency reference tests, with every proof over them."""
    entries = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [merkle.leaf_hash(bytes.fromhex(entry)) for entry in entries]
    for size in range(1, 9):
        root = merkle.root_of(leaves[:size]).hex()
        yield case(f"root of {size}", "RFC 9162 2.1.1", {"op": "root", "entries": entries[:size]}, ok={"root": root})
        for index in range(size):
            proof = [node.hex() for node in merkle.inclusion_path(leaves[:size], index)]
            given = {"op": "inclusion", "leaf": leaves[index].hex(), "index": index, "size": size, "proof": proof}
            yield case(f"leaf {index} of {size}", "RFC 9162 2.1.3", {**given, "root": root}, ok={})
        for old in range(1, size + 1):
            given = {
                "op": "consistency", "old_size": old, "old_root": merkle.root_of(leaves[:old]).hex(),
                "new_size": size, "new_root": root,
                "proof": [node.hex() for node in merkle.consistency_path(leaves[:size], old)],
            }  # fmt: skip
            yield case(f"{old} within {size}", "RFC 9162 2.1.4", given, ok={})


def lane_cases() -> Iterator[CaseJson]:
    """The whole offline check: everything a gate has on board, one code, one outcome."""
    base = {"at": w.instant(w.NOW)}
    online, offline = w.qr(), w.qr(w.OFFLINE)
    ok_online, ok_offline = w.claims_json(w.ONLINE), w.claims_json(w.OFFLINE)
    text = online.to_text()
    second, hour = timedelta(seconds=1), timedelta(hours=1)
    yield case("online code", "clears", {**base, "text": text}, ok=ok_online)
    yield case("offline code", "clears, and opens its template", {**base, "text": offline.to_text()}, ok=ok_offline)
    twin = replace(online, proof=w.malleated(online.proof)).to_text()
    yield case("proof with n - s", "is the same pass: spent by its id", {**base, "text": twin}, ok=ok_online)
    yield case("no list on board", "new pass", {**base, "text": text, "status_list": None}, ok=ok_online)
    old_claims = replace(w.OFFLINE, issued_at=w.NOW - 3 * hour, not_before=w.NOW - 3 * hour, expires_at=w.NOW + hour)
    old = w.qr(old_claims).to_text()
    yield case("old offline code", "fresh list", {**base, "text": old}, ok=w.claims_json(old_claims))
    late = w.ONLINE.expires_at + 5 * second
    off_curve = w.qr(raw=w.sign1(w.claims_map(replace(w.ONLINE, device_key=b"\x02" + b"\xff" * 32))))
    raw = online.pass_bytes
    other_face = replace(offline, sealed_template=w.qr(replace(w.OFFLINE, pass_id=bytes(16))).sealed_template)
    early = w.NOW - 36 * second
    future_code = w.qr(at=early)
    unread = w.qr(raw=raw[1:])
    for name, change, reason in (
        ("not our code", {"text": "HTTPS://EXAMPLE.COM"}, "malformed_qr"),
        ("broken base45", {"text": text[:40] + "_" + text[41:]}, "malformed_base45"),
        ("broken CBOR", {"text": text[:-2]}, "malformed_cbor"),
        ("broken COSE", {"text": unread.to_text()}, "malformed_cose"),
        ("broken claims", {"text": w.qr(raw=w.sign1(w.claims_map(c7=bytes(15)))).to_text()}, "malformed_claims"),
        ("device key off the curve", {"text": off_curve.to_text()}, "malformed_claims"),
        ("stranger's pass", {"text": w.qr(raw=w.sign1(w.claims_map(), w.STRANGER)).to_text()}, "unknown_key"),
        ("forged pass", {"text": w.qr(raw=w.flipped(raw, -1)).to_text()}, "bad_signature"),
        ("wrong alg for the key",
         {"text": w.qr(raw=w.sign1(w.claims_map(), protected={1: -7, 4: w.PASS_ED.kid})).to_text()}, "bad_signature"),
        ("expired", {"text": w.qr(at=late).to_text(), "at": w.instant(late)}, "expired"),
        ("not yet valid", {"text": future_code.to_text(), "at": w.instant(early)}, "not_yet_valid"),
        ("another zone", {"text": text, "zone": "MO-HZB"}, "wrong_zone"),
        ("screenshot", {"text": text, "at": w.instant(w.NOW + 20 * second)}, "proof_stale"),
        ("stolen pass", {"text": replace(online, proof=w.flipped(online.proof, 3)).to_text()}, "proof_forged"),
        ("revoked", {"text": text, "status_list": status_list.sign(w.REVOKING, w.STATUS).hex()}, "revoked"),
        ("old code, no list", {"text": old, "status_list": None}, "status_unknown"),
        ("status list rolled back", {"text": text, "status_seen": 32}, "list_rolled_back"),
        ("trust list rolled back", {"text": text, "trust_seen": 8}, "list_rolled_back"),
        ("template of another pass", {"text": other_face.to_text()}, "commitment_mismatch"),
        ("epoch secret destroyed", {"text": offline.to_text(), "epoch_secrets": {}}, "template_unavailable"),
        ("template in an online code",
         {"text": replace(online, sealed_template=offline.sealed_template).to_text()}, "malformed_qr"),
    ):  # fmt: skip
        yield case(name, "one thing is wrong", {**base, **change}, reason=reason)
    foreign = trust_list.sign(w.TRUST, w.signer("another root", w.ROOT.use)).hex()
    yield case("trust list of another root", "the root is pinned", {**base, "text": text, "trust_list": foreign},
               reason="unknown_key")  # fmt: skip


LANE_COMMON: dict[str, Any] = {
    "root_key": ROOT_KEY,
    "trust_list": w.TRUST_BYTES.hex(),
    "trust_seen": 7,
    "status_list": status_list.sign(w.STATUS_LIST, w.STATUS).hex(),
    "status_seen": 31,
    "epoch_secrets": {str(w.EPOCH): w.EPOCH_SECRET.hex()},
    "zone": w.ZONE,
}
