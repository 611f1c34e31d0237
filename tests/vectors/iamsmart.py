"""Writes specs/vectors/iamsmart.json: `python -m tests.vectors.iamsmart`.

Keys, and what RSA made random, are kept from the file that is there; everything else is made anew from them.
"""

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from connectors.iamsmart.content_key import KeyWrap, wrap
from connectors.iamsmart.envelope import compact_json, seal
from connectors.iamsmart.fields import hkic_hash
from connectors.iamsmart.request_signature import SignatureRule, signature, signed_headers
from connectors.mock_idps.iamsmart.authority import (
    AUTHORITY,
    SERVICE_CERTIFICATE,
    SERVICE_KEY,
    Authority,
    Signer,
    lay_out,
)
from tests.vectors.loader import DIRECTORY

FILE: Final = DIRECTORY / "iamsmart.json"
AT: Final = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
TIMESTAMP: Final = str(int(AT.timestamp() * 1000))
CLIENT: Final = "tongguan"
SECRET: Final = "the secret: ü %+&"
KEY: Final = bytes(range(32))
DOCUMENT: Final = b"the document that is signed\n"


def make_keys() -> dict[str, Any]:
    """What cannot be made twice alike."""
    with TemporaryDirectory() as work:
        folder = Path(work)
        lay_out(folder, at=AT)
        authority = Authority.read(folder)
        signer = authority.signer("iamsmart-chan", "CHAN, Si Fan", at=AT)
        service = load_pem_private_key((folder / SERVICE_KEY).read_bytes(), None)
        assert isinstance(service, rsa.RSAPrivateKey)
        return {
            "why": "made for these vectors and used nowhere else",
            "service_key": (folder / SERVICE_KEY).read_text(),
            "service_certificate": (folder / SERVICE_CERTIFICATE).read_text(),
            "signing_authority": (folder / AUTHORITY).read_text(),
            "signer_key": signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            "signer_certificate": signer.certificate.public_bytes(Encoding.PEM).decode(),
            "wrapped": {str(how): wrap(KEY, service.public_key(), how) for how in KeyWrap},
        }


def document(keys: dict[str, Any]) -> dict[str, Any]:
    return {
        "format": "tongguan/vectors/v1",
        "layer": "iamsmart",
        "keys": keys,
        "request_signatures": _signatures(),
        "content_keys": [
            {"name": f"wrapped with {how}", "padding": how, "secretKey": text, "key": KEY.hex()}
            for how, text in keys["wrapped"].items()
        ],
        "envelopes": _envelopes(),
        "hkic_hashes": [
            {"number": number, "HKICHash": hkic_hash(number)} for number in ("A1234563", "QX9001236", "QX9004561")
        ],
        "requests": _requests(),
        "callbacks": _callbacks(keys),
        "document_signatures": _document_signatures(keys),
    }


def _signatures() -> list[dict[str, Any]]:
    cases = [
        ("the rule", b'{"content":"AAAA"}', SignatureRule()),
        ("an empty object, as getKey sends it", b"{}", SignatureRule()),
        ("a body that is not ASCII", '{"名":"值"}'.encode(), SignatureRule()),
        ("a client that leaves out the body", b'{"content":"AAAA"}', SignatureRule(covers_body=False)),
        ("a client that leaves out the URL-encoding", b'{"content":"AAAA"}', SignatureRule(url_encoded=False)),
        ("a client that leaves out both", b'{"content":"AAAA"}', SignatureRule(False, False)),
    ]
    made = []
    for number, (name, body, rule) in enumerate(cases):
        nonce = f"{number:032x}"
        made.append(
            {
                "name": name,
                "clientID": CLIENT,
                "secret": SECRET,
                "signatureMethod": "HmacSHA256",
                "timestamp": TIMESTAMP,
                "nonce": nonce,
                "body": body.hex(),
                "covers_body": rule.covers_body,
                "url_encoded": rule.url_encoded,
                "signature": signature(
                    SECRET, client_id=CLIENT, timestamp=TIMESTAMP, nonce=nonce, body=body, rule=rule
                ),
            }
        )
    return made


