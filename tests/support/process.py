"""Real processes for journeys, faults, the browser test and the demonstration: started, awaited, and ended by id."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.request import urlopen


class ProcessFailed(Exception):
    """A process ended or did not become ready; the message carries the end of its log."""


def free_port() -> int:
    """A loopback port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A child process whose output goes to `log`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: dict[str, str] | None = None,
        pipe: bool = False,
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE if pipe else subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipe else sink,
                stderr=sink,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
                # Its own group: an interrupt at the terminal reaches the parent alone, which ends each child in order.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def fail(self, what: str) -> ProcessFailed:
        tail = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:]
        return ProcessFailed("\n".join([f"{self.name}: {what}", *tail]))

    def await_http(self, url: str, *, ca: Path | None = None, seconds: float = 120) -> None:
        """Return when `url` answers below 500. Raises ProcessFailed when the process ends or the time is up."""
        context = ssl.create_default_context(cafile=str(ca)) if ca else None
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.running:
                raise self.fail(f"ended with {self._process.returncode}")
            try:
                with urlopen(url, timeout=5, context=context):  # noqa: S310  loopback address of our own process
                    return
            except HTTPError as error:
                if error.code < 500:
                    return
            except (URLError, OSError):
                pass
            time.sleep(0.05)
        raise self.fail(f"not ready after {seconds:.0f} s")

    def wait(self, seconds: float = 120) -> None:
        """Wait for a command to end well. Raises ProcessFailed."""
        if self._process.wait(seconds) != 0:
            raise self.fail(f"ended with {self._process.returncode}")

    def stop(self, seconds: float = 20) -> None:
        """SIGTERM, then SIGKILL when it does not listen."""
        if self.running:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)


def tongguan(*arguments: str | Path) -> list[str]:
    """The command line of this environment, whatever PATH says."""
    return [sys.executable, "-m", "broker.cli", *map(str, arguments)]
