"""Our keys and the platform's certificates, from files, read again when a file has changed and when the platform signs
with a certificate we do not know.
"""

import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from connectors.ctid.settings import CtidSettings
from connectors.sm import enveloped_data, signed_data
from connectors.sm.certificate import MAX_BUNDLE, MAX_CERTIFICATE, Sm2Certificate, read_certificates
from connectors.sm.errors import DecodeError
from connectors.sm.keys import MAX_PEM, Sm2PrivateKey
from connectors.sm.signed_data import UnknownSigner

_MAX_FILE: Final = MAX_BUNDLE * MAX_CERTIFICATE * 2


@dataclass(frozen=True)
class _Held:
    signing_key: Sm2PrivateKey
    signing_certificate: Sm2Certificate
    encryption_key: Sm2PrivateKey
    encryption_certificate: Sm2Certificate
    platform: tuple[Sm2Certificate, ...]


class CtidKeys:
    """Signs, verifies, seals and opens. Files that have become unreadable leave the keys as they were."""

    def __init__(self, settings: CtidSettings, home: Path) -> None:
        """Raises OSError or DecodeError: a broker with keys it cannot use should not start."""
        self._settings, self._home = settings, home
        self._lock = threading.Lock()
        self._stamp = self._look()
        self._held = _read(settings, home)

    def sign(self, content: bytes) -> bytes:
        """Every exchange begins here: a key that was changed is noticed before it is used."""
        if self._look() != self._stamp:
            self.read_again()
        held = self._held
        return signed_data.sign(content, key=held.signing_key, certificate=held.signing_certificate)

    def verify(self, sign: bytes, content: bytes, *, at: datetime) -> None:
        """Raises DecodeError or SignatureError."""
        try:
            signed_data.verify(sign, content, trusted=self._held.platform, at=at)
        except UnknownSigner:
            self.read_again()
            signed_data.verify(sign, content, trusted=self._held.platform, at=at)

    def unseal(self, envelope: bytes) -> bytes:
        """Raises DecodeError or EnvelopeError."""
        held = self._held
        return enveloped_data.unseal(envelope, key=held.encryption_key, certificate=held.encryption_certificate)

    @property
    def platform(self) -> Sm2Certificate:
        """Whom to seal for."""
        return self._held.platform[0]

    def read_again(self) -> None:
        """After a rotation, without a restart. Files that are half written are looked at again the next time."""
        with self._lock:
            stamp = self._look()
            try:
                self._held = _read(self._settings, self._home)
            except (OSError, DecodeError):
                return
            self._stamp = stamp

    def _look(self) -> tuple[tuple[int, int], ...]:
        """When the files were written and how long they are; nothing for those that are not there."""
        try:
            found = [path.stat() for path in _files(self._settings, self._home)]
        except OSError:
            return ()
        return tuple((status.st_mtime_ns, status.st_size) for status in found)


def _files(settings: CtidSettings, home: Path) -> tuple[Path, ...]:
    return (
        home / settings.signing_key,
        home / settings.signing_certificate,
        home / settings.encryption_key,
        home / settings.encryption_certificate,
        home / settings.platform_certificates,
    )


def _read(settings: CtidSettings, home: Path) -> _Held:
    signing_key, signing, encryption_key, encryption, platform = _files(settings, home)
    return _Held(*_pair(signing_key, signing), *_pair(encryption_key, encryption), read_certificates(_bytes(platform)))


def _pair(key_file: Path, certificate_file: Path) -> tuple[Sm2PrivateKey, Sm2Certificate]:
    key, certificate = Sm2PrivateKey.from_pem(_bytes(key_file, MAX_PEM)), read_certificates(_bytes(certificate_file))[0]
    if key.public_key != certificate.public_key:
        raise DecodeError(f"{certificate_file.name} is not the certificate of {key_file.name}")
    return key, certificate


def _bytes(path: Path, limit: int = _MAX_FILE) -> bytes:
    with path.open("rb") as file:
        found = file.read(limit + 1)
    if len(found) > limit:
        raise DecodeError(f"{path.name} is too large")
    return found