def _envelopes() -> list[dict[str, Any]]:
    iv = bytes.fromhex("000102030405060708090a0b")
    good = seal(KEY, b'{"code":"abc"}', iv=iv)
    raw = b64decode(good)

    def case(name: str, content: str, plaintext: bytes | None, key: bytes = KEY) -> dict[str, Any]:
        expect = {"refused": True} if plaintext is None else {"plaintext": plaintext.hex()}
        return {"name": name, "key": key.hex(), "content": content, **expect}

    def damaged(raw: bytes) -> str:
        return b64encode(raw).decode()

    return [
        case("an object", good, b'{"code":"abc"}'),
        case("nothing inside", seal(KEY, b"", iv=iv), b""),
        case(
            "Chinese names", seal(KEY, '{"ChineseName":"陳示範"}'.encode(), iv=iv), '{"ChineseName":"陳示範"}'.encode()
        ),
        case("another key", good, None, bytes(32)),
        case("a changed tag", damaged(raw[:-1] + bytes([raw[-1] ^ 1])), None),
        case("a changed iv", damaged(raw[:4] + bytes([raw[4] ^ 1]) + raw[5:]), None),
        case("an iv of 16 bytes", damaged(b"\0\0\0\x10" + raw[4:]), None),
        case("a little-endian length", damaged(b"\x0c\0\0\0" + raw[4:]), None),
        case("cut short", damaged(raw[:31]), None),
        case("not base64", good[:-1] + "!", None),
        case("url-safe base64", good.replace("/", "_").replace("+", "-") + "_", None),
    ]


def _requests() -> list[dict[str, Any]]:
    """Whole requests, octet by octet."""
    contents: list[tuple[str, str, dict[str, Any] | None]] = [
        ("get a content key", "/security/getKey", None),
        ("redeem a code", "/auth/getToken", {"code": "c0de", "grantType": "authorization_code"}),
        (
            "pull a profile",
            "/profiles",
            {"accessToken": "t0ken", "openID": "0penid", "profileFields": ["idNo", "enName"], "eMEFields": []},
        ),
        (
            "start an anonymous signature",
            "/anonymous/signing/initiateRequest",
            {
                "businessID": "A" * 35,
                "source": "PC_Browser",
                "redirectURI": "https://broker.example/approvals/iamsmart/callback",
                "state": "the-state",
                "hashCode": b64encode(sha256(DOCUMENT).digest()).decode(),
                "sigAlgo": "SHA256withRSA",
                "HKICHash": hkic_hash("QX9001236"),
                "department": "Department",
                "serviceName": "Service",
                "documentName": "Document",
            },
        ),
    ]
    made = []
    for number, (name, path, content) in enumerate(contents, start=1):
        iv = number.to_bytes(12, "big")
        body = b"{}" if content is None else compact_json({"content": seal(KEY, compact_json(content), iv=iv)})
        nonce = f"{number:032x}"
        headers = signed_headers(SECRET, client_id=CLIENT, timestamp=TIMESTAMP, nonce=nonce, body=body)
        lines = [f"POST /api/v1{path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        made.append(
            {
                "name": name,
                "key": None if content is None else KEY.hex(),
                "secret": SECRET,
                "content": content,
                "octets": ("\r\n".join(lines) + "\r\n\r\n").encode().hex() + body.hex(),
            }
        )
    return made


def _callbacks(keys: dict[str, Any]) -> list[dict[str, Any]]:
    content = {"businessID": "A" * 35, "state": "the-state", "gender": "M"}
    members = {
        "txID": "0" * 32,
        "code": "D00000",
        "message": "SUCCESS",
        "content": seal(KEY, compact_json(content), iv=bytes(11) + b"\x7f"),
        "secretKey": keys["wrapped"]["pkcs1v15"],
    }
    return [
        {
            "name": "a form, with a new key",
            "padding": "pkcs1v15",
            "octets": compact_json(members).hex(),
            "content": content,
        }
    ]


def _document_signatures(keys: dict[str, Any]) -> list[dict[str, Any]]:
    key = load_pem_private_key(keys["signer_key"].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    signer = Signer(key, x509.load_pem_x509_certificate(keys["signer_certificate"].encode()))
    digest = sha256(DOCUMENT).digest()
    common = {"document": DOCUMENT.hex(), "at": AT.isoformat()}
    return [
        {"name": "hash", **common, "content": signer.hash_result(digest, at=AT)},
        {"name": "pdf", **common, "content": signer.pdf_result(digest, at=AT)},
    ]


def main() -> None:
    kept = json.loads(FILE.read_text(encoding="utf-8"))["keys"] if FILE.exists() else make_keys()
    FILE.write_text(json.dumps(document(kept), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
