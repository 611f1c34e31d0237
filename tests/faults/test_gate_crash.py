"""A gate process killed with SIGKILL at every step of a crossing: one opening at most, no crossing lost."""

import json
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.faults.gate_child import POINTS
from tests.support.gate_world import NOON, WalletPass, World

REPOSITORY = Path(__file__).parents[2]


def prepare(folder: Path) -> tuple[World, WalletPass]:
    world = World(folder / "gate.db").stock()
    wallet = world.wallet()
    world.db.close()
    show(folder, world, wallet, at_seconds=0)
    return world, wallet


def show(folder: Path, world: World, wallet: WalletPass, *, at_seconds: int) -> None:
    at = NOON + timedelta(seconds=at_seconds)
    setup = {
        "at": at.isoformat(),
        "text": wallet.text(at),
        "pass_id": wallet.claims.pass_id.hex(),
        "payload": wallet.payload.encode().hex(),
        "root": world.authority.root.public.to_cose_key().hex(),
    }
    (folder / "setup.json").write_text(json.dumps(setup))


def run(folder: Path, point: str, score: float = 0.9) -> dict[str, Any] | None:
    """Return what the process said, or None when it was killed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.gate_child", str(folder), point, str(score)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode == -signal.SIGKILL:
        return None
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def openings(folder: Path) -> int:
    counter = folder / "exit-openings"
    return counter.stat().st_size if counter.exists() else 0


SPENT = POINTS[POINTS.index("after spend") :]


@pytest.mark.parametrize("point", [name for name in POINTS if name != "before close"])
def test_killed_anywhere_a_pass_opens_once_at_most_and_leaves_its_record(tmp_path: Path, point: str) -> None:
    world, wallet = prepare(tmp_path)
    assert run(tmp_path, point) is None, "the child died where it was told to"
    opened_then = openings(tmp_path)
    assert opened_then == (point in SPENT and point not in {"after spend", "before open"})

    show(tmp_path, world, wallet, at_seconds=60)
    after = run(tmp_path, "")
    assert after is not None
    if point in SPENT:
        # The pass is used up, opened or not; the traveller whose exit stayed shut is an officer's.
        assert (after["decision"], after["reasons"], after["openings"]) == ("refused", ["already_spent"], opened_then)
    else:
        assert (after["decision"], after["openings"]) == ("cleared", 1)
    crossings = [event for event in after["events"] if event[1]]
    assert crossings == [["cleared", True, []]] * after["openings"], "one record for each opening"
    interrupted = [event for event in after["events"] if event[2] == ["lane_fault"]]
    untouched = point == "before reserve" or (point in SPENT and opened_then)
    assert len(interrupted) == (0 if untouched else 1), "a session that was cut off is reported"
    assert after["settled"] == (0 if point in {"before reserve", "after settle"} else 1)


def test_killed_while_recording_a_denial_the_session_is_still_reported(tmp_path: Path) -> None:
    world, wallet = prepare(tmp_path)
    assert run(tmp_path, "before close", score=0.1) is None
    show(tmp_path, world, wallet, at_seconds=60)
    after = run(tmp_path, "")
    assert after is not None
    assert after["events"] == [["referred", False, ["lane_fault"]], ["cleared", True, []]]


def test_killed_again_during_every_restart_it_still_opens_once(tmp_path: Path) -> None:
    world, wallet = prepare(tmp_path)
    for number, point in enumerate(("after reserve", "inside spend", "after release", "after open")):
        show(tmp_path, world, wallet, at_seconds=60 * number)
        assert run(tmp_path, point) is None
    show(tmp_path, world, wallet, at_seconds=300)
    after = run(tmp_path, "")
    assert after is not None and after["openings"] == 1
    assert [event for event in after["events"] if event[1]] == [["cleared", True, []]]
