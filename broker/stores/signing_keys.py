"""The broker's private keys, one 0600 PEM file each (PKCS #8) in one folder; a retired one leaves its public half."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from broker.stores.secret_files import SecretFileError, create_secret, read_secret
from broker.stores.token_key_files import MakeKey, TokenAlg, TokenKeyFiles, TokenKeyFolder, make_rsa
from broker.stores.token_key_files import PublicKey as TokenPublicKey
from broker.wire.errors import DecodeError
from broker.wire.keys import LocalSigner, PublicKey
from broker.wire.registry import Alg, KeyUse

Entropy = Callable[[int], bytes]
PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey

# The broker's own signing keys; a gate's key never leaves the gate.
USES: Final = (KeyUse.ROOT, KeyUse.PASS, KeyUse.STATUS, KeyUse.CHECKPOINT, KeyUse.RECEIPT, KeyUse.ANSWER)
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class RetiredKey:
    """A key that signs no more; what it signed stays valid until that expires by itself."""

    public: PublicKey
    retired_at: datetime


class SigningKeys:
    """Keys by use, read from the files at each call. A process that keeps the signers it was given, as the broker's do,
    signs with the old key after a rotation until it is restarted.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def generate(cls, folder: Path, *, entropy: Entropy = os.urandom) -> Self:
        """Make the keys that are missing in `folder`; existing ones stay."""
        for use in USES:
            _create_if_missing(folder / f"{use.value}.pem", _new_key(Alg.EDDSA, entropy))
        keys = cls(folder)
        keys._tokens(entropy).generate()
        return keys

    def generate_rsa(self, *, make: MakeKey = make_rsa) -> None:
        """Make the RSA keys of ID tokens that are missing: for a sandbox."""
        TokenKeyFolder(self._folder, TokenAlg.RS256, make).generate()

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The keys in `folder`, each read once to see that it is there, sound and private. Raises SecretFileError."""
        keys = cls(folder)
        for use in USES:
            keys.signer(use)
        keys.token_key()
        return keys

    def signer(self, use: KeyUse) -> LocalSigner:
        """The current key for `use`. Raises SecretFileError."""
        return LocalSigner(self._read(use.value), use)

    def token_key(self) -> ec.EllipticCurvePrivateKey:
        """The current P-256 key that signs access tokens. Raises SecretFileError."""
        key = self._tokens().current()
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise SecretFileError("the token key is not a P-256 key")
        return key

    def token_keys(self, alg: TokenAlg = TokenAlg.ES256) -> TokenKeyFiles | None:
        """Current, next and retired keys of tokens; None when none were made for that algorithm. Raises
        SecretFileError.
        """
        folder = self._of(alg)
        return folder.read() if alg is TokenAlg.ES256 or folder.exists() else None

    def token_stamp(self) -> tuple[tuple[str, int, int, int], ...]:
        """Another value whenever a file of a token key changed, its permissions included: it is replaced, so it has
        another inode, or was touched.
        """
        paths = (*self._folder.glob("*token*.pem"), *(self._folder / "retired").glob("*token-*.pem"))
        found = ((str(path), path.lstat()) for path in sorted(paths))
        return tuple((name, status.st_ino, status.st_mtime_ns, status.st_ctime_ns) for name, status in found)

    def rotate_token(self, *, at: datetime, entropy: Entropy = os.urandom) -> None:
        """The next keys sign from now on, others are published ahead, the old ones' public halves are kept."""
        self._tokens(entropy).rotate(at=at)
        rsa = self._of(TokenAlg.RS256)
        if rsa.exists():
            rsa.rotate(at=at)

    def drop_token(self, key: TokenPublicKey) -> bool:
        """Forget a token key that somebody else may have: nothing under it counts any more, the key after it takes its
        place. False when it is none of ours.
        """
        folders = [self._of(alg) for alg in TokenAlg]
        return any(folder.drop(key) for folder in folders if folder.exists())

    def _tokens(self, entropy: Entropy = os.urandom) -> TokenKeyFolder:
        return TokenKeyFolder(self._folder, TokenAlg.ES256, lambda: _new_p256(entropy))

    def _of(self, alg: TokenAlg) -> TokenKeyFolder:
        return self._tokens() if alg is TokenAlg.ES256 else TokenKeyFolder(self._folder, alg, make_rsa)

    def secret(self, name: str, *, entropy: Entropy = os.urandom) -> bytes:
        """32 random bytes kept under `name` (letters, digits, hyphens), made on first use."""
        if not name.replace("-", "").isalnum():
            raise ValueError(f"{name!r} is no name of a secret")
        path = self._folder / f"{name}.secret"
        if not path.exists():
            with suppress(FileExistsError):  # another worker was faster; its bytes count
                create_secret(path, entropy(32))
        found = read_secret(path)
        if len(found) != 32:
            raise SecretFileError(f"{path} is damaged: it holds {len(found)} bytes, not 32")
        return found

    def rotate(self, use: KeyUse, *, at: datetime, entropy: Entropy = os.urandom) -> LocalSigner:
        """Put a new key in place of the current one, whose private half is gone afterwards.

        Raises ValueError for the root: gates pin it, so a new root means enrolling every gate again.
        """
        if use is KeyUse.ROOT or use not in USES:
            raise ValueError(f"{use.value} keys are not rotated here")
        old = self.signer(use).public
        name = f"{use.value}-{at.astimezone(UTC).strftime(_STAMP)}-{old.kid.hex()}.pub"
        # The public half first: a crash in between leaves the key both current and retired, which loses nothing.
        create_secret(self._folder / "retired" / name, old.to_cose_key(), replace=True)
        new = _new_key(old.alg, entropy)
        create_secret(self._folder / f"{use.value}.pem", _pem(new), replace=True)
        return LocalSigner(new, use)

    def retired(self, use: KeyUse) -> tuple[RetiredKey, ...]:
        """Former keys for `use`, oldest first. Raises SecretFileError when a file is damaged."""
        current = self.signer(use).public
        found = []
        for path in sorted((self._folder / "retired").glob(f"{use.value}-*.pub")):
            try:
                moment = datetime.strptime(path.name.split("-")[1], _STAMP).replace(tzinfo=UTC)
                public = PublicKey.from_cose_key(path.read_bytes(), use)
            except (ValueError, DecodeError) as error:
                raise SecretFileError(f"{path} is damaged") from error
            if public != current:
                found.append(RetiredKey(public, moment))
        return tuple(found)

    def publics(self, use: KeyUse) -> tuple[PublicKey, ...]:
        """The current public key, then the retired ones."""
        return (self.signer(use).public, *(key.public for key in self.retired(use)))

    def _read(self, name: str) -> PrivateKey:
        path = self._folder / f"{name}.pem"
        try:
            key = load_pem_private_key(read_secret(path), password=None)
        except ValueError as error:
            raise SecretFileError(f"{path} holds no private key") from error
        if not isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
            raise SecretFileError(f"{path} holds a key of another kind")
        return key


def _new_key(alg: Alg, entropy: Entropy) -> PrivateKey:
    secret = LocalSigner.generate(KeyUse.PASS, alg, entropy).private_bytes()
    if alg is Alg.EDDSA:
        return ed25519.Ed25519PrivateKey.from_private_bytes(secret)
    return _p256(secret)


def _new_p256(entropy: Entropy) -> ec.EllipticCurvePrivateKey:
    return _p256(LocalSigner.generate(KeyUse.PASS, Alg.ES256, entropy).private_bytes())


def _p256(secret: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())


def _pem(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _create_if_missing(path: Path, key: PrivateKey) -> None:
    if not path.exists():
        with suppress(FileExistsError):  # another process made it in between; that one counts
            create_secret(path, _pem(key))
