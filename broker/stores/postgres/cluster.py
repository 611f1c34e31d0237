"""Making a cluster, and the command line that runs it."""

import contextlib
import ctypes
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from broker.stores.postgres import binaries
from broker.stores.postgres.account import Account, account_for
from broker.stores.postgres.errors import PostgresError
from broker.stores.postgres.layout import Layout
from broker.stores.postgres.private import fresh_file, private_folder

ROLE = "tongguan"
DATABASE = "tongguan"
ADMIN = "postgres"

# Written to postgresql.conf once, where an operator may change them.
INITIAL_SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    # Plans here are short: compiling them costs more than it saves.
    "jit": "off",
    # An error message may quote a row's values: keep values and statement texts out of the log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "logging_collector": "on",
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_size": "0",
    "log_file_mode": "0600",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


@dataclass(frozen=True)
class Server:
    """The programs, the account and the folder of one cluster, and how to run a program on it."""

    layout: Layout
    account: Account
    programs: Path

    @classmethod
    def prepare(cls, layout: Layout) -> "Server":
        """Make `layout.base` and find programs the account can run. Raises PostgresError."""
        account = prepare_base(layout)
        return cls(layout, account, binaries.readable_by(account))

    def popen(self, command: list[str], *, folder: Path, stdin: int, output: int) -> "subprocess.Popen[bytes]":
        """Run a program as the account, in `folder`, with a clean environment; it stops if this process dies."""
        other = self.account.is_other
        return subprocess.Popen(
            [str(self.programs / "bin" / command[0]), *command[1:]],
            cwd=folder,
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            umask=0o077,
            start_new_session=True,  # a terminal's Ctrl-C reaches the supervisor alone, which stops the server in order
            preexec_fn=_in_child(os.getpid()),
            user=self.account.uid if other else None,
            group=self.account.gid if other else None,
            extra_groups=[] if other else None,
        )

    def data_argument(self, folder: Path) -> str:
        """How the account names `folder`, its working directory.

        Data often lies under a folder that is closed to the account (root's home, the broker's key folder). The kernel
        follows /proc/self/cwd without asking for the folders above it, so none of them has to be opened up.
        """
        return str(folder) if self.account.can_read(folder) else "/proc/self/cwd"

    def command(self, socket_dir: str) -> list[str]:
        """The server's command line. What an operator must not loosen is here, where it overrides the files."""
        fixed = {
            "listen_addresses": "",
            "unix_socket_directories": socket_dir,
            "unix_socket_permissions": "0700",
            "password_encryption": "scram-sha-256",
            # Shown in the title of each of its processes, so that a later start recognises orphans.
            "cluster_name": cluster_name(self.layout),
        }
        options = [word for name, value in fixed.items() for word in ("-c", f"{name}={value}")]
        return ["postgres", "-D", self.data_argument(self.layout.cluster), *options]


def cluster_name(layout: Layout) -> str:
    """A name that the processes of this cluster, and of no other on this machine, carry in their titles."""
    return f"tongguan-{hashlib.sha256(bytes(layout.base)).hexdigest()[:16]}"


def prepare_base(layout: Layout) -> Account:
    """Make `layout.base` if it is missing; returns the account that owns it. Raises PostgresError."""
    account = account_for(layout.base)
    try:
        layout.base.parent.mkdir(parents=True, exist_ok=True)
        private_folder(layout.base, account)
    except OSError as error:
        raise PostgresError(f"cannot prepare {layout.base}: {error.strerror}") from error
    return account


def create(
    server: Server, run: Callable[["subprocess.Popen[bytes]"], int], settings: dict[str, str], *, log: int
) -> None:
    """Make the cluster, the role and the database, unless they exist.

    `run` waits for a program and returns its exit code. Whatever an interrupted attempt left is discarded: the final
    name appears last, by a rename. Raises PostgresError.
    """
    layout = server.layout
    if layout.cluster.exists():
        version = (layout.cluster / "PG_VERSION").read_text().strip()
        if version != str(binaries.MAJOR):
            raise PostgresError(
                f"{layout.cluster} was made by PostgreSQL {version}, this is {binaries.MAJOR}: "
                "dump it with the old version and restore it here"
            )
        return
    shutil.rmtree(layout.unfinished, ignore_errors=True)
    layout.unfinished.mkdir(mode=0o700)
    server.account.own(layout.unfinished)
    password = _new_password(layout.password, server.account)
    _new_password(layout.admin_password, server.account)
    data = server.data_argument(layout.unfinished)
    initdb = [
        "initdb",
        "-D",
        data,
        "--username",
        ADMIN,
        f"--pwfile=../{layout.admin_password.name}",
        "--auth=scram-sha-256",
    ]
    # The builtin provider sorts alike on every host, whatever locales it has.
    initdb += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    initdb += [word for item in (INITIAL_SETTINGS | settings).items() for word in ("--set", "=".join(item))]
    process = server.popen(initdb, folder=layout.unfinished, stdin=subprocess.DEVNULL, output=log)
    if run(process) != 0:
        raise PostgresError(f"initdb failed: {tail(layout.log)}")
    # Single-user mode: the role exists before anybody can connect, and its password is on no command line.
    single = server.popen(
        ["postgres", "--single", "-D", data, "postgres"],
        folder=layout.unfinished,
        stdin=subprocess.PIPE,
        output=log,
    )
    statements = (
        f"CREATE ROLE {ROLE} LOGIN PASSWORD '{password}'",
        f"CREATE DATABASE {DATABASE} OWNER {ROLE}",
        f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC",
    )
    with contextlib.suppress(BrokenPipeError), cast(IO[bytes], single.stdin) as stdin:
        stdin.write("".join(f"{statement}\n" for statement in statements).encode())
    if run(single) != 0:
        raise PostgresError(f"creating the database failed: {tail(layout.log)}")
    layout.unfinished.rename(layout.cluster)


def _new_password(path: Path, account: Account) -> str:
    """A fresh password of 192 random bits in a file only the account reads. Its URL-safe characters need no quoting."""
    password = secrets.token_urlsafe(24)
    with os.fdopen(fresh_file(path, account), "w") as file:
        file.write(password)
    return password


def tail(log: Path, limit: int = 800) -> str:
    """The end of a log file, for an error message."""
    try:
        return log.read_bytes()[-limit:].decode(errors="replace").strip() or "(its log is empty)"
    except OSError:
        return "(it left no log)"


def _in_child(parent: int) -> Callable[[], None]:
    """What a child does between fork and exec: take signals again, and ask to be stopped when the parent dies."""
    libc = ctypes.CDLL(None)
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG, linux/prctl.h

    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        # SIGINT is PostgreSQL's fast shutdown. After setuid, which clears the setting; elsewhere than on Linux it is
        # absent, and the next start stops the orphan.
        if hasattr(libc, "prctl"):
            libc.prctl(set_parent_death_signal, signal.SIGINT)
            if os.getppid() != parent:
                os._exit(1)

    return prepare
