"""The signature on every request to iAM Smart (specs/iamsmart.md 2).

    signature = url-encode(base64(HMAC-SHA256(secret, clientID || signatureMethod || timestamp || nonce || raw body)))

Known clients differ in two points, so both are settings of a service: some leave out the body, some the URL-encoding.
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

METHOD: Final = "HmacSHA256"


@dataclass(frozen=True)
class SignatureRule:
    """How a service signs; the default is the rule above."""

    covers_body: bool = True
    url_encoded: bool = True


def signature(
    secret: str, *, client_id: str, timestamp: str, nonce: str, body: bytes, rule: SignatureRule = SignatureRule()
) -> str:
    """The header's value. `timestamp` is milliseconds since 1970 in decimal, `body` the bytes as they are sent."""
    text = f"{client_id}{METHOD}{timestamp}{nonce}".encode() + (body if rule.covers_body else b"")
    mac = b64encode(hmac.digest(secret.encode(), text, "sha256")).decode()
    return quote(mac, safe="") if rule.url_encoded else mac


def signed_headers(
    secret: str, *, client_id: str, timestamp: str, nonce: str, body: bytes, rule: SignatureRule = SignatureRule()
) -> dict[str, str]:
    """Every header of a request."""
    return {
        "Content-Type": "application/json",
        "clientID": client_id,
        "signatureMethod": METHOD,
        "timestamp": timestamp,
        "nonce": nonce,
        "signature": signature(secret, client_id=client_id, timestamp=timestamp, nonce=nonce, body=body, rule=rule),
    }


def is_signed_by(secret: str, headers: Mapping[str, str], body: bytes, rule: SignatureRule) -> bool:
    """Whether headers (any case of names, if the mapping takes any) carry the signature `secret` gives."""
    if headers.get("signatureMethod") != METHOD:
        return False
    expected = signature(
        secret,
        client_id=headers.get("clientID", ""),
        timestamp=headers.get("timestamp", ""),
        nonce=headers.get("nonce", ""),
        body=body,
        rule=rule,
    )
    return hmac.compare_digest(expected.encode(), headers.get("signature", "").encode())
