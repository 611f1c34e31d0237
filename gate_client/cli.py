"""`tongguan gate`: enrol, run, sync, status, check."""

import json
import logging
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from broker.wire.errors import WireError
from broker.wire.reasons import Reason
from gate_client.assembly import Gate, open_gate, open_sync, records, utc_now
from gate_client.broker_client import BrokerClient, BrokerRefused, BrokerUnreachable
from gate_client.camera_mode import CameraLane
from gate_client.clock_store import ClockStore
from gate_client.core.pass_check import PassDenied, check_pass
from gate_client.database import DatabaseDamagedError, open_database
from gate_client.devices.code_reader import ZxingReader
from gate_client.devices.frames import BrokenFrame, load_frame, open_frames
from gate_client.enrolment import EnrolmentFailed, enrol
from gate_client.evidence import ImageKeeper, KeepNothing, UnsafeKeepImages
from gate_client.home import GateHome, HomeError
from gate_client.inference.registry import RegistryError
from gate_client.inference.sessions import ModelsMissing
from gate_client.kiosk.board import Board
from gate_client.kiosk.officer_button import OfficerButton
from gate_client.kiosk.server import Kiosk
from gate_client.outcome import LaneOutcome
from gate_client.process_mode import run_lines

app = typer.Typer(help="Enrol and run a gate.", no_args_is_help=True)
console = Console(stderr=True)

Home = Annotated[Path, typer.Option(help="The gate's folder: identity, key, database.")]


@contextmanager
def _plain_errors() -> Iterator[None]:
    """One line and exit code 1 for what an operator can mend."""
    try:
        yield
    except (HomeError, EnrolmentFailed, DatabaseDamagedError, ModelsMissing, RegistryError, FileNotFoundError) as error:
        console.print(f"[red]{error}[/red]", soft_wrap=True)
        raise typer.Exit(1) from error
    except BrokerRefused as error:
        console.print(f"[red]The broker refused: {error}[/red]", soft_wrap=True)
        raise typer.Exit(1) from error
    except BrokerUnreachable as error:
        console.print(f"[red]The broker does not answer: {error}[/red]", soft_wrap=True)
        raise typer.Exit(1) from error


@app.command("enrol")
def enrol_command(
    broker: Annotated[str, typer.Option(help="The broker's address.")],
    code: Annotated[str, typer.Option(help="One-time code from `tongguan gates invite`.")],
    home: Home,
    ca: Annotated[Path | None, typer.Option(help="PEM file that vouches for the broker's TLS.")] = None,
    root: Annotated[
        str | None, typer.Option(help="The root key's id (hex), told by other means, to insist on.")
    ] = None,
) -> None:
    """Make this gate's key, trade the code for an identity, pin the root, fetch the first lists."""
    gate_home = GateHome(home)
    with _plain_errors(), ExitStack() as stack:
        client = stack.enter_context(closing(BrokerClient(broker, ca=ca)))
        config = enrol(
            gate_home,
            client=client,
            broker=broker,
            code=code,
            ca=ca,
            expected_root=root,
            clock=utc_now,
            entropy=os.urandom,
        )
        with open_sync(gate_home) as sync:
            report = sync.run_once()
    pinned = gate_home.root(config).kid.hex()
    console.print(f"Gate {config.gate_id} of {config.zone} is enrolled; root {pinned} is pinned.", soft_wrap=True)
    for alarm in report.alarms:
        console.print(f"[yellow]{alarm}[/yellow]", soft_wrap=True)


