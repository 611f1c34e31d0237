"""specs/vectors/ctid.json: read by our code, by OpenSSL 3 on the command line and by sm-crypto-v2."""

import json
import re
import shutil
import subprocess
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.ctid import package, retain
from connectors.sm import enveloped_data, signed_data
from connectors.sm.certificate import Sm2Certificate
from connectors.sm.errors import SignatureError
from connectors.sm.keys import Sm2PrivateKey, Sm2PublicKey
from tests.support.ctid_world import ctid_world
from tests.support.node import run_node
from tests.vectors.loader import DIRECTORY, moment
from tests.vectors.record_ctid import document

VECTORS: dict[str, Any] = json.loads((DIRECTORY / "ctid.json").read_text(encoding="utf-8"))
COMMON: dict[str, Any] = VECTORS["common"]
AT = moment(COMMON["at"])
LOGIN, *CALLS = VECTORS["exchanges"]
SIGN_KEY, ENCRYPT_KEY, PLATFORM_KEY = "client-sign", "client-encrypt", "platform"


def certificate(name: str) -> Sm2Certificate:
    return Sm2Certificate.from_der(bytes.fromhex(COMMON["keys"][name]["certificate"]))


def private_key(name: str) -> Sm2PrivateKey:
    entry = COMMON["keys"][name]
    return Sm2PrivateKey(bytes.fromhex(entry["secret"]), Sm2PublicKey.from_sec1(bytes.fromhex(entry["point"])))


# --- our own code ---


@pytest.mark.parametrize("vector", VECTORS["signatures"], ids=lambda vector: vector["message"][:8] or "empty")
def test_we_verify_the_signatures(vector: dict[str, str]) -> None:
    key, message, der = private_key(vector["key"]).public_key, vector["message"], bytes.fromhex(vector["der"])
    key.verify(der, bytes.fromhex(message))
    with pytest.raises(SignatureError):
        key.verify(der, bytes.fromhex(message) + b"\0")


@pytest.mark.parametrize("vector", VECTORS["ciphertexts"], ids=lambda vector: vector["plaintext"][:8])
def test_we_open_the_ciphertexts(vector: dict[str, str]) -> None:
    opened = private_key(vector["key"]).decrypt(bytes.fromhex(vector["der"]))
    assert opened.hex() == vector["plaintext"]


@pytest.mark.parametrize("vector", VECTORS["signed_data"], ids=lambda vector: f"attached-{vector['attached']}")
def test_we_verify_the_signed_data(vector: dict[str, Any]) -> None:
    trusted, content = certificate(vector["signer"]), bytes.fromhex(vector["content"])
    assert signed_data.verify(bytes.fromhex(vector["der"]), content, trusted=[trusted], at=AT) == trusted


@pytest.mark.parametrize("vector", VECTORS["envelopes"], ids=lambda vector: vector["cipher"])
def test_we_open_the_envelopes(vector: dict[str, str]) -> None:
    name = vector["recipient"]
    der = bytes.fromhex(vector["der"])
    opened = enveloped_data.unseal(der, key=private_key(name), certificate=certificate(name))
    assert opened.hex() == vector["plaintext"]
    assert retain.read(opened).portrait is not None


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call["path"].rsplit("/", 1)[1])
def test_we_read_the_exchanges(call: dict[str, str]) -> None:
    for text, signer in ((call["request"], SIGN_KEY), (call["answer"], PLATFORM_KEY)):
        body = package.read(text.encode())
        signed_data.verify(body.sign, body.raw, trusted=[certificate(signer)], at=AT)
        assert package.read_stamp(body.fields["timeStamp"]) == AT
        # Compact JSON in UTF-8: writing it again gives the same bytes.
        assert package.write(body.fields, lambda _, sign=body.sign: sign) == text.encode()
    assert call["content_type"] == "application/json; charset=utf-8"


def test_the_exchanges_are_one_login_and_one_direct_authentication() -> None:
    asked = [package.read(call["request"].encode()).fields for call in CALLS]
    assert [fields["authMode"] for fields in asked] == ["R03", "R03", "0x42", "0x42"]
    answers = [package.read(call["answer"].encode()).fields for call in CALLS]
    assert asked[1]["businessSerialNumber"] == answers[0]["businessSerialNumber"]
    assert answers[1]["pid"] == answers[3]["pid"]
    query = parse_qs(urlsplit(LOGIN["app"]).query)
    assert [asked[1]["bizSeq"]] == query["bizSeq"] == [json.loads(LOGIN["memory"])["bizSeq"]]
    data = json.loads(LOGIN["callback"]["resultData"])
    assert (asked[1]["idcardAuthData"], asked[1]["verifyData"]) == (data["idCardAuthData"], data["verifyData"])
    envelope = b64decode(answers[1]["authResultRetainData"])
    opened = enveloped_data.unseal(envelope, key=private_key(ENCRYPT_KEY), certificate=certificate(ENCRYPT_KEY))
    assert opened.decode() == LOGIN["retained"]


