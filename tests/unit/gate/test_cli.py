"""The commands over a real broker's HTTP surface (a stub without a database)."""

import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import zxingcpp
from click.testing import Result
from typer.testing import CliRunner

from gate_client.assembly import utc_now
from gate_client.cli import app
from gate_client.enrolment import require_a_trusted_way
from gate_client.home import GateHome, HomeError, from_base64url, to_base64url
from tests.support.gate_world import Authority
from tests.support.stub_broker import StubBroker


@pytest.fixture
def broker() -> Iterator[StubBroker]:
    with StubBroker() as stub:
        yield stub


def gate(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def enrol(broker: StubBroker, home: Path, *more: object) -> Result:
    return gate("enrol", "--broker", broker.url, "--code", "once", "--home", home, *more)


def picture(path: Path, text: str) -> Path:
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    cv2.imwrite(str(path), np.asarray(code.to_image(scale=5)))
    return path


def test_enrolment_pins_the_root_and_keeps_its_secrets_private(broker: StubBroker, tmp_path: Path) -> None:
    done = enrol(broker, tmp_path / "gate")
    assert done.exit_code == 0, done.output
    home = GateHome(tmp_path / "gate")
    assert home.root(home.config()).kid == broker.authority.root.kid
    assert home.identity().signer.kid in broker.gates
    for path in (tmp_path / "gate").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name
    again = enrol(broker, tmp_path / "gate")
    assert again.exit_code == 1 and "enrolled already" in again.output


def test_a_root_told_by_other_means_is_insisted_on(broker: StubBroker, tmp_path: Path) -> None:
    refused = enrol(broker, tmp_path / "a", "--root", "00" * 8)
    assert refused.exit_code == 1 and not GateHome(tmp_path / "a").enrolled
    assert enrol(broker, tmp_path / "b", "--root", broker.authority.root.kid.hex()).exit_code == 0


def test_a_list_by_another_root_enrols_nothing(broker: StubBroker, tmp_path: Path) -> None:
    stranger = Authority()
    broker.authority.root, kept = stranger.root, broker.authority.root
    signed = broker.authority.trust_list(utc_now())
    broker.authority.root = kept
    broker.authority.trust_list = lambda at: signed  # type: ignore[method-assign, assignment, misc]
    failed = enrol(broker, tmp_path / "gate")
    assert failed.exit_code == 1 and "does not verify" in failed.output.replace("\n", " ")
    assert not GateHome(tmp_path / "gate").enrolled


def test_nobody_at_home_is_one_plain_line(tmp_path: Path) -> None:
    for command in ("status", "sync", "run"):
        done = gate(command, "--home", tmp_path / "none")
        assert done.exit_code == 1 and "gate enrol" in done.output.replace("\n", " ")
    done = gate("enrol", "--broker", "http://127.0.0.1:9", "--code", "x", "--home", tmp_path / "g")
    assert done.exit_code == 1 and "does not answer" in done.output


def test_sync_and_status_tell_what_the_gate_holds(broker: StubBroker, tmp_path: Path) -> None:
    enrol(broker, tmp_path / "gate")
    broker.version = 3
    report: dict[str, Any] = json.loads(gate("sync", "--home", tmp_path / "gate").stdout)
    assert (report["reached"], report["status_versions"], report["alarms"]) == (True, {"0": 3}, [])
    assert len(report["epochs"]) == 2 and abs(report["drift_seconds"]) < 2
    broker.version = 2
    rolled = gate("sync", "--home", tmp_path / "gate")
    assert rolled.exit_code == 1 and "list_rolled_back" in rolled.stdout
    shown = gate("status", "--home", tmp_path / "gate")
    assert shown.exit_code == 0 and "version 3" in shown.stdout and "gate-1" in shown.stdout


def test_check_says_why(broker: StubBroker, tmp_path: Path) -> None:
    enrol(broker, tmp_path / "gate")
    wallet = broker.authority.wallet(at=utc_now())
    code = picture(tmp_path / "code.png", wallet.text(utc_now()))
    home = ("--home", tmp_path / "gate")
    assert json.loads(gate("check", code, *home).stdout)["good"] is True
    assert json.loads(gate("check", code, *home).stdout)["good"] is True, "checking spends nothing"
    stale = gate("check", code, *home, "--at", "2030-01-01T00:00:00+08:00")
    assert stale.exit_code == 1 and json.loads(stale.stdout)["good"] is False
    stranger = replace(wallet, signer=Authority().passes).text(utc_now())
    for path, reason in (
        (picture(tmp_path / "other.png", stranger), "unknown_key"),
        (picture(tmp_path / "poster.png", "hello"), "malformed_qr"),
        (tmp_path / "missing.png", "malformed_image"),
    ):
        done = gate("check", path, *home)
        assert done.exit_code == 1 and json.loads(done.stdout)["reasons"] == [reason]
    assert gate("check", code, *home, "--at", "noon").exit_code == 2


def test_one_process_runs_a_homes_lane(broker: StubBroker, tmp_path: Path) -> None:
    enrol(broker, tmp_path / "gate")
    home = GateHome(tmp_path / "gate")
    with home.claim(), pytest.raises(HomeError, match="another process"):
        home.claim()
    home.claim().close()


@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b'{"gate_id": 1}', b"\xff"])
def test_a_damaged_home_says_so(broker: StubBroker, tmp_path: Path, damage: bytes) -> None:
    enrol(broker, tmp_path / "gate")
    (tmp_path / "gate" / "gate.json").write_bytes(damage)
    done = gate("status", "--home", tmp_path / "gate")
    assert done.exit_code == 1 and "damaged" in done.output.replace("\n", "")


def test_a_damaged_database_keeps_the_lane_shut(broker: StubBroker, tmp_path: Path) -> None:
    enrol(broker, tmp_path / "gate")
    for path in (tmp_path / "gate").glob("gate.db*"):
        path.write_bytes(b"not a database, and long enough to be taken for one" * 100)
    assert gate("status", "--home", tmp_path / "gate").exit_code == 1


def test_base64url_is_exact() -> None:
    assert from_base64url(to_base64url(b"\xff\xfe")) == b"\xff\xfe"
    for wrong in ("//4=", "_-4=", "_-5", "a", "é"):
        with pytest.raises(ValueError):
            from_base64url(wrong)


@pytest.mark.parametrize("address", ["http://broker.example", "HTTP://192.0.2.7:8000", "http://127.0.0.1.example"])
def test_over_plain_http_a_root_must_be_told_by_other_means(address: str, tmp_path: Path) -> None:
    refused = gate("enrol", "--broker", address, "--code", "once", "--home", tmp_path / "gate")
    said = " ".join(refused.output.split())
    assert refused.exit_code == 1 and "--root" in said and "https" in said
    assert not (tmp_path / "gate").exists(), "refused before a key is made or the code is used up"


@pytest.mark.parametrize(
    "address", ["http://localhost:8000", "http://127.0.0.1", "http://[::1]:8000", "https://b.test"]
)
def test_loopback_and_tls_need_no_root(address: str) -> None:
    require_a_trusted_way(address, expected_root=None)


def test_a_root_told_by_other_means_makes_plain_http_do() -> None:
    require_a_trusted_way("http://broker.example", expected_root="00" * 8)
