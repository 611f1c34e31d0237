"""The EID: bound to one telephone after a face check at the bureau, and the code that telephone shows at a counter."""

import json
import secrets
import threading
from typing import Final

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

QR_SECONDS: Final = 30
QR_GRACE: Final = 5
QR_PREFIX: Final = "MO1."

METHODS: Final = {
    # what is pressed -> acr, amr (RFC 8176)
    "rosto": ("urn:mo:conta-unica:rosto", ("face", "hwk")),
    "dispositivo": ("urn:mo:conta-unica:dispositivo", ("pin", "hwk")),
    "palavra-passe": ("urn:mo:conta-unica:palavra-passe", ("pwd",)),
}
FAILURES: Final = {
    "diferente": "rosto_diferente",
    "ilegivel": "rosto_ilegivel",
    "tempo": "tempo_esgotado",
}


class Telephones:
    """Which telephone holds whose EID. Nobody bound one yet: any will do, so that a login needs no telephone first."""

    def __init__(self) -> None:
        self._bound: dict[str, str] = {}

    def bind(self, person_id: str, telephone: str) -> None:
        """After a face check. The one before, if any, stops working."""
        self._bound[person_id] = telephone

    def holds(self, person_id: str, telephone: str) -> bool:
        return self._bound.get(person_id, telephone) == telephone


class CounterCodes:
    """QR texts that only the provider can read: `MO1.` and a JWE (`dir`, A256GCM) over person, end and random part."""

    def __init__(self) -> None:
        self._key = OctKey.generate_key(256)
        self._read: dict[str, float] = {}
        self._lock = threading.Lock()

    def show(self, person_id: str, now: float) -> str:
        """Good for QR_SECONDS, then the page shows another."""
        body = {"p": person_id, "end": now + QR_SECONDS + QR_GRACE, "n": secrets.token_urlsafe(16)}
        header = {"alg": "dir", "enc": "A256GCM"}
        return QR_PREFIX + jwe.encrypt_compact(header, json.dumps(body).encode(), self._key)

    def read(self, text: str, now: float) -> tuple[str | None, str]:
        """(person, "") or (None, error code). A code is read once."""
        try:
            body = json.loads(jwe.decrypt_compact(text.removeprefix(QR_PREFIX), self._key).plaintext or b"")
        except (JoseError, ValueError, TypeError, KeyError):
            return None, "qr_desconhecido"
        if not text.startswith(QR_PREFIX):
            return None, "qr_desconhecido"
        if body["end"] <= now:
            return None, "qr_caducado"
        with self._lock:
            self._read = {name: end for name, end in self._read.items() if end > now}
            if body["n"] in self._read:
                return None, "qr_usado"
            self._read[body["n"]] = body["end"]
        return str(body["p"]), ""
