"""The embedded server as its users see it: attach, get a URL, detach."""

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

from broker.stores.postgres.account import account_for
from broker.stores.postgres.cluster import ADMIN, DATABASE, ROLE, prepare_base
from broker.stores.postgres.errors import PostgresError
from broker.stores.postgres.layout import START_TIMEOUT, Layout
from broker.stores.postgres.private import lock_file

_POLL = 0.02


class EmbeddedPostgres:
    """A PostgreSQL server of our own under `data_dir/postgres`, shared by all processes that attach to it.

    `start()` attaches this process and starts a supervisor when none runs; the server stops when the last attached
    process has called `stop()` or has ended. With `keep=True` it runs until `shut_down()`.
    """

    def __init__(self, data_dir: Path, *, keep: bool = False, settings: Mapping[str, str] | None = None) -> None:
        """`settings` are postgresql.conf values for a cluster that does not exist yet."""
        self._layout = Layout.of(data_dir)
        self._data_dir = data_dir
        self._keep = keep
        self._settings = dict(settings or {})
        self._attached: IO[bytes] | None = None

    def start(self, *, timeout: float = START_TIMEOUT) -> str:
        """Attach, starting the server if need be; returns the URL of the application's database.

        Raises PostgresError when the server is not ready within `timeout` seconds.
        """
        deadline = monotonic() + timeout
        self._attach(deadline)
        try:
            while not self.is_running():
                self._launch(deadline)
            if self._keep:
                os.kill(self.supervisor_pid, signal.SIGUSR1)
        except BaseException:
            self._detach()
            raise
        return self.url

    def stop(self, *, timeout: float = 90.0) -> None:
        """Detach. When nobody else is attached, wait until the server is down (at most `timeout` seconds)."""
        if self._attached is None:
            return
        self._detach()
        deadline = monotonic() + timeout
        while not self._keep and _is_locked(self._layout.supervisor_lock) and monotonic() < deadline:
            if self._used_by_others():
                return
            sleep(_POLL)

    def shut_down(self, *, timeout: float = 90.0) -> bool:
        """Stop the server whoever is attached. False if none ran. Raises PostgresError if it does not end in time."""
        self._detach()
        if not self.is_running():
            return False
        os.kill(self.supervisor_pid, signal.SIGTERM)
        deadline = monotonic() + timeout
        while _is_locked(self._layout.supervisor_lock):
            if monotonic() > deadline:
                raise PostgresError(f"the database under {self._layout.base} did not stop within {timeout:.0f} s")
            sleep(_POLL)
        return True

    def is_running(self) -> bool:
        """Whether a supervisor lives that has a server ready. Raises PostgresError if the files are another user's."""
        account_for(self._layout.base)
        return _is_locked(self._layout.supervisor_lock) and self._layout.endpoint.exists()

    @property
    def supervisor_pid(self) -> int:
        return int(self._endpoint()["pid"])

    @property
    def url(self) -> str:
        """SQLAlchemy URL for the role that owns the application's database. It contains the password."""
        return self._url(ROLE, self._layout.password, DATABASE)

    @property
    def admin_url(self) -> str:
        """SQLAlchemy URL for the superuser, for maintenance and tests."""
        return self._url(ADMIN, self._layout.admin_password, "postgres")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _url(self, role: str, password: Path, database: str) -> str:
        try:
            secret = password.read_text()
        except OSError as error:
            raise PostgresError(f"cannot read {password}: {error.strerror}") from error
        folder = self._endpoint()["socket_dir"]
        return f"postgresql+psycopg://{role}:{quote(secret, safe='')}@/{database}?host={quote(folder, safe='')}"

    def _endpoint(self) -> dict[str, str]:
        try:
            found: dict[str, str] = json.loads(self._layout.endpoint.read_text())
        except (OSError, ValueError) as error:
            raise PostgresError(f"the database under {self._layout.base} is not running") from error
        return found

    def _attach(self, deadline: float) -> None:
        """Take the shared lock. A supervisor that is shutting down holds it alone, and is waited for."""
        if self._attached is not None:
            return
        account = prepare_base(self._layout)
        file = os.fdopen(lock_file(self._layout.attached_lock, account), "rb")
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                if monotonic() > deadline:
                    file.close()
                    raise PostgresError(f"the database under {self._layout.base} is still shutting down") from None
                sleep(_POLL)
            else:
                self._attached = file
                return

    def _detach(self) -> None:
        if self._attached is not None:
            self._attached.close()  # closing releases the lock
            self._attached = None

    def _used_by_others(self) -> bool:
        with self._layout.attached_lock.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                return False
        # Held by another user, or by the supervisor on its way down, which withdraws the endpoint just after locking.
        sleep(10 * _POLL)
        return self._layout.endpoint.exists()

    def _launch(self, deadline: float) -> None:
        """Start a supervisor and wait for its word; if one is already on its way up or down, wait for that instead."""
        if _is_locked(self._layout.supervisor_lock):
            if monotonic() > deadline:
                raise PostgresError(f"the supervisor of {self._layout.base} neither became ready nor ended in time")
            sleep(_POLL)
            return
        read_end, write_end = os.pipe()
        try:
            # -P: the current folder, which may be anybody's, is not searched for modules.
            command = [
                sys.executable,
                "-P",
                "-m",
                "broker.stores.postgres.supervisor",
                str(self._data_dir),
                "--detach",
                "--announce",
                str(write_end),
            ]
            command += ["--keep"] if self._keep else []
            command += [word for item in self._settings.items() for word in ("--set", "=".join(item))]
            # It outlives this process, so it must not hold this process's output open.
            null = subprocess.DEVNULL
            subprocess.run(
                command, pass_fds=[write_end], stdin=null, stdout=null, stderr=null, start_new_session=True, check=False
            )
        finally:
            os.close(write_end)
        with os.fdopen(read_end, "rb") as pipe:
            if not select.select([pipe], [], [], max(0.0, deadline - monotonic()))[0]:
                raise PostgresError(
                    f"the database under {self._layout.base} was not ready in time; see {self._layout.log}"
                )
            heard = pipe.read()
        word = json.loads(heard) if heard else {"why": "its supervisor died while starting"}
        if not word.get("ready") and not word.get("busy"):
            raise PostgresError(str(word["why"]))


def _is_locked(path: Path) -> bool:
    """Whether some process holds the lock file exclusively."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
