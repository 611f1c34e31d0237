"""Our department's private keys: a folder of `KID.pem`, read when a packet names a key that is not known yet."""

import re
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_KID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class DepartmentKeys:
    """Several keys may be in use at once: the new one is registered while packets for the old one are on their way."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, kid: object) -> ec.EllipticCurvePrivateKey | None:
        """The P-256 key of that name; None when the folder holds no such key, or one that cannot be used."""
        # The name becomes part of a path, so it may hold nothing that a path makes something of.
        if not isinstance(kid, str) or not _KID.fullmatch(kid):
            return None
        try:
            key = load_pem_private_key((self._folder / f"{kid}.pem").read_bytes(), password=None)
        except (OSError, ValueError, TypeError):
            return None
        usable = isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
        return key if usable and isinstance(key, ec.EllipticCurvePrivateKey) else None
