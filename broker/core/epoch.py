"""Epochs of a zone: one secret a UTC day, from which the keys of in-QR templates are derived
(specs/sealed-template.md).
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from broker.core.sealing import derive
from broker.core.travel import LIFETIME
from broker.wire.travel_pass import PassMode

_DAY = timedelta(days=1)
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)
_NAMESPACE = UUID("5d0c7e52-6f0b-4f0e-9d6c-2f4c1c9a7b10")
GRACE = timedelta(hours=1)
PREFETCH = timedelta(hours=6)
"""How long before midnight a gate is already given the next day's secret, so that a cut at midnight does not blind it.
"""


def epoch_of(at: datetime) -> int:
    """The UTC day number since 1970-01-01 that `at` lies in."""
    return (at - _UNIX) // _DAY


def dies_at(epoch: int) -> datetime:
    """When the secret of `epoch` is destroyed: the last pass minted in it has expired, plus one hour."""
    return _UNIX + (epoch + 1) * _DAY + LIFETIME[PassMode.OFFLINE] + GRACE


def epochs_in_use(at: datetime) -> tuple[int, ...]:
    """Epochs whose passes may be shown at `at`, and the next one shortly before it begins."""
    today = epoch_of(at)
    first = today
    while dies_at(first - 1) > at:
        first -= 1
    return tuple(range(first, epoch_of(at + PREFETCH) + 1))


def key_id(zone: str, epoch: int) -> UUID:
    """The name under which the key store keeps the key of one zone and day."""
    return uuid5(_NAMESPACE, f"{zone}/{epoch}")


def epoch_secret(key: bytes, *, zone: str, epoch: int) -> bytes:
    """The 32-byte secret that gates of `zone` receive for `epoch`."""
    return derive(key, info=b"tongguan/epoch-secret/v1\0" + epoch.to_bytes(8, "big") + zone.encode())
