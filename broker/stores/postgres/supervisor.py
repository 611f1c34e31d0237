"""The process that owns one embedded server: `python -m broker.stores.postgres.supervisor DATA_DIR`.

It starts PostgreSQL, restarts it when it crashes, and stops it on SIGTERM, on SIGINT, or when the last attached process
has ended, however that ended. If the supervisor itself is killed, the kernel tells the server to shut down.
"""

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

from broker.stores.postgres import orphans
from broker.stores.postgres.cluster import Server, create, tail
from broker.stores.postgres.errors import PostgresError
from broker.stores.postgres.layout import START_TIMEOUT, Layout
from broker.stores.postgres.private import fresh_file, lock_file, private_folder

_FAST_SHUTDOWN = 60.0
_IMMEDIATE_SHUTDOWN = 15.0
_MAX_CRASHES = 5  # within _CRASH_WINDOW; then the supervisor gives up, visibly
_CRASH_WINDOW = 60.0
_TICK = 0.25
_STOP = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
_KEEP = signal.SIGUSR1
_WATCHED = _STOP | {signal.SIGCHLD, _KEEP}


class AlreadySupervised(PostgresError):
    """Another supervisor was faster."""


class _Stopped(Exception):
    """A signal asked the supervisor to stop."""


class Supervisor:
    """One run: take the lock, make and start the cluster, watch it, stop it."""

    def __init__(self, layout: Layout, *, keep: bool, settings: dict[str, str]) -> None:
        self.layout = layout
        self.keep = keep
        self.settings = settings
        self.postmaster: subprocess.Popen[bytes] | None = None
        self._log = -1

    def run(self, on_ready: Callable[[], None]) -> None:
        """Until told to stop. Raises PostgresError (AlreadySupervised); the server is down when this ends."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        server = Server.prepare(self.layout)
        with _exclusive(self.layout.supervisor_lock, server) as held:
            if not held:
                raise AlreadySupervised(f"another supervisor already runs the database under {self.layout.base}")
            self._log = fresh_file(self.layout.log, server.account)
            try:
                with _socket_dir(server) as (argument, address):
                    try:
                        orphans.clear(server, self._pause)
                        create(server, self._finish, self.settings, log=self._log)
                        self._start(server, argument)
                        _write_endpoint(server, address)
                        on_ready()
                        self._watch(server, argument)
                    finally:
                        self._stop()
            except _Stopped:
                pass
            except PostgresError as error:
                os.write(self._log, f"{error}\n".encode())
                raise

    def _pause(self, seconds: float) -> None:
        """Sleep, but take a signal at once."""
        caught = signal.sigtimedwait(_WATCHED, seconds)
        if caught is not None:
            if caught.si_signo in _STOP:
                raise _Stopped
            if caught.si_signo == _KEEP:
                self.keep = True

    def _finish(self, process: "subprocess.Popen[bytes]") -> int:
        """Wait for a set-up program."""
        try:
            while (code := process.poll()) is None:
                self._pause(_TICK)
        except _Stopped:
            process.kill()
            process.wait()
            raise
        return code

    def _start(self, server: Server, socket_argument: str) -> None:
        """Start PostgreSQL and wait until it takes connections."""
        self.postmaster = server.popen(
            server.command(socket_argument), folder=self.layout.cluster, stdin=subprocess.DEVNULL, output=self._log
        )
        deadline = monotonic() + START_TIMEOUT
        while not _is_ready(self.layout.cluster, self.postmaster.pid):
            if self.postmaster.poll() is not None:
                raise PostgresError(
                    f"PostgreSQL ended while starting: {tail(self.layout.log)} {_server_log(self.layout)}"
                )
            if monotonic() > deadline:
                raise PostgresError(f"PostgreSQL was not ready after {START_TIMEOUT:.0f} s: {_server_log(self.layout)}")
            self._pause(0.05)

    def _watch(self, server: Server, socket_argument: str) -> None:
        """Restart a crashed server; return when nobody is attached any more."""
        crashes: list[float] = []
        with os.fdopen(lock_file(self.layout.attached_lock, server.account), "rb") as attached:
            while True:
                self._pause(_TICK)
                if self.postmaster is None or self.postmaster.poll() is not None:
                    crashes = [*(at for at in crashes if monotonic() - at < _CRASH_WINDOW), monotonic()]
                    if len(crashes) >= _MAX_CRASHES:
                        raise PostgresError(
                            f"PostgreSQL crashed {len(crashes)} times within {_CRASH_WINDOW:.0f} s: "
                            f"{_server_log(self.layout)}"
                        )
                    orphans.clear(server, self._pause)
                    self._start(server, socket_argument)
                if not self.keep:
                    with contextlib.suppress(BlockingIOError):
                        # Held until this process ends: whoever attaches now waits for the next supervisor.
                        fcntl.flock(attached, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        self._stop()
                        return

    def _stop(self) -> None:
        """Fast shutdown (transactions roll back, a checkpoint is written), then harder."""
        self.layout.endpoint.unlink(missing_ok=True)
        process = self.postmaster
        if process is None:
            return
        for sign, patience in (
            (signal.SIGINT, _FAST_SHUTDOWN),
            (signal.SIGQUIT, _IMMEDIATE_SHUTDOWN),
            (signal.SIGKILL, _IMMEDIATE_SHUTDOWN),
        ):
            deadline = monotonic() + patience
            if process.poll() is None:
                process.send_signal(sign)
            while process.poll() is None and monotonic() < deadline:
                signal.sigtimedwait({signal.SIGCHLD}, 0.1)
            if process.poll() is not None:
                break
        self.postmaster = None


class Announcer:
    """Tells the starter, through a pipe, that the server is ready or why it is not: one JSON object."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def ready(self) -> None:
        self._send({"ready": True})

    def busy(self) -> None:
        """The server is another supervisor's."""
        self._send({"ready": False, "busy": True})

    def failed(self, why: str) -> None:
        self._send({"ready": False, "why": why})

    def _send(self, message: dict[str, object]) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._descriptor, json.dumps(message).encode())
            os.close(self._descriptor)
            self._descriptor = None