def _shape(value: Any) -> Any:
    """Names and kinds, without values."""
    if isinstance(value, dict):
        return {name: _shape(inner) for name, inner in value.items()}
    return [_shape(inner) for inner in value] if isinstance(value, list) else type(value).__name__


def test_the_file_is_what_would_be_recorded_today(tmp_path: Path) -> None:
    with ctid_world(tmp_path) as world:
        now = json.loads(json.dumps(document(world)))
    assert _shape(now) == _shape(VECTORS)
    for then, today in zip(CALLS, now["exchanges"][1:], strict=True):
        for name in ("request", "answer"):
            one, two = (package.read(call[name].encode()).fields for call in (then, today))
            assert list(one) == list(two)


# --- others ---


@dataclass(frozen=True)
class Piece:
    """One primitive value of a DER structure, as `openssl asn1parse` finds it."""

    kind: str
    value: bytes


@pytest.fixture(scope="module")
def openssl(tmp_path_factory: pytest.TempPathFactory) -> "OpenSsl":
    binary = shutil.which("openssl")
    if binary is None:
        pytest.skip("no openssl command: this check by another implementation did not run")
    tool = OpenSsl(binary, tmp_path_factory.mktemp("openssl"))
    if not tool.run("version").startswith(b"OpenSSL 3"):
        pytest.skip("the openssl command is not of version 3")
    return tool


@dataclass(frozen=True)
class OpenSsl:
    """The command line, in a folder of its own."""

    binary: str
    folder: Path

    def run(self, *arguments: str, good: bool = True, stdin: bytes = b"") -> bytes:
        done = subprocess.run(
            [self.binary, *arguments], input=stdin, capture_output=True, check=False, timeout=60, cwd=self.folder
        )
        assert (done.returncode == 0) is good, done.stderr.decode(errors="replace")
        return done.stdout

    def file(self, name: str, content: bytes) -> str:
        (self.folder / name).write_bytes(content)
        return name

    def pieces(self, der: bytes) -> list[Piece]:
        """Every primitive value, in order, read from the offsets that OpenSSL prints."""
        listing = self.run("asn1parse", "-inform", "DER", "-in", self.file("parsed.der", der)).decode()
        found = []
        for line in listing.splitlines():
            match = re.match(
                r"\s*(\d+):d=\d+\s+hl=(\d+) l=\s*(\d+) (prim|cons): ([A-Za-z\[\] 0-9]*?)\s*(?::.*|\[HEX.*)?$", line
            )
            assert match is not None, line
            start, head, length = int(match[1]), int(match[2]), int(match[3])
            if match[4] == "prim":
                found.append(Piece(match[5].strip(), der[start + head : start + head + length]))
        return found

    def verify(self, name: str, content: bytes, signature: bytes, *, good: bool = True) -> None:
        pem = self.file("key.pem", certificate(name).pem())
        public = self.file("public.pem", self.run("x509", "-in", pem, "-pubkey", "-noout"))
        files = ("-in", self.file("content", content), "-sigfile", self.file("signature", signature))
        options = ("-rawin", "-digest", "sm3", "-pkeyopt", f"distid:{COMMON['distid']}")
        self.run("pkeyutl", "-verify", "-pubin", "-inkey", public, *options, *files, good=good)

    def decrypt(self, name: str, ciphertext: bytes) -> bytes:
        key = self.file("private.pem", private_key(name).pem())
        return self.run("pkeyutl", "-decrypt", "-inkey", key, "-in", self.file("ciphertext", ciphertext))


