"""A gate's home folder: its identity, its key, its database. One process at a time runs a lane from it."""

import fcntl
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from broker.wire.errors import WireError
from broker.wire.keys import Entropy, LocalSigner, PublicKey
from broker.wire.registry import KeyUse
from gate_client.template_source import GateIdentity


class HomeError(Exception):
    """The folder is not that of an enrolled gate, or is in use; the message says what to do."""


@dataclass(frozen=True, slots=True)
class GateConfig:
    """What enrolment fixed. `root_key`: the pinned COSE_Key, base64url; `ca`: PEM file for the broker's TLS."""

    gate_id: str
    zone: str
    broker: str
    root_key: str
    ca: str | None = None


class GateHome:
    """Paths and files of one gate. Private throughout: folder 0700, files 0600."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "gate.db"
        self.door_counter = folder / "simulated-exit-openings"
        self._config = folder / "gate.json"
        self._key = folder / "gate.key"
        self._lock = folder / "lane.lock"

    @property
    def enrolled(self) -> bool:
        return self._config.exists()

    def create(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.chmod(0o700)

    def key(self, entropy: Entropy) -> LocalSigner:
        """Return the gate's signing key; made on first use and written before anybody is told of it."""
        if self._key.exists():
            return self._load_key()
        signer = LocalSigner.generate(KeyUse.GATE, entropy=entropy)
        _write_private(self._key, signer.private_bytes())
        return signer

    def save(self, config: GateConfig) -> None:
        _write_private(self._config, json.dumps(asdict(config), indent=1).encode())

    def config(self) -> GateConfig:
        """Raises `HomeError` when this gate was never enrolled or its file is damaged."""
        try:
            config = GateConfig(**json.loads(self._config.read_bytes()))
            self.root(config)
        except FileNotFoundError:
            raise HomeError(f"{self.folder} holds no enrolled gate: run `tongguan gate enrol` first") from None
        except (ValueError, TypeError, WireError) as error:
            raise HomeError(f"{self._config} is damaged: {error}") from error
        return config

    def root(self, config: GateConfig) -> PublicKey:
        """Return the pinned root."""
        return PublicKey.from_cose_key(from_base64url(config.root_key), KeyUse.ROOT)

    def identity(self) -> GateIdentity:
        config = self.config()
        return GateIdentity(config.gate_id, config.zone, self._load_key())

    def claim(self) -> TextIO:
        """Take the lane of this home for as long as the returned file stays open. `HomeError` when it is taken."""
        handle = self._lock.open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.close()
            raise HomeError(f"another process runs the lane of {self.folder}") from error
        return handle

    def _load_key(self) -> LocalSigner:
        try:
            return LocalSigner.from_private_bytes(self._key.read_bytes(), KeyUse.GATE)
        except (OSError, ValueError) as error:
            raise HomeError(f"{self._key} cannot be read: {error}") from error


def to_base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """ValueError when `text` is not unpadded base64url."""
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if to_base64url(raw) != text:
        raise ValueError("not base64url")
    return raw


def _write_private(path: Path, content: bytes) -> None:
    """All or nothing, mode 0600, on disk when this returns."""
    beside = path.with_suffix(".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
