"""Server processes that outlived their supervisor, and the pid file they leave."""

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

from broker.stores.postgres.cluster import Server, cluster_name
from broker.stores.postgres.errors import PostgresError


def survivors(server: Server) -> list[int]:
    """The pids of this cluster's server processes, recognised by owner and by the cluster's name in their titles."""
    mark = cluster_name(server.layout).encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended while we looked
            if entry.stat().st_uid == server.account.uid and mark in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def clear(server: Server, wait: Callable[[float], None]) -> None:
    """Stop what is left of an earlier run and drop a pid file that would name a stranger.

    The caller holds the supervisor lock, so whatever still runs on this cluster is an orphan. `wait(seconds)` pauses.
    Raises PostgresError when a process does not end.
    """
    # Fast shutdown first, which writes a checkpoint; then the immediate one, after which the log is replayed.
    for sign, patience in ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
        waited = 0.0
        while pids := survivors(server):
            if waited == 0.0:
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, sign)
            if waited >= patience:
                break
            wait(0.05)
            waited += 0.05
        else:
            break
    else:
        raise PostgresError(f"processes of an earlier run do not end: {survivors(server)}")
    _drop_foreign_pid_file(server)
    for leftover in server.layout.sockets.glob(".s.PGSQL.*"):
        leftover.unlink(missing_ok=True)


def _drop_foreign_pid_file(server: Server) -> None:
    """PostgreSQL clears a stale postmaster.pid itself, unless an unrelated process has got that pid since."""
    file = server.layout.cluster / "postmaster.pid"
    try:
        pid = int(file.read_text().split("\n", 1)[0])
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return
    except (ValueError, PermissionError):
        pass
    file.unlink(missing_ok=True)
