"""Keys of the mock platform and of its one client, in a folder: made once, so that both sides know the other's."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from secrets import randbits
from typing import Final, Self

from connectors.sm.certificate import Sm2Certificate, read_certificates, self_signed
from connectors.sm.keys import Sm2PrivateKey

_YEARS: Final = timedelta(days=3 * 365)
PLATFORM: Final = "platform"
FORMER: Final = "platform-former"
CLIENT_SIGN: Final = "client-sign"
CLIENT_ENCRYPT: Final = "client-encrypt"
TRUSTED: Final = "platform-certificates.pem"
"""What the client believes: the platform's certificate, then its former ones."""


@dataclass(frozen=True)
class Pair:
    """A key and its certificate."""

    key: Sm2PrivateKey
    certificate: Sm2Certificate

    @classmethod
    def make(cls, name: str, *, at: datetime, until: datetime) -> Self:
        key = Sm2PrivateKey.generate()
        since = min(at, until) - timedelta(days=400)
        certificate = self_signed(key, name=name, serial=randbits(63) | 1, not_before=since, not_after=until)
        return cls(key, certificate)

    def write(self, folder: Path, name: str) -> None:
        path = folder / f"{name}.key"
        path.touch(mode=0o600)
        path.write_bytes(self.key.pem())
        (folder / f"{name}.pem").write_bytes(self.certificate.pem())

    @classmethod
    def read(cls, folder: Path, name: str) -> Self:
        """Raises OSError or DecodeError."""
        key = Sm2PrivateKey.from_pem((folder / f"{name}.key").read_bytes())
        return cls(key, read_certificates((folder / f"{name}.pem").read_bytes())[0])


@dataclass
class MockKeys:
    """`former`: a key of the platform whose certificate has expired."""

    folder: Path
    platform: Pair
    former: Pair
    client_sign: Sm2Certificate
    client_encrypt: Sm2Certificate

    @classmethod
    def load(cls, folder: Path, *, at: datetime) -> Self:
        """Read the folder; fill an empty one first. Raises OSError or DecodeError."""
        if not (folder / f"{PLATFORM}.key").exists():
            _fill(folder, at)
        return cls(
            folder,
            Pair.read(folder, PLATFORM),
            Pair.read(folder, FORMER),
            read_certificates((folder / f"{CLIENT_SIGN}.pem").read_bytes())[0],
            read_certificates((folder / f"{CLIENT_ENCRYPT}.pem").read_bytes())[0],
        )

    def rotate(self, *, at: datetime) -> None:
        """A new key for the platform; the client finds its certificate in the file it believes."""
        known = (self.folder / TRUSTED).read_bytes()
        self.platform = Pair.make("mock CTID platform", at=at, until=at + _YEARS)
        self.platform.write(self.folder, PLATFORM)
        (self.folder / TRUSTED).write_bytes(self.platform.certificate.pem() + known)


def _fill(folder: Path, at: datetime) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    platform = Pair.make("mock CTID platform", at=at, until=at + _YEARS)
    former = Pair.make("mock CTID platform, former", at=at, until=at - timedelta(days=30))
    platform.write(folder, PLATFORM)
    former.write(folder, FORMER)
    for name in (CLIENT_SIGN, CLIENT_ENCRYPT):
        Pair.make(f"mock CTID {name}", at=at, until=at + _YEARS).write(folder, name)
    (folder / TRUSTED).write_bytes(platform.certificate.pem() + former.certificate.pem())
