"""Checking what the broker signed for people to keep: certificates, exports, receipts of deletion (specs/rights.md 7).

Needs keys and nothing else: no database, no home, no network.
"""

import base64
import binascii
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from broker.wire.checkpoint import Checkpoint
from broker.wire.checkpoint import verify as verify_checkpoint
from broker.wire.errors import DecodeError, VerifyError
from broker.wire.keys import PublicKey
from broker.wire.merkle import ProofError, verify_inclusion
from broker.wire.reasons import Reason
from broker.wire.registry import Alg, KeyUse

MAX_STATEMENT: Final = 64 * 1024 * 1024
_MAX_DEPTH: Final = 64


@dataclass(frozen=True, slots=True)
class Statement:
    """A verified statement: its type, the key that signed it, what it says."""

    typ: str
    kid: str
    claims: Mapping[str, Any]


def verify_statement(
    text: str, keys: Collection[PublicKey], *, expected: Collection[str], payload: bytes | None = None
) -> Statement:
    """The statement in a compact JWS (RFC 7515 7.1), or in a detached one (appendix F) over `payload`.

    Raises DecodeError for anything that is none, VerifyError for another type, an unknown key or a bad signature.
    """
    # (1) three parts
    parts = text.strip().split(".") if len(text) <= MAX_STATEMENT else []
    if len(parts) != 3 or (payload is not None) != (parts[1] == ""):
        raise DecodeError(Reason.MALFORMED_CLAIMS, "not a compact JWS of the expected form")
    header = _object(_base64url(parts[0]))
    body = _base64url(parts[1]) if payload is None else payload
    signed = f"{parts[0]}.".encode() + (parts[1].encode() if payload is None else to_base64url(payload))
    # (2) `alg` is the key's, `typ` one that was asked for (RFC 8725 3.1, 3.11); nothing critical is understood
    typ, kid = header.get("typ"), header.get("kid")
    if header.get("alg") != "EdDSA" or set(header) != {"alg", "kid", "typ"}:
        raise VerifyError(Reason.UNKNOWN_KEY, "a header that the broker does not write")
    if not isinstance(typ, str) or typ not in expected:
        raise VerifyError(Reason.MALFORMED_CLAIMS, "a statement of another type")
    # (3) the signature
    for key in keys:
        if key.use is KeyUse.RECEIPT and key.alg is Alg.EDDSA and key.kid.hex() == kid:
            key.verify(_base64url(parts[2]), signed)
            return Statement(typ, kid, _object(body))
    raise VerifyError(Reason.UNKNOWN_KEY, "no key that is trusted signed the statement")


def verify_export(text: str, keys: Collection[PublicKey], *, expected: Collection[str]) -> Statement:
    """The statement in a file `{"export": ..., "jws": "<detached>"}`. Raises DecodeError, VerifyError."""
    match _object(text.encode()):
        case {"export": dict(document), "jws": str(jws), **rest} if not rest:
            try:
                payload = canonical(document)
            except ValueError as error:
                raise DecodeError(Reason.MALFORMED_CLAIMS, "a document with more than one spelling") from error
            return verify_statement(jws, keys, expected=expected, payload=payload)
    raise DecodeError(Reason.MALFORMED_CLAIMS, "not an export")


def verify_journal_place(place: Any, keys: Iterable[PublicKey], *, origin: str) -> Checkpoint:
    """The checkpoint under which the entry named in `place` stands (specs/journal.md 7). Raises DecodeError,
    VerifyError.
    """
    match place:
        case {"leaf": str(leaf), "index": int(index), "size": int(size), "proof": list(proof), "checkpoint": str(note)}:
            checkpoint = verify_checkpoint(note, keys, expected_origin=origin)
            try:
                path = [bytes.fromhex(node) for node in proof if isinstance(node, str)]
                if len(path) != len(proof) or checkpoint.size != size:
                    raise VerifyError(Reason.MALFORMED_CLAIMS, "the proof is for another tree")
                verify_inclusion(bytes.fromhex(leaf), index=index, size=size, proof=path, root=checkpoint.root)
            except (ProofError, ValueError) as error:
                raise VerifyError(Reason.MALFORMED_CLAIMS, "the proof does not hold") from error
            return checkpoint
    raise DecodeError(Reason.MALFORMED_CLAIMS, "no place in the journal")


def read_jwks(raw: bytes) -> tuple[PublicKey, ...]:
    """The Ed25519 statement keys of a JWK Set, or of one JWK (RFC 8037). Raises DecodeError."""
    document = _object(raw)
    found = document.get("keys", [document])
    if not isinstance(found, list) or len(found) > 100:
        raise DecodeError(Reason.MALFORMED_CLAIMS, "not a JWK Set")
    points = [
        _base64url(jwk["x"])
        for jwk in found
        if isinstance(jwk, dict) and jwk.get("crv") == "Ed25519" and isinstance(jwk.get("x"), str)
    ]
    return tuple(PublicKey.of_point(Alg.EDDSA, KeyUse.RECEIPT, point) for point in points)


def canonical(document: Mapping[str, Any]) -> bytes:
    """RFC 8785 for documents of strings, booleans, null and whole numbers, with ASCII names. Raises ValueError for
    anything else.
    """
    _plain(document, 0)
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def to_base64url(raw: bytes) -> bytes:
    """RFC 7515 2: no padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _plain(value: Any, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    match value:
        case dict():
            for name, item in value.items():
                if not isinstance(name, str) or not name.isascii():
                    raise ValueError("a name that is not ASCII")
                _plain(item, depth + 1)
        case list() | tuple():
            for item in value:
                _plain(item, depth + 1)
        case None | bool() | str():
            return
        case int() if abs(value) < 2**53:
            return
        case _:
            raise ValueError("a value that has more than one spelling")


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DecodeError(Reason.MALFORMED_CLAIMS, "not JSON") from error
    if not isinstance(value, dict):
        raise DecodeError(Reason.MALFORMED_CLAIMS, "not a JSON object")
    return value


def _base64url(text: str) -> bytes:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise DecodeError(Reason.MALFORMED_CLAIMS, "not base64url") from None
    if to_base64url(raw) != text.encode():
        raise DecodeError(Reason.MALFORMED_CLAIMS, "base64url with stray bits")
    return raw
