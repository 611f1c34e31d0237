"""Many releases to several clients, from a process that may be killed at any moment; and what must agree afterwards."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from uuid import UUID

from broker.core.counting import CountingRule, counting_key
from broker.core.identity_release import IdentityRelease
from broker.core.linking import Linked
from broker.core.rulebook import Rulebook
from broker.flows.counted_person import counted_as
from broker.stores.database import Database
from broker.stores.driver import run
from broker.stores.journal import Journal
from broker.stores.key_store import FileKeyStore
from broker.stores.transfer_audit import recount
from broker.stores.work import Works
from broker.wire.identity_grant import DocumentType
from tests.support.broker_world import World
from tests.support.partner_world import BANK, SHOP, PartnerWorld, opening
from tests.support.transfers import FILED

CLIENTS = (BANK, SHOP)
YEAR = 2026


@dataclass(frozen=True)
class Request:
    """One release that a client asks for."""

    number: int
    traveller: str
    client: str


@dataclass
class Known(PartnerWorld):
    """The partners are in the database already."""

    def __post_init__(self) -> None:
        """Nothing is added."""


def release_for(client: str) -> IdentityRelease:
    """What a client is told: a name, three times a day."""
    return opening("name", recipient=client)


def world_over(database: Database, folder: Path) -> World:
    """Every flow over this database, with the keys of `folder`."""
    keys = FileKeyStore.open(folder / "keystore")
    return World(Works(database), keys, entropy=os.urandom, rulebook=Rulebook.load(FILED))  # type: ignore[arg-type]


def settle_people(world: World, number: int, *, threads: int = 4) -> list[UUID]:
    """So many people whose data reside in the Mainland, who agreed that both clients learn their name."""
    agency = PartnerWorld(world)

    def settle(one: int) -> UUID:
        grant = world.grant(f"storm {one}")
        assert grant.claims is not None
        number = {"document_type": DocumentType.MAINLAND_TRAVEL_PERMIT, "document_number": f"H{one:08d}"}
        linked = world.arrive(grant.model_copy(update={"claims": grant.claims.model_copy(update=number)}))
        assert isinstance(linked, Linked)
        for client in CLIENTS:
            agency.agree(linked.traveller, release_for(client))
        return linked.traveller

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(settle, range(1, number + 1)))


def requests(people: Sequence[UUID], number: int) -> list[Request]:
    """Everybody by both clients before anybody again."""
    pairs = [(person, client) for client in CLIENTS for person in people]
    chosen = (pairs[one % len(pairs)] for one in range(number))
    return [Request(one, str(person), client) for one, (person, client) in enumerate(chosen)]


def disagreements(
    database: Database, folder: Path, people: Iterable[UUID], answers: Iterable[tuple[int, str, bytes]]
) -> list[str]:
    """What ledger, journal and `answers` do not agree on. Nobody was erased."""
    world = world_over(database, folder)
    key = counting_key(CountingRule.STATUTORY, "CN", world.at)
    names = {counted_as(world.keys, person, key): person for person in people}
    with database.unit_of_work() as uow:
        rows = run(uow.session, "SELECT traveller_id, leaf_hash FROM traveller_entries").all()
        about = {bytes(row.leaf_hash): row.traveller_id for row in rows}
        entries = Journal().read(uow, about)
        counted = {row.person for row in run(uow.session, "SELECT person FROM transfer_persons").all()}
    released = {leaf: about[leaf] for leaf, entry in entries.items() if entry.kind == "partner:claims:released"}
    in_ledger, in_journal = {names.get(person) for person in counted}, set(released.values())
    found = recount(database, YEAR)
    nonsensitive = sum(number for line, number in found.counters.items() if str(line).endswith("CN nonsensitive"))
    faults = [f"{line} differs" for line in found.differences]
    faults += [f"answer without entry: {leaf.hex()}" for _, who, leaf in answers if str(released.get(leaf)) != who]
    faults += [f"counted without entry: {person}" for person in in_ledger - in_journal]
    faults += [f"released and not counted: {person}" for person in in_journal - in_ledger]
    faults += [] if nonsensitive == len(in_journal) else [f"total {nonsensitive}, persons in journal {len(in_journal)}"]
    world.keys.close()  # type: ignore[attr-defined]
    return faults


@dataclass
class Worker:
    """The process that answers `asked`; `answers` fills as its answers are read."""

    url: str
    folder: Path
    asked: Sequence[Request]
    threads: int = 4
    answers: list[tuple[int, str, bytes]] = field(default_factory=list)

    def run(self, *, kill_after: int | None = None, on_half: Callable[[], None] | None = None) -> int:
        """Its exit status. SIGKILL after so many answers; `on_half` is called once half are in."""
        command = [sys.executable, "-m", "tests.support.release_worker", self.url, str(self.folder), str(self.threads)]
        questions = self.folder / "requests.jsonl"
        questions.write_text("".join(json.dumps(asdict(one)) + "\n" for one in self.asked))
        with questions.open() as source, subprocess.Popen(command, stdin=source, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if not line.endswith(b"\n"):
                    break  # cut off in the middle: nobody was answered by that
                said = json.loads(line)
                self.answers.append((said["number"], said["traveller"], bytes.fromhex(said["leaf"])))
                if len(self.answers) == kill_after:
                    process.kill()
                if on_half is not None and len(self.answers) == len(self.asked) // 2:
                    on_half()
        return process.returncode

    def unanswered(self) -> list[Request]:
        answered = {number for number, _, _ in self.answers}
        return [request for request in self.asked if request.number not in answered]


def wait_until_alone(database: Database) -> None:
    """Until the server has noticed that everybody else is gone, at most 30 s. A commit under way ends before that."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    deadline, pause = monotonic() + 30, threading.Event()
    while True:
        with database.unit_of_work() as uow:
            if run(uow.session, others).scalar_one() == 0:
                return
        if monotonic() > deadline:
            raise TimeoutError("somebody is still connected")
        pause.wait(0.02)