@app.command()
def run(
    home: Home,
    frames: Annotated[
        str, typer.Option(help="stdin (JSON lines), dir:DIR, watch:DIR, video:FILE or camera:NUMBER.")
    ] = "camera:0",
    models: Annotated[Path | None, typer.Option(help="Model directory.")] = None,
    licence_clean: Annotated[bool, typer.Option(help="Only models whose licence and origin are documented.")] = False,
    kiosk: Annotated[int | None, typer.Option(help="Serve the screens on this loopback port (0: any).")] = None,
    evidence: Annotated[
        Path | None, typer.Option(help="UNSAFE, for demonstrations: keep codes and faces as pictures here.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=16, help="Inference threads.")] = 2,
) -> None:
    """Run the lane. Outcomes are printed as JSON, one a line; with a kiosk, its two addresses come first."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    keeper: ImageKeeper = UnsafeKeepImages(evidence) if evidence else KeepNothing()
    board, button = Board(), None
    with _plain_errors(), ExitStack() as stack:
        gate = stack.enter_context(
            open_gate(
                GateHome(home),
                models=models,
                licence_clean=licence_clean,
                keeper=keeper,
                watcher=board,
                threads=threads,
            )
        )
        if kiosk is not None:
            button = OfficerButton(lambda: gate.lane.state)
            _serve(stack, board, kiosk, button.press)
        if frames == "stdin":
            run_lines(gate, sys.stdin.buffer, sys.stdout)
        else:
            _run_camera(gate, frames, button)


def _serve(stack: ExitStack, board: Board, port: int, officer_done: Callable[[], None]) -> None:
    key = secrets.token_urlsafe(16)
    server = Kiosk(board, port=port, officer_key=key, officer_done=officer_done)
    server.start()
    stack.callback(server.stop)
    print(f"Traveller http://127.0.0.1:{server.port}/", flush=True)
    print(f"Officer   http://127.0.0.1:{server.port}/officer?key={key}", flush=True)


def _run_camera(gate: Gate, frames: str, button: OfficerButton | None) -> None:
    """Without a kiosk nobody can press the officer's button, so the simulated one comes at once."""

    def officer() -> bool:
        if button is not None and not button.take():
            return False
        gate.doors.lead_out()
        return True

    def decided(outcome: LaneOutcome) -> None:
        gate.sync.wake()
        print(json.dumps(outcome.as_json()), flush=True)

    try:
        source = open_frames(frames)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    try:
        CameraLane(gate.lane, gate.reader, utc_now, officer).run(source, decided)
    finally:
        source.close()


@app.command()
def sync(home: Home) -> None:
    """Refresh lists and secrets and deliver the outbox, once; prints what happened. Exit code 1 on any alarm."""
    with _plain_errors(), open_sync(GateHome(home)) as synchroniser:
        report = synchroniser.run_once()
    print(json.dumps(asdict(report)))
    if report.alarms or not report.reached:
        raise typer.Exit(1)


@app.command()
def status(home: Home) -> None:
    """Show what this gate holds: identity, lists, epochs, clock, crossings waiting."""
    gate_home = GateHome(home)
    with _plain_errors():
        config = gate_home.config()
        connection = open_database(gate_home.database)
        held = records(connection, gate_home, ClockStore(connection))
        now = utc_now()
        rows = {"gate": config.gate_id, "zone": config.zone, "broker": config.broker}
        rows["root"] = gate_home.root(config).kid.hex()
        try:
            trusted = held.trust.trust_list(at=now)
            rows["trust list"] = f"version {trusted.version}, until {trusted.expires_at:%Y-%m-%d %H:%M} UTC"
            listed = held.trust.status_list(0, at=now)
            rows["status list 0"] = f"version {listed.version}, {_age(now, listed.issued_at)} old" if listed else "none"
        except WireError as error:
            rows["lists"] = f"unfit: {error}"
        epochs = held.trust.epochs().items()
        rows["epoch secrets"] = ", ".join(f"{epoch} until {dies:%m-%d %H:%M}" for epoch, dies in epochs)
        rows["highest time seen"] = f"{held.clock_store.guard.highest:%Y-%m-%d %H:%M:%S} UTC"
        rows["crossings waiting"] = str(held.outbox.waiting())
        connection.close()
    table = Table("what", "value", box=None)
    for what, value in rows.items():
        table.add_row(what, value)
    Console().print(table)


@app.command()
def check(
    image: Annotated[Path, typer.Argument(help="A picture of a travel code, JPEG or PNG.")],
    home: Home,
    at: Annotated[str | None, typer.Option(help="Judge as of this ISO 8601 time, not now.")] = None,
) -> None:
    """Decode and verify a travel code, without reserving or spending it; says why when it is not good."""
    moment = _moment(at)
    gate_home = GateHome(home)
    with _plain_errors():
        config = gate_home.config()
        connection = open_database(gate_home.database)
        trust = records(connection, gate_home, ClockStore(connection)).trust
        try:
            frame = load_frame(image)
            if isinstance(frame, BrokenFrame):
                _report_denial((Reason.MALFORMED_IMAGE,), frame.detail)
            text = ZxingReader().read(frame)
            checked = check_pass(
                text,
                trust_list=trust.trust_list(at=moment),
                list_of=lambda number: trust.status_list(number, at=moment),
                expected_zone=config.zone,
                at=moment,
            )
        except PassDenied as error:
            _report_denial(error.reasons, error.detail)
        except WireError as error:
            _report_denial((error.reason,), error.detail)
        finally:
            connection.close()
    claims = checked.travel_pass.claims
    mode = claims.mode.name.lower()
    print(json.dumps({"good": True, "zone": claims.zone, "mode": mode, "expires_at": claims.expires_at.isoformat()}))


def _report_denial(reasons: tuple[Reason, ...], detail: str) -> NoReturn:
    print(json.dumps({"good": False, "reasons": [reason.value for reason in reasons], "detail": detail}))
    raise typer.Exit(1)


def _moment(text: str | None) -> datetime:
    if text is None:
        return utc_now()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if moment.tzinfo is None:
        raise typer.BadParameter("a time names its zone, as in 2026-11-21T12:00:00Z")
    return moment.astimezone(UTC)


def _age(now: datetime, then: datetime) -> str:
    return f"{(now - then).total_seconds():.0f} s"
