"""specs/vectors/iamsmart.json, held against the code, the `openssl` command line and Node's crypto."""

import json
import shutil
import subprocess
from base64 import b64decode
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from connectors.iamsmart.answer import read_answer
from connectors.iamsmart.content_key import KeyWrap, unwrap
from connectors.iamsmart.document_signature import read_signature
from connectors.iamsmart.envelope import EnvelopeError, open_envelope, read_object
from connectors.iamsmart.fields import hkic_hash
from connectors.iamsmart.request_signature import SignatureRule, is_signed_by
from tests.support.node import run_node
from tests.vectors import iamsmart
from tests.vectors.iamsmart import FILE

VECTORS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
KEYS: dict[str, Any] = VECTORS["keys"]
named = lambda case: case["name"]  # noqa: E731


def openssl(*arguments: str, stdin: bytes = b"") -> bytes:
    binary = shutil.which("openssl")
    if binary is None:
        pytest.skip("no openssl command: this check by another implementation did not run")
    done = subprocess.run([binary, *arguments], input=stdin, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_the_file_is_what_the_code_makes_of_its_keys() -> None:
    made = json.loads(json.dumps(iamsmart.document(KEYS)))
    assert made == VECTORS


# --- the code ---


@pytest.mark.parametrize("case", VECTORS["request_signatures"], ids=named)
def test_request_signature(case: dict[str, Any]) -> None:
    rule = SignatureRule(case["covers_body"], case["url_encoded"])
    assert is_signed_by(case["secret"], case, bytes.fromhex(case["body"]), rule)
    other = SignatureRule(case["covers_body"], not case["url_encoded"])
    assert not is_signed_by(case["secret"], case, bytes.fromhex(case["body"]), other)


@pytest.mark.parametrize("case", VECTORS["content_keys"], ids=named)
def test_content_key(case: dict[str, Any]) -> None:
    private_key = load_pem_private_key(KEYS["service_key"].encode(), None)
    assert isinstance(private_key, rsa.RSAPrivateKey)
    assert unwrap(case["secretKey"], private_key, KeyWrap(case["padding"])).hex() == case["key"]


@pytest.mark.parametrize("case", VECTORS["envelopes"], ids=named)
def test_envelope(case: dict[str, Any]) -> None:
    key = bytes.fromhex(case["key"])
    if case.get("refused"):
        with pytest.raises(EnvelopeError):
            open_envelope(key, case["content"])
    else:
        assert open_envelope(key, case["content"]).hex() == case["plaintext"]


@pytest.mark.parametrize("case", VECTORS["requests"], ids=named)
def test_whole_request(case: dict[str, Any]) -> None:
    head, _, body = bytes.fromhex(case["octets"]).partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert is_signed_by(case["secret"], headers, body, SignatureRule())
    if case["key"] is not None:
        assert read_object(open_envelope(bytes.fromhex(case["key"]), read_object(body)["content"])) == case["content"]


@pytest.mark.parametrize("case", VECTORS["callbacks"], ids=named)
def test_callback(case: dict[str, Any]) -> None:
    answer = read_answer(bytes.fromhex(case["octets"]))
    private_key = load_pem_private_key(KEYS["service_key"].encode(), None)
    assert isinstance(private_key, rsa.RSAPrivateKey)
    key = unwrap(answer.secret_key, private_key, KeyWrap(case["padding"]))
    assert read_object(open_envelope(key, answer.content)) == case["content"]


@pytest.mark.parametrize("case", VECTORS["document_signatures"], ids=named)
def test_document_signature(case: dict[str, Any]) -> None:
    anchors = [x509.load_pem_x509_certificate(KEYS["signing_authority"].encode())]
    digest = sha256(bytes.fromhex(case["document"])).digest()
    at = datetime.fromisoformat(case["at"])
    signed = read_signature(case["content"], anchors=anchors, expected_sha256=digest, evidence_hash=bytes(32), at=at)
    signer = x509.load_pem_x509_certificate(KEYS["signer_certificate"].encode())
    assert signed.certificate == signer.public_bytes(Encoding.DER)
    assert signed.signed_at == at


@pytest.mark.parametrize("case", VECTORS["hkic_hashes"], ids=lambda case: case["number"])
def test_number_hash(case: dict[str, Any]) -> None:
    assert hkic_hash(case["number"]) == case["HKICHash"]


# --- other implementations ---


@pytest.mark.parametrize("case", VECTORS["request_signatures"], ids=named)
def test_openssl_makes_the_same_request_signature(case: dict[str, Any]) -> None:
    text = (case["clientID"] + case["signatureMethod"] + case["timestamp"] + case["nonce"]).encode()
    text += bytes.fromhex(case["body"]) if case["covers_body"] else b""
    hexkey = f"hexkey:{case['secret'].encode().hex()}"
    mac = openssl("dgst", "-sha256", "-mac", "HMAC", "-macopt", hexkey, "-binary", stdin=text)
    assert b64decode(unquote(case["signature"]) if case["url_encoded"] else case["signature"]) == mac


@pytest.mark.parametrize("case", VECTORS["content_keys"], ids=named)
def test_openssl_unwraps_the_content_key(case: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(KEYS["service_key"])
    options = {
        "pkcs1v15": ["rsa_padding_mode:pkcs1"],
        "oaep-sha1": ["rsa_padding_mode:oaep"],
        "oaep-sha256": ["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256"],
    }[case["padding"]]
    arguments = [argument for option in options for argument in ("-pkeyopt", option)]
    key = openssl(
        "pkeyutl", "-decrypt", "-inkey", str(tmp_path / "key.pem"), *arguments, stdin=b64decode(case["secretKey"])
    )
    assert key.hex() == case["key"]


def test_openssl_verifies_the_hash_signature_over_the_document(tmp_path: Path) -> None:
    case = VECTORS["document_signatures"][0]
    files = {
        "document": bytes.fromhex(case["document"]),
        "signature": b64decode(case["content"]["signature"]),
        "certificate": b64decode(case["content"]["cert"]),
        "authority": KEYS["signing_authority"].encode(),
    }
    path = {name: str(tmp_path / name) for name in (*files, "public")}
    for name, raw in files.items():
        (tmp_path / name).write_bytes(raw)
    (tmp_path / "public").write_bytes(
        openssl("x509", "-inform", "DER", "-in", path["certificate"], "-noout", "-pubkey")
    )
    said = openssl("dgst", "-sha256", "-verify", path["public"], "-signature", path["signature"], path["document"])
    assert said == b"Verified OK\n"
    when = str(int(datetime.fromisoformat(case["at"]).timestamp()))
    openssl("verify", "-attime", when, "-CAfile", path["authority"], path["certificate"])


def test_openssl_verifies_the_pdf_signature_over_the_document(tmp_path: Path) -> None:
    case = VECTORS["document_signatures"][1]
    (tmp_path / "document").write_bytes(bytes.fromhex(case["document"]))
    (tmp_path / "signature").write_bytes(b64decode(case["content"]["pdfSignature"]))
    (tmp_path / "authority").write_text(KEYS["signing_authority"])
    when = str(int(datetime.fromisoformat(case["at"]).timestamp()))
    verified = openssl(
        *("cms", "-verify", "-inform", "DER", "-in", str(tmp_path / "signature"), "-binary"),
        *("-content", str(tmp_path / "document"), "-CAfile", str(tmp_path / "authority")),
        *("-purpose", "any", "-attime", when),
    )
    assert verified == bytes.fromhex(case["document"])


def test_node_agrees_on_everything() -> None:
    counted = run_node("iamsmart.mjs", str(FILE))
    assert counted == {name: len(VECTORS[name]) for name in counted}
    assert len(counted) == 6
