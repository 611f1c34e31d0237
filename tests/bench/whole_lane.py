"""A crossing through the whole system: gate, broker and PostgreSQL as processes, real models, real releases.

python -m tests.bench.whole_lane [--crossings 60]
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from rich.progress import track

from tests.bench.figures import Figures
from tests.demo.pictures import phone_frame, save
from tests.support import photos
from tests.support.camera import camera_frame
from tests.support.stage import GateProcess, Stage
from tests.support.wallet_client import WalletClient, WalletPass

ZONE, PROVIDER, PERSON = "HK-SZB", "iamsmart", "iamsmart-chan"
WARM_UP, BATCH = 3, 20


def enrolled(stage: Stage) -> WalletClient:
    """A traveller who has logged in, agreed and enrolled."""
    wallet = WalletClient(stage.broker_url, f"{stage.wallet_url}/callback")
    wallet.login(PROVIDER, PERSON)
    wallet.give_consent("face-enrolment")
    wallet.give_consent("e-channel", ZONE)
    wallet.enrol(photos.photo(photos.TENANTS[0].enrolment).read_bytes())
    return wallet


def cross(wallet: WalletClient, gate: GateProcess, crossings: int, frames: Path) -> tuple[list[dict[str, float]], int]:
    """Timings in ms by stage of every crossing after the warm-up, and how many opened."""
    timings: list[dict[str, float]] = []
    opened = 0
    passes: list[WalletPass] = []
    face = save(camera_frame(photos.photo(photos.TENANTS[0].gate)), frames / "face.png")
    for number in track(range(crossings + WARM_UP), description="crossings"):
        passes = passes or wallet.mint(ZONE, n=BATCH)
        code = save(phone_frame(wallet.qr_text(passes.pop(), datetime.now(UTC))), frames / "code.png")
        outcome = gate.present(code, [face])
        if number >= WARM_UP:
            opened += bool(outcome["opened"])
            timings.append(outcome["timings"])
    return timings, opened


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crossings", type=int, default=60)
    options = parser.parse_args()
    figures = Figures("whole_lane")
    with tempfile.TemporaryDirectory(prefix="tongguan-") as work:
        home = Path(work)
        (home / "portraits").mkdir()
        shutil.copyfile(photos.photo(photos.TENANTS[0].portrait), home / "portraits" / f"{PERSON}.jpg")
        with Stage(home, home / "portraits", serve_wallet=False) as stage:
            gate, wallet = stage.gate(ZONE), enrolled(stage)
            timings, opened = cross(wallet, gate, options.crossings, home / "frames")
    figures.add("crossings opened", opened / options.crossings * 100, "%", target=(">=", 100.0))
    totals = [spent["total"] for spent in timings]
    figures.add_latencies("code to door, with an online release by the real broker", totals, targets={95: 500.0})
    figures.add_latencies("of which the release", [spent["release"] for spent in timings])
    figures.write()


if __name__ == "__main__":
    main()
