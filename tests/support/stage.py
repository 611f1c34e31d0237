"""A whole Tongguan on loopback: database, broker, identity providers, wallet and gates, each its own process."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.mock_providers import CLIENT_ID, MOCKS, Place, Setup, callbacks
from tests.support.process import Process, ProcessFailed, free_port, tongguan
from tests.support.transfers import FILED

PROVIDERS = tuple(MOCKS)


def run_command(*arguments: str | Path, environment: dict[str, str] | None = None) -> str:
    """Run a `tongguan` command to its end and return what it printed. Raises ProcessFailed."""
    done = subprocess.run(
        tongguan(*arguments),
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        env={**os.environ, **(environment or {})},
    )
    if done.returncode != 0:
        raise ProcessFailed(f"tongguan {' '.join(map(str, arguments))}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


@dataclass(frozen=True)
class Tls:
    """Certificate files for every server of the stage, and the authority that clients trust."""

    ca: Path
    certificate: Path
    key: Path

    @classmethod
    def make(cls, folder: Path, host: str) -> Self:
        """A certificate for `host` under the local authority in `folder` (0700), which is kept from call to call."""
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        run_command("tls", "make", "--home", folder, "--host", host)
        return cls(*(folder.absolute() / name for name in ("ca.pem", "server.pem", "server.key")))


class GateProcess:
    """A lane in process mode: one JSON line in (which pictures the cameras see), one JSON outcome out."""

    def __init__(self, process: Process, home: Path, evidence: Path) -> None:
        self.process = process
        self.home = home
        self.evidence = evidence
        self.hello = self._read()

    def _read(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        if not line:
            raise self.process.fail("ended without an answer")
        return dict(json.loads(line))

    def present(self, qr: Path, face: list[Path], *, network: str = "up") -> dict[str, Any]:
        order = {"qr": str(qr), "face": [str(path) for path in face], "network": network}
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()
        return self._read()


@dataclass
class Stage:
    """A context manager. `portraits` holds `<person id>.jpg`, the authority's portrait of each invented person."""

    home: Path
    portraits: Path
    host: str = "127.0.0.1"
    bind: str = "127.0.0.1"
    tls: Tls | None = None
    serve_wallet: bool = True
    environment: dict[str, str] = field(default_factory=dict)
    # Settings of every provider beside its own (connectors.adapter.AdapterSettings).
    tuning: dict[str, Any] = field(default_factory=dict)
    progress: Callable[[str], None] = lambda text: None
    providers: tuple[str, ...] = PROVIDERS
    # A database that is there already; None: the broker brings its own.
    database_url: str | None = None

    def __post_init__(self) -> None:
        self._processes: list[Process] = []
        self._commands: dict[str, list[str]] = {}
        if self.database_url is not None:
            self.environment = {**self.environment, "TONGGUAN_DATABASE_URL": self.database_url}
        scheme = "https" if self.tls else "http"
        self.ports = {name: free_port() for name in ("broker", "wallet", *self.providers)}
        self.broker_url = f"{scheme}://{self.host}:{self.ports['broker']}"
        self.wallet_url = f"{scheme}://{self.host}:{self.ports['wallet']}"
        self.idp_urls = {name: f"{scheme}://{self.host}:{self.ports[name]}" for name in self.providers}
        self.broker_home = self.home / "broker"

    @property
    def ca(self) -> Path | None:
        return self.tls.ca if self.tls else None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every process, newest first, so that the database is the last to go."""
        while self._processes:
            self._processes.pop().stop()

    def stop(self, name: str) -> None:
        """End one of the processes and go on without it."""
        process = next(process for process in self._processes if process.name == name)
        process.stop()
        self._processes.remove(process)

    def start_provider_again(self, name: str) -> None:
        """A provider that was stopped answers once more."""
        process = self._spawn(name, self._commands[name])
        process.await_http(f"{self.idp_urls[name]}{MOCKS[name].ready}", ca=self.ca)

    def _spawn(self, name: str, command: list[str], *, pipe: bool = False) -> Process:
        self.progress(name)
        self._commands[name] = command
        log = self.home / "logs" / f"{name}.log"
        process = Process(name, command, log=log, environment=self.environment, pipe=pipe)
        self._processes.append(process)
        return process

    def run(self, *arguments: str | Path) -> str:
        """Run a `tongguan` command to its end and return what it printed. Raises ProcessFailed."""
        return run_command(*arguments, environment=self.environment)

    def _tls_arguments(self) -> list[str]:
        return ["--cert", str(self.tls.certificate), "--key", str(self.tls.key)] if self.tls else []

    def _start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        secret = {name: secrets.token_urlsafe(24) for name in self.providers}
        if not (self.broker_home / "broker.toml").exists():
            self.run("broker", "init", "--home", self.broker_home, "--issuer", self.broker_url)
        setups = {name: self._set_up(name, secret[name]) for name in self.providers}
        (self.broker_home / "broker.toml").write_text(self._configuration(setups), encoding="utf-8")
        for name in self.providers:
            command = [
                *("--provider", name, "--host", self.bind, "--port", str(self.ports[name])),
                *("--issuer", self.idp_urls[name], "--portraits", str(self.portraits)),
                *("--client-id", CLIENT_ID, "--client-secret", secret[name]),
                *(f"--redirect-uri={uri}" for uri in sorted(callbacks(self.broker_url, name)[0])),
                *("--callback-url", callbacks(self.broker_url, name)[1]),
                *(["--trusted-ca", str(self.ca)] if self.ca else []),
                *(f"--option={key}={value}" for key, value in setups[name].options.items()),
            ]
            self._spawn(name, tongguan("idp", *command, *self._tls_arguments()))
        broker = self._spawn("broker", tongguan(*self.broker_command()))
        if self.serve_wallet:
            command = ["--host", self.bind, "--port", str(self.ports["wallet"]), "--broker", self.broker_url]
            self._spawn("wallet", tongguan("wallet", "serve", *command, *self._tls_arguments()))
        for process in list(self._processes):
            if process is not broker and process.name in self.idp_urls:
                process.await_http(f"{self.idp_urls[process.name]}{MOCKS[process.name].ready}", ca=self.ca)
            elif process.name == "wallet":
                process.await_http(f"{self.wallet_url}/config.json", ca=self.ca)
        broker.await_http(f"{self.broker_url}/readyz", ca=self.ca)

    def broker_command(self) -> list[str]:
        return [
            *("broker", "run", "--home", str(self.broker_home), "--host", self.bind),
            *("--port", str(self.ports["broker"]), *self._tls_arguments()),
        ]

    def _set_up(self, name: str, secret: str) -> Setup:
        home = self.home.absolute() / "providers" / name
        return MOCKS[name].set_up(Place(name, self.idp_urls[name], secret, home), datetime.now(UTC))

    def _configuration(self, setups: dict[str, Setup]) -> str:
        wallet = self.wallet_url
        statement = self.broker_home / "transfers.toml"
        statement.write_text(FILED, encoding="utf-8")
        lines = [
            f'issuer = "{self.broker_url}"',
            f'transfers = "{statement}"',
            # The broker's own calls to the providers trust the local authority too.
            *([f'trusted_ca = "{self.tls.ca}"'] if self.tls else []),
            "[wallet]",
            f'origins = ["{wallet}"]',
            f'redirect_uris = ["{wallet}/callback"]',
            f'return_uris = ["{wallet}/consents"]',
        ]
        for name in self.providers:
            # JSON strings, numbers and lists are TOML as well.
            table = [
                f"{key} = {json.dumps(value, ensure_ascii=False)}"
                for key, value in {**setups[name].table, **self.tuning}.items()
            ]
            lines += [f"[providers.{name}]", *table]
        return "\n".join(lines) + "\n"

    def gate(self, zone: str, name: str = "gate") -> GateProcess:
        """Invite, enrol and start a gate for `zone`, driven line by line."""
        home = self.enrolled_gate(zone, name)
        evidence = self.home / f"{name}-evidence"
        command = tongguan("gate", "run", "--home", home, "--frames", "stdin", "--evidence", evidence)
        return GateProcess(self._spawn(name, command, pipe=True), home, evidence)

    def kiosk(self, zone: str, frames: str, *, name: str = "kiosk") -> Process:
        """Start a gate on `frames` (as `tongguan gate run --frames`) with its screens; it says where they are first."""
        home = self.enrolled_gate(zone, name)
        command = tongguan("gate", "run", "--home", home, "--frames", frames, "--kiosk", "0")
        return self._spawn(name, command, pipe=True)

    def enrolled_gate(self, zone: str, name: str) -> Path:
        """Invite and enrol a gate for `zone`; return its home."""
        home = self.home / name
        code = self.run("gates", "invite", "--home", self.broker_home, "--zone", zone).strip().splitlines()[-1]
        trust = ["--ca", str(self.ca)] if self.ca else []
        self.run("gate", "enrol", "--broker", self.broker_url, "--code", code, "--home", home, *trust)
        return home

    def staff_key(self, staff_id: str, role: str, name: str) -> Path:
        """Enter an invented member of staff; return their key file."""
        key, public = self.home / f"{staff_id}.jwk", self.home / f"{staff_id}.public.jwk"
        public.write_text(self.run("staff", "key", staff_id, "--out", key), encoding="utf-8")
        who = ["--name", name, "--role", role, "--key", public]
        self.run("staff", "add", staff_id, "--home", self.broker_home, *who)
        return key
