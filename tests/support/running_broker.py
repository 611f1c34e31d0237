"""`tongguan broker run` as a real process, and what a test needs to act as its travellers, wallets and gates."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from uuid import UUID, uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey

from broker.core.authorization import Grant
from broker.core.purpose import E_CHANNEL, FACE_ENROLMENT
from broker.flows.enrol import Enrolled, enrol
from broker.flows.give_consent import give_consent
from broker.flows.link_identity import link_identity
from broker.main import Ports, compose
from broker.oidc.token.issue import issue_tokens
from broker.settings import Settings
from broker.stores.database import Database
from tests.ports.fakes import FakeExaminer, FakeKeyStore, FakeWorks
from tests.support.broker_world import EXAMINED, LINK_SECRET, ZONE, World
from tests.support.process import Process, tongguan
from tests.support.web_world import WalletClient

_ADDRESS = re.compile(r"Tongguan broker on (\S+) \((\d+) worker")


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class RunningBroker:
    """`ports` are the process's own, composed a second time over the same home and database."""

    process: Process
    url: str
    settings: Settings
    ports: Ports
    database: Database

    def ready_traveller(self) -> UUID:
        """A traveller who agreed to everything needed at ZONE and whose face is enrolled (by a fake examiner)."""
        services = self.ports.services
        grant = World(FakeWorks(), FakeKeyStore(os.urandom), at=now()).grant(uuid4().hex)
        common = {"keys": services.keys, "at": now(), "entropy": os.urandom}
        with services.begin() as work:
            traveller = link_identity(work, grant=grant, link_secret=LINK_SECRET, **common).traveller
        for purpose, zone in ((FACE_ENROLMENT, None), (E_CHANNEL, ZONE)):
            with services.begin() as work:
                give_consent(
                    work, rulebook=services.rulebook, receipt_signer=services.receipt_signer, issuer=self.url,
                    traveller=traveller, purpose=purpose, zone=zone, language="en", **common,
                )  # fmt: skip
        enrolled = enrol(
            services.begin, rulebook=services.rulebook, examiner=FakeExaminer(EXAMINED),
            status_signer=services.status_signer, traveller=traveller, capture=b"capture", **common,
        )  # fmt: skip
        assert isinstance(enrolled, Enrolled)
        return traveller

    def wallet(self, http: httpx.Client, traveller: UUID) -> WalletClient:
        key = ec.generate_private_key(ec.SECP256R1())
        client = WalletClient(http, "", key, now, issuer=self.settings.issuer)
        scopes, at = frozenset({"openid", "wallet"}), now()
        with self.ports.authorization.open_unit() as unit:
            grant = Grant(
                uuid4(), "tongguan-wallet", traveller, uuid4().hex, "iamsmart", "urn:tongguan:acr:high", at, scopes,
                ECKey.import_key(key.public_key()).thumbprint(), at, at + timedelta(days=1),
            )  # fmt: skip
            unit.add_grant(grant)
            issued = issue_tokens(self.ports.authorization, unit, grant, scopes, at, nonce=None)
        client.token = str(issued.response["access_token"])
        return client

    def memory_mib(self) -> float:
        """Resident memory of the process, MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024


def start_broker(home: Path, *arguments: str, environment: dict[str, str] | None = None) -> tuple[Process, str, int]:
    """Start `tongguan broker run` on a free port; returns the process, its address and its number of workers."""
    log = home / "broker.log"
    command = tongguan("broker", "run", "--home", home, "--port", "0", *arguments)
    process = Process("broker", command, log=log, environment=environment)
    deadline = monotonic() + 120
    while monotonic() < deadline:
        found = _ADDRESS.search(log.read_text(encoding="utf-8"))
        if found:
            process.await_http(f"{found[1]}/readyz")
            return process, found[1], int(found[2])
        if not process.running:
            break
        sleep(0.05)
    raise process.fail("did not say where it listens")


@contextmanager
def running_broker(home: Path, database_url: str, *arguments: str) -> Iterator[RunningBroker]:
    """A broker over that database, in a home made for it, and its ports composed in this process too."""
    import subprocess

    subprocess.run(tongguan("broker", "init", "--home", home), check=True, capture_output=True, timeout=120)
    environment = {"TONGGUAN_DATABASE_URL": database_url}
    process, url, _ = start_broker(home, *arguments, environment=environment)
    settings = Settings.load(home, database_url=database_url)
    ports = compose(settings, database_url)
    database = Database(database_url, pool_size=2)
    try:
        yield RunningBroker(process, url, settings, ports, database)
    finally:
        process.stop()
        database.close()
        for port in ports.closing:
            port.close()
