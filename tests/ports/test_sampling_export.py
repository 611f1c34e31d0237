"""A day's sample drawn again from an exported journal, by the command line and by the stand-alone script: what they say
is what the broker stored, and whatever was forged shows.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from broker.cli.samples import app
from broker.core.journal import JournalEntry, decode_entry, new_leaf
from broker.core.sampling import COMMITTED, is_sampled
from broker.core.sampling_check import SamplingCheck
from broker.stores.database import Database
from broker.stores.journal import Journal
from broker.wire.checkpoint import verifier_key
from broker.wire.merkle import leaf_hash
from tests.support.audited_world import AuditedWorld, decided

SCRIPT = Path(__file__).parents[2] / "specs" / "journal_verify.py"
DAY = date(2026, 11, 21)
MIDNIGHT = datetime(2026, 11, 20, 16, tzinfo=UTC)


def script(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", "-S", str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_script_and_command_draw_what_the_broker_stored(database: Database, tmp_path: Path) -> None:
    audited = AuditedWorld(database, MIDNIGHT - timedelta(hours=14))
    audited.keep_house()
    audited.go_to(MIDNIGHT + timedelta(hours=3))
    audited.release(80)
    audited.release(80, decided("amber", mechanism="exempt"))
    audited.release(2, decided("red", "hold"))
    audited.go_to(MIDNIGHT + timedelta(days=1, hours=2))
    with audited.begin() as work:
        stored = sorted(sample.release.hex() for sample in work.samples.listed(day=DAY, limit=999))
    assert 2 < len(stored) < 100
    file = audited.exported(tmp_path / "journal.jsonl")
    with database.unit_of_work() as uow:
        key = verifier_key(audited.signer.public, Journal().origin(uow))

    independent = script(file, key, "--sample", DAY.isoformat())
    assert independent.returncode == 0, independent.stdout + independent.stderr
    assert independent.stdout.splitlines()[1].startswith("samples: 2 days drawn again")
    assert sorted(independent.stdout.splitlines()[2:]) == stored
    ours = CliRunner().invoke(app, ["verify", str(file), "--verifier-key", key, "--day", DAY.isoformat(), "--json"])
    assert ours.exit_code == 0, ours.output
    days = {one["day"]: one for one in json.loads(ours.output)["days"]}
    assert sorted(days[DAY.isoformat()]["sample"]) == stored
    assert days[DAY.isoformat()]["decided"] == 162
    stranger = verifier_key(AuditedWorld(database, MIDNIGHT).signer.public, "tongguan/journal/other")
    assert CliRunner().invoke(app, ["verify", str(file), "--verifier-key", stranger]).exit_code == 1


SEED = b"s" * 32
LEAVES = 400


def told(kind: str, clear: dict[str, Any], at: datetime, number: int) -> tuple[bytes, JournalEntry]:
    handle = number.to_bytes(16, "big")
    raw = new_leaf(kind, clear=clear, personal=None, traveller_key=None, at=at, handle=handle)
    return leaf_hash(raw), decode_entry(raw)


def log(forge: Callable[[dict[str, Any]], None] = lambda clear: None, *, late: bool = False) -> Any:
    """A day's check over a log made by hand; `forge` changes the clear part of what the broker said."""
    check, entries = SamplingCheck(), list[tuple[bytes, JournalEntry]]()
    rates = {"exempt": 200, "green": 100, "amber": 1000, "red": 10_000}
    clear: dict[str, Any] = {"day": DAY.isoformat(), "commitment": sha256(SEED).hexdigest(), "rates": rates}
    forge(clear)
    entries.append(told(COMMITTED, clear, MIDNIGHT - timedelta(hours=2), 0))
    noon = MIDNIGHT + timedelta(hours=12)
    entries += [told("gate:template:released", decided("amber"), noon, number) for number in range(1, LEAVES + 1)]
    drawn = [leaf for leaf, _ in entries[1:] if is_sampled(SEED, leaf, 1000)]
    clear = {"day": DAY.isoformat(), "size": len(entries), "decided": LEAVES, "sampled": len(drawn)}
    clear |= {"digest": sha256(b"".join(drawn)).hexdigest(), "seed": SEED.hex()}
    forge(clear)
    entries.append(told("broker:sampling:closed", clear, MIDNIGHT + timedelta(hours=25), 999))
    for position, (leaf, entry) in enumerate(entries):
        check.entry(position, leaf, entry)
        if position == 0:
            check.checkpoint(MIDNIGHT + timedelta(seconds=0 if late else -1))
    check.checkpoint(MIDNIGHT + timedelta(hours=26))
    days, faults = check.finish()
    assert not faults
    (day,) = days
    return day, len(drawn)


def test_an_honest_log_has_no_faults() -> None:
    day, drawn = log()
    assert (day.faults, len(day.sample), day.full) == ([], drawn, False)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("seed", "00" * 32, "not the one that was committed to"),
        ("seed", None, "not revealed"),
        ("decided", LEAVES - 1, "drawing again"),
        ("sampled", 1, "drawing again"),
        ("digest", "00" * 32, "others"),
        ("rates", {"exempt": 0, "green": 0, "amber": 0, "red": 0}, "drawing again"),
    ],
)
def test_what_was_forged_shows(name: str, value: object, fault: str) -> None:
    def forge(clear: dict[str, Any]) -> None:
        if name in clear:
            clear[name] = value

    day, _ = log(forge)
    assert len(day.faults) == 1
    assert fault in day.faults[0]


def test_a_commitment_from_after_midnight_binds_nothing_so_a_drawn_sample_is_too_small() -> None:
    day, drawn = log(late=True)
    assert (day.full, len(day.sample)) == (True, LEAVES)
    assert f"{drawn} of {LEAVES} releases were said to be drawn" in day.faults[0]


def test_a_seed_revealed_during_its_day_is_a_fault() -> None:
    check = SamplingCheck()
    clear = {"day": DAY.isoformat(), "size": 0, "decided": 0, "sampled": 0}
    leaf, entry = told("broker:sampling:closed", clear, MIDNIGHT + timedelta(hours=23), 1)
    check.entry(0, leaf, entry)
    ((day,), _) = check.finish()
    assert "before it had ended" in day.faults[0]


def test_a_day_that_is_never_closed_is_a_fault_a_day_later() -> None:
    check = SamplingCheck()
    leaf, entry = told("broker:sampling:missing", {"day": DAY.isoformat(), "why": "none"}, MIDNIGHT, 1)
    check.entry(0, leaf, entry)
    leaf, entry = told("gate:template:released", decided(), MIDNIGHT, 2)
    check.entry(1, leaf, entry)
    check.checkpoint(MIDNIGHT + timedelta(days=2) - timedelta(seconds=1))
    assert not check.finish()[0][0].faults
    check.checkpoint(MIDNIGHT + timedelta(days=2))
    assert "never closed" in check.finish()[0][0].faults[0]
