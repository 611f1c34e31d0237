"""Holds mint and verifier to specs/vectors: every case comes out as the file says, with exactly that reason."""

import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from broker.wire import (
    base45,
    cbor,
    cose,
    device_proof,
    gate_api,
    merkle,
    sealed_template,
    status_list,
    travel_pass,
    trust_list,
)
from broker.wire.errors import DecodeError, WireError
from broker.wire.gate_api import CrossingReport, ReleaseRequest
from broker.wire.keys import LocalSigner, PublicKey
from broker.wire.qr_payload import TravelQr, parse_qr
from broker.wire.reasons import Reason
from broker.wire.registry import KeyUse
from broker.wire.sealed_template import TemplatePayload
from broker.wire.travel_pass import PassClaims, PassMode, TravelPass
from broker.wire.trust_list import TrustList
from tests.support.lane_check import check
from tests.vectors.generate import documents
from tests.vectors.loader import DIRECTORY, Case, LaneCase, lane_cases, load, moment
from tests.vectors.world import claims_json, instant

Json = dict[str, Any]


def _trust(case: Case) -> TrustList:
    root = PublicKey.from_cose_key(case.octets("root_key"), KeyUse.ROOT)
    # The list has its own cases; here it is read at a moment when it is current.
    issued = moment("2026-03-01T00:00:00Z")
    return trust_list.verify(case.octets("trust_list"), root, at=issued)


def run_cbor(case: Case) -> Json:
    value = cbor.decode(case.octets("hex"))
    assert cbor.encode(value) == case.octets("hex")
    return {"value": {str(key): item for key, item in value.items()} if isinstance(value, dict) else value}


def run_base45(case: Case) -> Json:
    raw = base45.decode(case.input["text"])
    assert base45.encode(raw) == case.input["text"]
    return {"hex": raw.hex()}


def run_cose(case: Case) -> Json:
    key = PublicKey.from_cose_key(case.octets("key"), KeyUse.PASS)
    message = cose.read_sign1(case.octets("hex"), profile=cose.Profile(case.input["profile"]))
    return {"payload": message.verify(key, external_aad=case.octets("external_aad")).hex()}


def run_qr(case: Case) -> Json:
    code = parse_qr(case.input["text"])
    assert code.to_text() == case.input["text"]
    return {
        "pass": code.pass_bytes.hex(),
        "counter": code.counter,
        "proof": code.proof.hex(),
        "sealed_template": None if code.sealed_template is None else code.sealed_template.hex(),
    }


def run_travel_pass(case: Case) -> Json:
    raw = case.octets("hex")
    verified = travel_pass.verify(raw, _trust(case), at=case.moment(), expected_zone=case.input["zone"])
    if "mint_key" in case.input:
        key = _trust(case).key(verified.kid, KeyUse.PASS, at=case.moment())
        signer = LocalSigner.from_private_bytes(case.octets("mint_key"), KeyUse.PASS, key.alg)
        assert travel_pass.mint(verified.claims, signer) == raw
    return claims_json(verified.claims)


def run_device_proof(case: Case) -> Json:
    code = parse_qr(case.input["text"])
    verified = travel_pass.verify(code.pass_bytes, _trust(case), at=case.moment(), expected_zone=case.input["zone"])
    device_proof.verify(code, verified, at=case.moment())
    if "device_key" in case.input:
        key = ec.derive_private_key(int.from_bytes(case.octets("device_key"), "big"), ec.SECP256R1())
        proof = device_proof.sign(key, code.pass_bytes, code.counter)
        device_proof.verify(TravelQr(code.pass_bytes, code.counter, proof), verified, at=case.moment())
    found = {"counter": code.counter, "message": device_proof.message(code.pass_bytes, code.counter).hex()}
    return {name: found[name] for name in case.ok or {}}


def run_trust_list(case: Case) -> Json:
    root = PublicKey.from_cose_key(case.octets("root_key"), KeyUse.ROOT)
    found = trust_list.verify(case.octets("hex"), root, at=case.moment(), highest_seen=case.input["seen"])
    keys = [
        {"kid": key.public.kid.hex(), "alg": int(key.public.alg), "use": key.public.use.value} for key in found.keys
    ]
    return {"version": found.version, "keys": keys}


def run_status_list(case: Case) -> Json:
    trust, at = _trust(case), case.moment()
    # Read at the moment of its issuance: the pass has cases of its own.
    verified = _any_time(case.octets("pass"), trust, case.input["zone"])
    statuses = None
    if case.input["hex"] is not None:
        statuses = status_list.verify(case.octets("hex"), trust, at=at, highest_seen=case.input["seen"])
    return {"list_version": status_list.judge(statuses, verified, at=at).list_version}


def _any_time(raw: bytes, trust: TrustList, zone: str) -> TravelPass:
    seconds = cbor.decode(cbor.decode(raw).value[2])[5]
    return travel_pass.verify(raw, trust, at=datetime.fromtimestamp(seconds, UTC), expected_zone=zone)


def run_sealed_template(case: Case) -> Json:
    payload = sealed_template.open_from_qr(
        case.octets("hex"),
        epoch_secret=case.octets("epoch_secret"),
        pass_id=case.octets("pass_id"),
        expected_commitment=case.octets("commitment"),
    )
    epoch = sealed_template.epoch_of(case.octets("hex"))
    again = sealed_template.seal_for_qr(
        payload, epoch_secret=case.octets("epoch_secret"), epoch=epoch, pass_id=case.octets("pass_id")
    )
    assert again == case.octets("hex")
    assert TemplatePayload.decode(payload.encode()) == payload
    return {
        "epoch": epoch,
        "salt": payload.salt.hex(),
        "parts": [[part.embedder, part.vector.hex()] for part in payload.template.parts],
        "seeds": [seed.hex() for seed in payload.seeds],
    }