@contextlib.contextmanager
def _exclusive(path: Path, server: Server) -> Iterator[bool]:
    """Try to take the lock file; the kernel releases it when this process ends."""
    with os.fdopen(lock_file(path, server.account), "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextlib.contextmanager
def _socket_dir(server: Server) -> Iterator[tuple[str, str]]:
    """A 0700 folder for the socket: (as the server names it, as clients name it).

    Inside the cluster's own folder where the path is short enough, else a fresh folder with an unguessable name.
    """
    layout = server.layout
    with contextlib.suppress(OSError, ValueError, KeyError):  # what a killed supervisor left
        earlier = Path(json.loads(layout.endpoint.read_text())["socket_dir"])
        if (
            earlier != layout.sockets
            and earlier.name.startswith("tongguan-")
            and earlier.stat().st_uid == server.account.uid
        ):
            shutil.rmtree(earlier, ignore_errors=True)
    if layout.socket_fits():
        private_folder(layout.sockets, server.account)
        yield f"../{layout.sockets.name}", str(layout.sockets)
        return
    short = Path(tempfile.mkdtemp(prefix="tongguan-", dir="/tmp"))
    try:
        server.account.own(short)
        yield str(short), str(short)
    finally:
        shutil.rmtree(short, ignore_errors=True)


def _is_ready(cluster: Path, pid: int) -> bool:
    """postmaster.pid: line 1 is the pid, line 8 the state (src/include/utils/pidfile.h)."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _server_log(layout: Layout) -> str:
    logs = sorted((layout.cluster / "log").glob("*.log"), key=lambda log: log.stat().st_mtime)
    return tail(logs[-1]) if logs else ""


def _write_endpoint(server: Server, address: str) -> None:
    layout = server.layout
    fresh = layout.endpoint.with_suffix(".new")
    with os.fdopen(fresh_file(fresh, server.account), "w") as file:
        json.dump({"pid": os.getpid(), "socket_dir": address}, file)
    fresh.rename(layout.endpoint)


def supervise(data_dir: Path, *, on_ready: Callable[[], None]) -> None:
    """Run the server in this process's foreground until a signal. Raises PostgresError."""
    Supervisor(Layout.of(data_dir), keep=True, settings={}).run(on_ready)


def main() -> int:
    parser = argparse.ArgumentParser(prog="broker.stores.postgres.supervisor")
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--keep", action="store_true", help="run until a signal, attached or not")
    parser.add_argument("--detach", action="store_true", help="go on in the background, as no one's child")
    parser.add_argument("--announce", type=int, metavar="FD", help="where to report readiness")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="setting of a new cluster")
    options = parser.parse_args()
    if options.detach and os.fork():
        return 0
    os.umask(0o077)
    announce = Announcer(options.announce)
    layout = Layout.of(options.data_dir)
    settings = dict(item.split("=", 1) for item in options.set)
    try:
        Supervisor(layout, keep=options.keep, settings=settings).run(announce.ready)
    except AlreadySupervised:
        announce.busy()
        return 1
    except (PostgresError, OSError) as error:
        announce.failed(str(error))
        return 1
    announce.failed("stopped while starting")
    return 0


if __name__ == "__main__":
    sys.exit(main())
