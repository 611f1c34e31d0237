"""What remains of a login once it is a grant: how long it counts, and the hash of what was signed."""

from datetime import timedelta
from hashlib import sha256
from typing import Final

GRANT_LIFETIME: Final = timedelta(hours=1)
"""How long something new may rest on one login."""


def evidence_hash(*texts: bytes) -> bytes:
    """SHA-256 over the signed texts as received, each preceded by its length in four bytes (specs/identity-grant.md
    4).
    """
    hasher = sha256()
    for text in texts:
        hasher.update(len(text).to_bytes(4, "big") + text)
    return hasher.digest()
