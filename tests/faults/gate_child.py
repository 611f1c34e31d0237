"""A lane in a process of its own that dies by SIGKILL at a named point: run by test_gate_crash.py, never imported.

python -m tests.faults.gate_child FOLDER POINT    one traveller, killed at POINT ("" survives)
Prints one JSON line when it survives.
"""

import json
import os
import signal
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from broker.wire.gate_api import CrossingEvent
from broker.wire.keys import PublicKey
from broker.wire.registry import KeyUse
from broker.wire.sealed_template import TemplatePayload
from gate_client.clock_store import ClockStore
from gate_client.database import open_database
from gate_client.devices.doors import SimulatedDoors
from gate_client.devices.frames import Image
from gate_client.evidence import KeepNothing
from gate_client.lane import Hardware, Lane
from gate_client.matcher import Match
from gate_client.outbox import Outbox
from gate_client.session import Checks
from gate_client.spending import Spending, Ticket
from gate_client.stopwatch import Stopwatch
from gate_client.template_source import GateIdentity, TemplateSource
from gate_client.trust_store import TrustStore
from tests.support.gate_world import FRAME, ZONE, FakeBroker, FakeMatcher, NoReader, SetClock

POINTS = (
    "before reserve", "after reserve", "before release", "after release", "in match", "before spend", "inside spend",
    "after spend", "before open", "after open", "before settle", "inside settle", "after settle", "before close",
)  # fmt: skip

point = ""


def reach(name: str) -> None:
    """Die here, as from a power cut, when this is the point."""
    if name == point:
        os.kill(os.getpid(), signal.SIGKILL)


class DyingOutbox(Outbox):
    def put(self, event: CrossingEvent, *, opened: bool | None) -> None:
        super().put(event, opened=opened)
        if opened is None:
            reach("inside spend")

    def confirm(self, event_id: bytes) -> None:
        super().confirm(event_id)
        reach("inside settle")


class DyingSpending(Spending):
    def reserve(self, ticket: Ticket, counter: int, *, at: datetime) -> None:
        reach("before reserve")
        super().reserve(ticket, counter, at=at)
        reach("after reserve")

    def spend(self, ticket: Ticket, crossing: CrossingEvent, *, openings_before: int | None, at: datetime) -> None:
        reach("before spend")
        super().spend(ticket, crossing, openings_before=openings_before, at=at)
        reach("after spend")

    def settle(self, session: bytes, *, opened: bool) -> None:
        reach("before settle")
        super().settle(session, opened=opened)
        reach("after settle")

    def close(self, session: bytes | None, crossing: CrossingEvent) -> None:
        reach("before close")
        super().close(session, crossing)


class DyingBroker(FakeBroker):
    def release(self, signed_request: bytes) -> bytes:
        reach("before release")
        answer = super().release(signed_request)
        reach("after release")
        return answer


class DyingDoors(SimulatedDoors):
    def open_exit(self) -> None:
        reach("before open")
        super().open_exit()
        reach("after open")


class DyingMatcher(FakeMatcher):
    def match(self, frame: Image, payload: TemplatePayload, watch: Stopwatch) -> Match:
        reach("in match")
        return super().match(frame, payload, watch)

    @property
    def model_hashes(self) -> Mapping[str, str]:
        return {}


def main(folder: Path, score: float) -> None:
    setup = json.loads((folder / "setup.json").read_text())
    clock = SetClock(datetime.fromisoformat(setup["at"]) + timedelta(seconds=1))
    broker = DyingBroker(clock)
    broker.templates[bytes.fromhex(setup["pass_id"])] = TemplatePayload.decode(bytes.fromhex(setup["payload"]))
    connection = open_database(folder / "gate.db")
    outbox = DyingOutbox(connection)
    clock_store = ClockStore(connection)
    spending = DyingSpending(connection, outbox, clock_store)
    trust = TrustStore(connection, PublicKey.from_cose_key(bytes.fromhex(setup["root"]), KeyUse.ROOT))
    doors = DyingDoors(folder / "exit-openings")
    identity = GateIdentity("gate-1", ZONE, broker.gate)
    source = TemplateSource(identity, broker, lambda epoch, at: trust.secret(epoch, at=at), os.urandom)
    checks = Checks(
        "lane-1", ZONE, clock_store, trust, spending, source, DyingMatcher([score]), KeepNothing(), lambda text: None
    )
    lane = Lane(Hardware(NoReader(), doors, clock, os.urandom), checks)
    settled = lane.start()
    outcome = lane.show_text(setup["text"])
    for _ in range(3):
        outcome = outcome or lane.look(FRAME)
    assert outcome is not None
    events = [[event.decision.value, event.opened, [r.value for r in event.reasons]] for event in outbox.pending()]
    print(json.dumps({**outcome.as_json(), "settled": settled, "openings": doors.exit_openings(), "events": events}))


if __name__ == "__main__":
    point = sys.argv[2]
    main(Path(sys.argv[1]), float(sys.argv[3]))