def parts(openssl: OpenSsl) -> list[dict[str, Any]]:
    """The signature of every signed message and the sealed parts of every envelope, without our reader of DER."""
    messages = [(f"signed data {n}", v["signer"], v["content"], v["der"]) for n, v in enumerate(VECTORS["signed_data"])]
    for number, call in enumerate(CALLS):
        for text, signer in ((call["request"], SIGN_KEY), (call["answer"], PLATFORM_KEY)):
            # The signed bytes, without our reader of JSON: all between the two members' names.
            raw = text.removeprefix('{"bizPackage":').rsplit(',"sign":"', 1)[0]
            der = b64decode(json.loads(text)["sign"]).hex()
            messages.append((f"exchange {number} by {signer}", signer, raw.encode().hex(), der))
    found: list[dict[str, Any]] = []
    for name, signer, content, der in messages:
        signature = openssl.pieces(bytes.fromhex(der))[-1]
        assert signature.kind == "OCTET STRING"
        point = COMMON["keys"][signer]["point"]
        found.append(
            {"kind": "signed", "name": name, "signer": signer, "content": content, "point": point}
            | {"signature": signature.value.hex()}
        )
    for vector in VECTORS["envelopes"]:
        pieces = openssl.pieces(bytes.fromhex(vector["der"]))
        octets = [piece.value.hex() for piece in pieces if piece.kind == "OCTET STRING"]
        found.append(
            {"kind": "sealed", "name": vector["cipher"], "recipient": vector["recipient"], "key": octets[0]}
            | {"iv": octets[1] if vector["cipher"] == "sm4-cbc" else None, "content": pieces[-1].value.hex()}
            | {"secret": COMMON["keys"][vector["recipient"]]["secret"], "plaintext": vector["plaintext"]}
        )
    return found


def test_openssl_verifies_the_signatures(openssl: OpenSsl) -> None:
    for vector in VECTORS["signatures"]:
        message, signature = bytes.fromhex(vector["message"]), bytes.fromhex(vector["der"])
        openssl.verify(vector["key"], message, signature)
        openssl.verify(vector["key"], message + b"\0", signature, good=False)
        digest = openssl.run("dgst", "-sm3", "-binary", openssl.file("content", message))
        assert digest.hex() == vector["sm3"]


def test_openssl_opens_the_ciphertexts(openssl: OpenSsl) -> None:
    for vector in VECTORS["ciphertexts"]:
        assert openssl.decrypt(vector["key"], bytes.fromhex(vector["der"])).hex() == vector["plaintext"]


def test_openssl_verifies_the_certificates(openssl: OpenSsl) -> None:
    for name, entry in COMMON["keys"].items():
        der = bytes.fromhex(entry["certificate"])
        file = openssl.file("certificate.der", der)
        text = openssl.run("x509", "-inform", "DER", "-in", file, "-noout", "-text").decode()
        assert "SM2-with-SM3" in text
        assert "ASN1 OID: SM2" in text
        signed = openssl.run(
            "asn1parse", "-inform", "DER", "-in", file, "-strparse", "4", "-noout", "-out", "/dev/stdout"
        )
        openssl.verify(name, signed, openssl.pieces(der)[-1].value[1:])  # a bit string begins with its unused bits


def test_openssl_verifies_and_opens_the_messages(openssl: OpenSsl) -> None:
    for part in parts(openssl):
        if part["kind"] == "signed":
            openssl.verify(part["signer"], bytes.fromhex(part["content"]), bytes.fromhex(part["signature"]))
            continue
        key = openssl.decrypt(part["recipient"], bytes.fromhex(part["key"])).hex()
        mode = ("-sm4-cbc", "-iv", part["iv"]) if part["iv"] else ("-sm4-ecb",)
        file = openssl.file("content", bytes.fromhex(part["content"]))
        assert openssl.run("enc", "-d", *mode, "-K", key, "-in", file).hex() == part["plaintext"]


def test_we_verify_and_open_what_openssl_makes(openssl: OpenSsl) -> None:
    pem = openssl.run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2")
    key = Sm2PrivateKey.from_pem(pem)
    private = openssl.file("made.pem", pem)
    options = ("-rawin", "-digest", "sm3", "-pkeyopt", f"distid:{COMMON['distid']}")
    message = openssl.file("message", b"from OpenSSL")
    key.public_key.verify(openssl.run("pkeyutl", "-sign", "-inkey", private, *options, "-in", message), b"from OpenSSL")
    assert key.decrypt(openssl.run("pkeyutl", "-encrypt", "-inkey", private, "-in", message)) == b"from OpenSSL"


def test_sm_crypto_v2_agrees_in_both_directions(openssl: OpenSsl) -> None:
    found = parts(openssl)
    said = run_node("ctid-vectors.mjs", stdin=json.dumps(VECTORS | {"parts": found}).encode())
    assert said["failures"] == []
    assert said["checked"] == 3 * len(VECTORS["signatures"]) + len(VECTORS["ciphertexts"]) + len(found)
    public = Sm2PublicKey.from_sec1(bytes.fromhex(said["publicKey"]))
    public.verify(bytes.fromhex(said["signature"]), "通关".encode())
    private = Sm2PrivateKey(bytes.fromhex(said["privateKey"].rjust(64, "0")), public)
    assert private.decrypt(bytes.fromhex(said["ciphertext"])) == bytes(range(16))
