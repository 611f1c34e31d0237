"""The keys of access tokens and ID tokens as files: for each algorithm the one that signs, the next one, published
already, and the public halves of those that signed before. The folder is `SigningKeys`'.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from broker.stores.secret_files import SecretFileError, create_secret, read_secret

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
MakeKey = Callable[[], PrivateKey]

_STAMP: Final = "%Y%m%dT%H%M%SZ"
_RSA_BITS: Final = 3072


class TokenAlg(StrEnum):
    """ES256 for everybody. RS256 for the ID tokens of `oidc_basic` clients that register it: sandboxes alone have it,
    and its two keys cost about a second to make.
    """

    ES256 = "ES256"
    RS256 = "RS256"

    @property
    def file(self) -> str:
        return "token" if self is TokenAlg.ES256 else "rsa-token"


@dataclass(frozen=True, slots=True)
class TokenKeyFiles:
    """The keys of one algorithm at one moment: the one that signs, the one that will, those that did and until when."""

    current: PrivateKey
    ahead: PublicKey | None
    retired: tuple[tuple[PublicKey, datetime], ...]


def make_rsa() -> rsa.RSAPrivateKey:
    """3072 bits: the strength of P-256 (NIST SP 800-57 part 1, table 2)."""
    return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)


class TokenKeyFolder:
    """The files of one algorithm. Methods raise SecretFileError for a file that is not there, sound and private."""

    def __init__(self, folder: Path, alg: TokenAlg, make: MakeKey) -> None:
        self._folder, self._alg, self._make = folder, alg, make
        self._current, self._ahead = folder / f"{alg.file}.pem", folder / f"{alg.file}-next.pem"

    def generate(self) -> None:
        """Make the keys that are missing."""
        for path in (self._current, self._ahead):
            if not path.exists():
                with suppress(FileExistsError):  # another process made it in between; that one counts
                    create_secret(path, _pem(self._make()))

    def exists(self) -> bool:
        return self._current.exists()

    def current(self) -> PrivateKey:
        return self._private(self._current)

    def read(self) -> TokenKeyFiles:
        # The next one is absent in a home made before it was published ahead.
        ahead = self._private(self._ahead).public_key() if self._ahead.exists() else None
        retired = []
        for path in self._retired():
            try:
                stamp = path.stem.removeprefix(f"{self._alg.file}-").split("-")[0]
                moment = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
                key = load_pem_public_key(path.read_bytes())
            except (ValueError, OSError) as error:
                raise SecretFileError(f"{path} is damaged") from error
            if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey) or not self._fits(key):
                raise SecretFileError(f"{path} is not a key for {self._alg}")
            retired.append((key, moment))
        return TokenKeyFiles(self.current(), ahead, tuple(retired))

    def rotate(self, *, at: datetime) -> None:
        """The next key signs from now on, another is published ahead, the old one's public half is kept.

        Safe to repeat after a crash: whatever signed is either current or retired at every step.
        """
        public = self.current().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        current = read_secret(self._ahead) if self._ahead.exists() else _pem(self._make())
        name = f"{self._alg.file}-{at.astimezone(UTC).strftime(_STAMP)}-{sha256(public).hexdigest()}.pem"
        create_secret(self._folder / "retired" / name, public, replace=True)
        create_secret(self._current, current, replace=True)
        create_secret(self._ahead, _pem(self._make()), replace=True)

    def drop(self, key: PublicKey) -> bool:
        """Forget the key with that public half wherever it stands, for somebody else may have it: the one that comes
        after takes its place, and its public half is not kept. False when it is none of these.
        """
        if not self._fits(key):
            return False
        kept = [path for path in self._retired() if load_pem_public_key(path.read_bytes()) == key]
        for path in kept:
            path.unlink()
        # The next one first: after a crash in `rotate` it may be the current one as well.
        next_too = self._ahead.exists() and self._private(self._ahead).public_key() == key
        if next_too:
            create_secret(self._ahead, _pem(self._make()), replace=True)
        signs = self.current().public_key() == key
        if signs:
            create_secret(
                self._current, read_secret(self._ahead) if self._ahead.exists() else _pem(self._make()), replace=True
            )
            create_secret(self._ahead, _pem(self._make()), replace=True)
        return bool(kept) or next_too or signs

    def _retired(self) -> list[Path]:
        return sorted((self._folder / "retired").glob(f"{self._alg.file}-*.pem"))

    def _private(self, path: Path) -> PrivateKey:
        try:
            key = load_pem_private_key(read_secret(path), password=None)
        except ValueError as error:
            raise SecretFileError(f"{path} holds no private key") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) or not self._fits(key.public_key()):
            raise SecretFileError(f"{path} is not a key for {self._alg}")
        return key

    def _fits(self, key: PublicKey) -> bool:
        return isinstance(key, ec.EllipticCurvePublicKey) is (self._alg is TokenAlg.ES256)


def _pem(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
