"""`businessID`: how the service knows its own request again, in at most 36 ASCII characters.

Ours is 34 characters of base64url over: kind (1 byte), minutes since 1970 (4), random (8), MAC (12). The MAC is
HMAC-SHA256 under a key of the service, so any worker recognises what any other began, without a table, and nobody else
can make one. It is no secret: the person's browser sees it.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final

LIFETIME: Final = timedelta(hours=1)
"""From begin to the latest result: well past the provider's own time for a task."""
_LENGTH: Final = 34
_RANDOM, _MAC = 8, 12
_LABEL: Final = b"tongguan/iamsmart/businessID/v1\0"


class Kind(IntEnum):
    PROFILE = 1
    FORM_FILL = 2
    STEP_UP = 3
    HASH_SIGNATURE = 4
    PDF_SIGNATURE = 5


def new_business_id(secret: str, kind: Kind, *, at: datetime, entropy: Callable[[int], bytes]) -> str:
    minutes = int(at.timestamp()) // 60
    head = bytes([kind]) + minutes.to_bytes(4, "big") + entropy(_RANDOM)
    return urlsafe_b64encode(head + _mac(secret, head)).rstrip(b"=").decode()


def kind_of(secret: str, business_id: object, *, at: datetime) -> Kind | None:
    """The kind of a request that this service began within LIFETIME before `at`; None for anything else."""
    if not isinstance(business_id, str) or len(business_id) != _LENGTH or not business_id.isascii():
        return None
    try:
        raw = urlsafe_b64decode(business_id + "==")
        if urlsafe_b64encode(raw).rstrip(b"=").decode() != business_id:
            return None  # one identifier, one spelling
        kind = Kind(raw[0])
    except ValueError:
        return None
    head, mac = raw[:-_MAC], raw[-_MAC:]
    if not hmac.compare_digest(mac, _mac(secret, head)):
        return None
    begun = datetime.fromtimestamp(int.from_bytes(head[1:5], "big") * 60, UTC)
    return kind if begun - timedelta(minutes=1) <= at < begun + LIFETIME else None


def _mac(secret: str, head: bytes) -> bytes:
    return hmac.digest(secret.encode(), _LABEL + head, "sha256")[:_MAC]
