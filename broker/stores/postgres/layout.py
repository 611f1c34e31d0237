"""Where one cluster keeps its files: all under `<data dir>/postgres`, 0700, owned by the account that runs it."""

from dataclasses import dataclass
from pathlib import Path

SOCKET_NAME = ".s.PGSQL.5432"
START_TIMEOUT = 120.0  # seconds, initdb and crash recovery included
MAX_SOCKET_PATH = 107  # sun_path holds 108 bytes on Linux, one of them the final NUL


@dataclass(frozen=True)
class Layout:
    """The paths of one cluster."""

    base: Path

    @classmethod
    def of(cls, data_dir: Path) -> "Layout":
        return cls(data_dir.resolve() / "postgres")

    @property
    def cluster(self) -> Path:
        """PGDATA. It appears by a rename, so it exists only when it is complete."""
        return self.base / "cluster"

    @property
    def unfinished(self) -> Path:
        """PGDATA while initdb works on it; whatever an interrupted run left there is thrown away."""
        return self.base / "cluster.unfinished"

    @property
    def sockets(self) -> Path:
        return self.base / "run"

    @property
    def password(self) -> Path:
        """The password of the role `tongguan`, which owns the database and is no superuser."""
        return self.base / "password"

    @property
    def admin_password(self) -> Path:
        """The password of the superuser `postgres`."""
        return self.base / "admin.password"

    @property
    def endpoint(self) -> Path:
        """JSON: supervisor pid and socket directory. Valid while `supervisor_lock` is held."""
        return self.base / "endpoint.json"

    @property
    def supervisor_lock(self) -> Path:
        """flock: held exclusively by the supervisor for as long as it lives."""
        return self.base / "supervisor.lock"

    @property
    def attached_lock(self) -> Path:
        """flock: held shared by every process that uses the server, exclusively by a supervisor shutting down."""
        return self.base / "attached.lock"

    @property
    def log(self) -> Path:
        return self.base / "supervisor.log"

    def socket_fits(self) -> bool:
        """True when a client can name the socket under `sockets` within the limit of the operating system."""
        return len(bytes(self.sockets / SOCKET_NAME)) <= MAX_SOCKET_PATH
