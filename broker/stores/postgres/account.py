"""Which operating-system account runs the server. PostgreSQL refuses to run as root, so root hands it to another."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from broker.stores.postgres.errors import PostgresError

DEDICATED_USER = "tongguan-db"


@dataclass(frozen=True)
class Account:
    """The owner of the cluster's files and of the server processes."""

    name: str
    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """True when this process, being root, must switch to the account."""
        return self.uid != os.geteuid()

    def own(self, path: Path) -> None:
        if self.is_other:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def can_read(self, path: Path) -> bool:
        """Whether the account reaches and reads `path`, asked of the kernel by a child that has become the account."""
        if not self.is_other:
            return os.access(path, os.R_OK | os.X_OK)
        child = os.fork()
        if child == 0:
            try:
                os.setgroups([])
                os.setgid(self.gid)
                os.setuid(self.uid)
                os._exit(0 if os.access(path, os.R_OK | os.X_OK) else 1)
            finally:
                os._exit(2)
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status) == 0


def account_for(base: Path) -> Account:
    """The account that runs the cluster under `base`.

    Not root: this user, who must own what is there. Root: the owner of what is there, else the dedicated system user,
    which is created on first use.
    """
    uid = os.geteuid()
    try:
        owner: int | None = base.stat().st_uid
    except FileNotFoundError:
        owner = None
    except PermissionError as error:
        raise PostgresError(f"{base} is out of reach for {_name(uid)}: {error.strerror}") from error
    if uid != 0:
        if owner is not None and owner != uid:
            raise PostgresError(
                f"the database under {base} belongs to {_name(owner)}: run as that user or as root, "
                "or choose another data directory"
            )
        return _by_uid(uid)
    if owner:
        return _by_uid(owner)
    return _dedicated()


def _dedicated() -> Account:
    try:
        pwd.getpwnam(DEDICATED_USER)
    except KeyError:
        useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if useradd is None:
            raise PostgresError(
                f"PostgreSQL does not run as root, and there is no useradd to create the system user {DEDICATED_USER}: "
                f"create it, or run as an ordinary user"
            ) from None
        made = subprocess.run(
            [
                useradd,
                "--system",
                "--user-group",
                "--no-create-home",
                "--home-dir",
                "/nonexistent",
                "--shell",
                "/usr/sbin/nologin",
                DEDICATED_USER,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        # Another starter may have created it in between; what counts is that it is there now.
        if made.returncode != 0 and DEDICATED_USER not in {entry.pw_name for entry in pwd.getpwall()}:
            raise PostgresError(f"cannot create the system user {DEDICATED_USER}: {made.stderr.strip()}") from None
    return _by_uid(pwd.getpwnam(DEDICATED_USER).pw_uid)


def _by_uid(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise PostgresError(f"user id {uid} has no entry in the password database, which PostgreSQL needs") from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _name(uid: int) -> str:
    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"