def run_gate_api(case: Case) -> Json:
    key = PublicKey.from_cose_key(case.octets("key"), KeyUse.GATE)
    message = gate_api.verify_request(case.octets("hex"), lambda kid: key, at=case.moment())
    kind = {ReleaseRequest: "release", CrossingReport: "crossings"}.get(type(message), "epoch secrets")
    found: Json = {"kind": kind, "gate_id": message.gate_id, "zone": message.zone}
    if not isinstance(message, CrossingReport):
        found |= {"at": instant(message.at), "info": message.info(case.octets("hex")).hex()}
    return found


def run_merkle(case: Case) -> Json:
    given = case.input
    if given["op"] == "root":
        return {"root": merkle.root_of([merkle.leaf_hash(bytes.fromhex(entry)) for entry in given["entries"]]).hex()}
    proof = [bytes.fromhex(node) for node in given["proof"]]
    if given["op"] == "inclusion":
        merkle.verify_inclusion(
            case.octets("leaf"), index=given["index"], size=given["size"], proof=proof, root=case.octets("root")
        )
    else:
        merkle.verify_consistency(
            old_size=given["old_size"],
            old_root=case.octets("old_root"),
            new_size=given["new_size"],
            new_root=case.octets("new_root"),
            proof=proof,
        )
    return {}


RUNNERS: dict[str, Callable[[Case], Json]] = {
    "cbor": run_cbor,
    "base45": run_base45,
    "cose": run_cose,
    "qr": run_qr,
    "travel-pass": run_travel_pass,
    "device-proof": run_device_proof,
    "trust-list": run_trust_list,
    "status-list": run_status_list,
    "sealed-template": run_sealed_template,
    "gate-api": run_gate_api,
    "merkle": run_merkle,
}
CASES = [case for layer in RUNNERS for case in load(layer)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.layer}:{case}")
def test_layer(case: Case) -> None:
    run = RUNNERS[case.layer]
    if case.reason is None:
        assert run(case) == case.ok
        return
    with pytest.raises(WireError) as refused:
        run(case)
    assert refused.value.reason is case.reason
    assert isinstance(refused.value, DecodeError) == case.reason.value.startswith("malformed")


@pytest.mark.parametrize("case", lane_cases(), ids=str)
def test_lane(case: LaneCase) -> None:
    def run() -> Json:
        trust = trust_list.verify(case.trust_list, case.root, at=case.at, highest_seen=case.trust_seen)
        statuses = None
        if case.status_list is not None:
            statuses = status_list.verify(case.status_list, trust, at=case.at, highest_seen=case.status_seen)
        checked = check(
            case.text,
            trust_list=trust,
            statuses=statuses,
            epoch_secrets=case.epoch_secrets,
            at=case.at,
            zone=case.zone,
        )
        return claims_json(checked.travel_pass.claims)

    if case.reason is None:
        assert run() == case.claims
        return
    with pytest.raises(WireError) as refused:
        run()
    assert refused.value.reason is case.reason


def test_every_reason_of_the_verifier_has_a_lane_case() -> None:
    verifier = {
        Reason.MALFORMED_QR, Reason.MALFORMED_BASE45, Reason.MALFORMED_CBOR, Reason.MALFORMED_COSE,
        Reason.MALFORMED_CLAIMS, Reason.UNKNOWN_KEY, Reason.BAD_SIGNATURE, Reason.EXPIRED, Reason.NOT_YET_VALID,
        Reason.WRONG_ZONE, Reason.PROOF_STALE, Reason.PROOF_FORGED, Reason.REVOKED, Reason.STATUS_UNKNOWN,
        Reason.LIST_ROLLED_BACK, Reason.COMMITMENT_MISMATCH, Reason.TEMPLATE_UNAVAILABLE,
    }  # fmt: skip
    assert {case.reason for case in lane_cases()} == verifier | {None}


def test_names_are_unique() -> None:
    for layer in (*RUNNERS, "lane"):
        names = [case.name for case in load(layer)]
        assert len(names) == len(set(names)), layer


def test_the_merkle_root_of_eight_is_the_reference_one() -> None:
    # From the Certificate Transparency reference tests (RFC 6962 and 9162 hash alike).
    roots = {case.name: case.ok for case in load("merkle")}
    assert roots["root of 8"] == {"root": "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"}


def test_the_files_are_what_the_generator_writes() -> None:
    documents_now = documents()
    assert {path.stem for path in DIRECTORY.glob("*.json")} >= documents_now.keys()
    for layer, text in documents_now.items():
        # zlib's output differs between implementations, and the lists are compressed with it.
        if layer in ("status-list", "lane") and not _reference_zlib():
            continue
        assert (DIRECTORY / f"{layer}.json").read_text(encoding="utf-8") == text, layer


def _reference_zlib() -> bool:
    return zlib.compress(b"tongguan" * 1000 + bytes(100_000), 9).hex().startswith("78daedc5b10d0020")


def test_claims_are_written_as_the_files_write_them() -> None:
    case = load("travel-pass")[0]
    assert case.ok is not None
    claims = PassClaims(
        bytes.fromhex(case.ok["pass_id"]),
        case.ok["zone"],
        *(moment(case.ok[name]) for name in ("issued_at", "not_before", "expires_at")),
        bytes.fromhex(case.ok["device_key"]),
        case.ok["status_index"],
        bytes.fromhex(case.ok["commitment"]),
        PassMode(case.ok["mode"]),
    )
    assert claims_json(claims) == case.ok
