"""How long a lane takes: a code to a verified pass, a face to a decision, a code to the door; and its memory.

python -m tests.bench.gate_latency      (about two minutes; needs the built models)

The first figure runs on a real database file with synchronous=FULL. The others run the gate as its own process against
a broker over HTTP on loopback that does the release's cryptography and no database work; the whole system's own share
is in the broker's benchmark. The face is the public-domain portrait that scikit-image carries.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any

import cv2
import numpy as np
import skimage.data
import zxingcpp
from numpy.typing import NDArray

from broker.wire import sealed_template
from broker.wire.keys import Entropy
from broker.wire.sealed_template import TemplatePayload
from broker.wire.travel_pass import PassMode
from gate_client.core.pass_check import check_pass
from gate_client.core.template import make_template
from gate_client.devices.code_reader import ZxingReader
from gate_client.inference.engine import FaceEngine
from gate_client.spending import Ticket
from tests.bench.figures import Figures
from tests.support.gate_world import ZONE, WalletPass, World
from tests.support.stub_broker import SECRET, StubBroker

Image = NDArray[np.uint8]
CODES, CROSSINGS, WARM_UP = 400, 60, 3
FRAME = (720, 1280)
WHOLE = "code image to verified pass"


def code_frame(text: str, random: np.random.Generator) -> Image:
    """A phone held to the camera: the code about 460 px wide, tilted, blurred, noisy, in a 1280 x 720 frame."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    modules = np.asarray(code.to_image(scale=1))
    side = int(random.integers(430, 490))
    square = cv2.resize(modules, (side, side), interpolation=cv2.INTER_NEAREST)
    canvas = np.full(FRAME, 90, np.uint8)
    top, left = int(random.integers(60, 200)), int(random.integers(200, 700))
    canvas[top - 20 : top + side + 20, left - 20 : left + side + 20] = 235
    canvas[top : top + side, left : left + side] = square
    turn = cv2.getRotationMatrix2D((left + side / 2, top + side / 2), float(random.uniform(-8, 8)), 1.0)
    canvas = cv2.warpAffine(canvas, turn, FRAME[::-1], borderValue=90)
    canvas = cv2.GaussianBlur(canvas, (0, 0), 0.9)
    noisy = canvas.astype(np.int16) + random.normal(0, 5, FRAME).astype(np.int16)
    return cv2.cvtColor(np.clip(noisy, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)


def face_frame(random: np.random.Generator) -> Image:
    """The portrait in a 1280 x 720 frame, each time a little elsewhere and a little different in light."""
    portrait = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    portrait = np.clip(portrait * random.uniform(0.9, 1.1), 0, 255).astype(np.uint8)
    frame = np.full((*FRAME, 3), 120, np.uint8)
    top, left = int(random.integers(0, 720 - 512)), int(random.integers(0, 1280 - 512))
    frame[top : top + 512, left : left + 512] = portrait
    return frame


def code_to_pass(figures: Figures, folder: Path) -> None:
    """Decode, base45, COSE, status, device proof, replay insert: on one database, every pass another."""
    random = np.random.default_rng(7)
    world = World(folder / "gate.db")
    world.clock.at = datetime.now(UTC)
    world.stock()
    reader, spent = ZxingReader(), defaultdict[str, list[float]](list)
    misread = 0
    for number in range(CODES + WARM_UP):
        wallet = world.authority.wallet(at=world.clock())
        frame = code_frame(wallet.text(world.clock()), random)
        began, cpu = perf_counter(), thread_time()
        try:
            text = reader.read(frame)
        except Exception:  # noqa: BLE001 - counted below
            misread += 1
            continue
        read = perf_counter()
        at = world.clock()
        checked = check_pass(
            text,
            trust_list=world.trust.trust_list(at=at),
            list_of=lambda n, at=at: world.trust.status_list(n, at=at),  # type: ignore[misc]
            expected_zone=ZONE,
            at=at,
        )
        verified = perf_counter()
        ticket = Ticket("lane-1", os.urandom(16), checked.pass_id, checked.travel_pass.claims.expires_at)
        world.spending.reserve(ticket, checked.qr.counter, at=at)
        ended, busy = perf_counter(), (thread_time() - cpu) * 1000
        if number >= WARM_UP:
            for stage, since, until in (
                ("code: read", began, read),
                ("code: verify", read, verified),
                ("code: reserve (fsync)", verified, ended),
                (WHOLE, began, ended),
            ):
                spent[stage].append((until - since) * 1000)
            spent[f"{WHOLE}, processor time alone"].append(busy)
    for stage, values in spent.items():
        figures.add_latencies(stage, values, targets={99: 20.0} if stage == WHOLE else None)
    figures.add("codes read", (CODES + WARM_UP - misread) / (CODES + WARM_UP) * 100, "%", target=(">=", 99.0))
    world.db.close()


class GateProcess:
    """`tongguan gate run --frames stdin` and its high-water mark of memory."""

    def __init__(self, home: Path, models: Path | None) -> None:
        command = [sys.executable, "-m", "broker.cli", "gate", "run", "--home", str(home), "--frames", "stdin"]
        self._process = subprocess.Popen(
            command + (["--models", str(models)] if models else []), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.hello = self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        return dict(json.loads(self._process.stdout.readline()))

    def present(self, code: Path, face: Path, network: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        order = {"qr": str(code), "face": [str(face)], "network": network}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        return self._read()

    def peak_mb(self) -> float:
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def person(engine: FaceEngine, entropy: Entropy, embedders: tuple[str, ...]) -> TemplatePayload:
    embeddings = engine.capture(face_frame(np.random.default_rng(1))).embeddings
    seeds = tuple(entropy(16) for _ in embedders)
    template = make_template({name: embeddings[name] for name in embedders}, seeds)
    return TemplatePayload(entropy(16), template, seeds)


def wallet_for(broker: StubBroker, payload: TemplatePayload, mode: PassMode) -> WalletPass:
    at = datetime.now(UTC) - timedelta(seconds=2)
    wallet = broker.authority.wallet(at=at, mode=mode, secret=SECRET)
    commitment = sealed_template.commitment(payload.salt, payload.template.encode())
    wallet = replace(wallet.but(commitment=commitment), payload=payload)
    broker.templates[wallet.claims.pass_id] = payload
    return wallet


def whole_lane(figures: Figures, folder: Path) -> None:
    random = np.random.default_rng(11)
    engine = FaceEngine.load(threads=2)
    online = person(engine, os.urandom, engine.embedders)
    offline = person(engine, os.urandom, ("mobilefacenet-192",))
    del engine
    with StubBroker() as broker:
        home = folder / "home"
        enrol = ["gate", "enrol", "--broker", broker.url, "--code", "bench", "--home", str(home)]
        subprocess.run([sys.executable, "-m", "broker.cli", *enrol], check=True, capture_output=True)
        gate = GateProcess(home, None)
        try:
            for mode, payload, network in ((PassMode.ONLINE, online, "up"), (PassMode.OFFLINE, offline, "down")):
                spent, decided = defaultdict[str, list[float]](list), 0
                for number in range(CROSSINGS + WARM_UP):
                    code, face = folder / "code.png", folder / "face.png"
                    cv2.imwrite(str(face), face_frame(random))
                    # Minted and drawn last, so that the proof is as young as a phone's.
                    text = wallet_for(broker, payload, mode).text(datetime.now(UTC))
                    cv2.imwrite(str(code), code_frame(text, random))
                    outcome = gate.present(code, face, network)
                    if number < WARM_UP:
                        continue
                    decided += outcome["decision"] == "cleared"
                    timings = outcome["timings"]
                    _sort(spent, timings, mode.name.lower())
                for stage, values in spent.items():
                    figures.add_latencies(stage, values, targets=_target(stage))
                figures.add(
                    f"{mode.name.lower()} crossings cleared", decided / CROSSINGS * 100, "%", target=(">=", 95.0)
                )
            figures.add("gate process, peak memory", gate.peak_mb(), "MB", target=("<=", 600.0))
        finally:
            gate.close()


FACE = ("detect", "quality", "align", "embed", "compare")


def _sort(spent: dict[str, list[float]], timings: dict[str, float], mode: str) -> None:
    face = {stage: value for stage, value in timings.items() if stage.startswith(FACE)}
    spent[f"{mode}: camera frame to decision"].append(sum(face.values()) + timings.get("spend", 0.0))
    spent[f"{mode}: code to door"].append(timings["total"])
    if mode == "online":  # an offline session has the same stages but for the release
        for stage, value in timings.items():
            if stage != "total":
                spent[f"{mode}: {stage}"].append(value)


def _target(stage: str) -> dict[int, float] | None:
    if stage == "online: camera frame to decision":
        return {95: 250.0}
    return {95: 500.0} if stage == "online: code to door" else None


def main() -> None:
    figures = Figures("gate_latency")
    # Beside the results, not in a memory file system: the cost of a durable commit is part of the figure.
    place = Path("out/bench").resolve()
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place) as folder:
        code_to_pass(figures, Path(folder))
        whole_lane(figures, Path(folder))
    figures.add(
        "load average of the machine, five minutes", os.getloadavg()[1], "", note="two cores: above 2 is crowded"
    )
    figures.write()


if __name__ == "__main__":
    main()
