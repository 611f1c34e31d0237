"""`businessID`: how the service knows its own request again, in at most 36 ASCII characters.

Ours is 35 characters of base64url over 26 bytes: kind (1), minutes since 1970 (4), subject (8), random (5), MAC (8).
The subject is what was asked: which fields, as bits; or a keyed digest of the document. The MAC is HMAC-SHA256 under a
key of the service, so any worker recognises what any other began, and no result can pass for the answer to another
request. It is no secret: the person's browser sees it.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final

from connectors.iamsmart.fields import EME_FIELDS

LIFETIME: Final = timedelta(hours=1)
"""From begin to the latest result: well past the provider's own time for a task."""
_LENGTH: Final = 35
_SUBJECT, _RANDOM, _MAC = 8, 5, 8
_LABEL: Final = b"tongguan/iamsmart/businessID/v1\0"


class Kind(IntEnum):
    PROFILE = 1
    FORM_FILL = 2
    STEP_UP = 3
    HASH_SIGNATURE = 4
    PDF_SIGNATURE = 5


@dataclass(frozen=True)
class Begun:
    """A request that this service began. `fields`: those it asked for."""

    kind: Kind
    fields: tuple[str, ...]
    _subject: bytes = field(repr=False)
    _secret: str = field(repr=False)

    def asked_for(self, document: bytes) -> bool:
        """Whether it was about the document with this SHA-256."""
        return hmac.compare_digest(self._subject, _document(self._secret, document))


class BusinessIds:
    """Makes and recognises them, under a key derived from the service's `secret`."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def new(
        self,
        kind: Kind,
        *,
        at: datetime,
        entropy: Callable[[int], bytes],
        fields: tuple[str, ...] = (),
        document: bytes | None = None,
    ) -> str:
        """`fields` are of EME_FIELDS; `document` is a SHA-256."""
        if document is None:
            bits = sum(1 << EME_FIELDS.index(name) for name in set(fields))
            subject = bits.to_bytes(_SUBJECT, "big")
        else:
            subject = _document(self._secret, document)
        minutes = int(at.timestamp()) // 60
        head = bytes([kind]) + minutes.to_bytes(4, "big") + subject + entropy(_RANDOM)
        return _b64url(head + _mac(self._secret, head)[:_MAC])

    def begun(self, business_id: object, *, at: datetime) -> Begun | None:
        """What was begun within LIFETIME before `at`; None for anything that is not of our making."""
        if not isinstance(business_id, str) or len(business_id) != _LENGTH or not business_id.isascii():
            return None
        try:
            raw = urlsafe_b64decode(business_id + "=")
            kind = Kind(raw[0])
        except ValueError:
            return None
        head, mac = raw[:-_MAC], raw[-_MAC:]
        # One identifier has one spelling: base64 leaves spare bits.
        if _b64url(raw) != business_id or not hmac.compare_digest(mac, _mac(self._secret, head)[:_MAC]):
            return None
        begun = datetime.fromtimestamp(int.from_bytes(head[1:5], "big") * 60, UTC)
        if not begun - timedelta(minutes=1) <= at < begun + LIFETIME:
            return None
        subject = head[5 : 5 + _SUBJECT]
        signs = kind in (Kind.HASH_SIGNATURE, Kind.PDF_SIGNATURE)
        bits = 0 if signs else int.from_bytes(subject, "big")
        fields = tuple(name for place, name in enumerate(EME_FIELDS) if bits >> place & 1)
        return Begun(kind, fields, subject, self._secret)


def _document(secret: str, document: bytes) -> bytes:
    return _mac(secret, b"document\0" + document)[:_SUBJECT]


def _mac(secret: str, text: bytes) -> bytes:
    return hmac.digest(secret.encode(), _LABEL + text, "sha256")


def _b64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
