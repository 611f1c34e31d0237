"""Notices to partners over real HTTP: signed, at least once, in time, to nowhere else."""

import json
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import jwt
import pytest
from sqlalchemy import text

from broker.core.jws import public_jwk
from broker.core.partner import Ceilings, Partner, PartnerKind
from broker.core.rulebook import Rulebook
from broker.core.webhook import LEASE, MAX_ATTEMPTS, EventState
from broker.core.zone import LANGUAGES
from broker.delivery import Delivery
from broker.flows.deliver_events import Sent, deliver_batch, take_batches
from broker.stores.database import Database
from broker.stores.partner_http import CallFailed, CallRefused, PartnerHttp, Reach
from broker.stores.webhook_sender import WebhookSender
from broker.stores.work import SqlWork, Works
from broker.wire.keys import LocalSigner
from broker.wire.registry import KeyUse
from tests.ports.fakes import FakeKeyStore

AT = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
ISSUER = "https://broker.example"
SIGNER = LocalSigner.generate(KeyUse.ANSWER)
LAW: Any = {"keys": FakeKeyStore(os.urandom), "rulebook": Rulebook.load()}


@dataclass
class Receiver:
    """A partner's webhook on loopback. `answers` are given in turn, then the last one for ever."""

    answers: list[tuple[int, bytes]] = field(default_factory=lambda: [(202, b"")])
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""
    drip: bool = False

    @contextmanager
    def serving(self) -> Iterator["Receiver"]:
        outer, ended = self, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status, answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                self.send_response(status)
                self.send_header("content-length", "1000" if outer.drip else str(len(answer)))
                self.send_header("location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()
                try:
                    while outer.drip and not ended.wait(0.05):
                        self.wfile.write(b"x")
                        self.wfile.flush()
                    self.wfile.write(answer)
                except OSError:
                    pass

            def log_message(self, *arguments: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        try:
            yield self
        finally:
            ended.set()
            server.shutdown()
            server.server_close()
            thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().serving() as made:
        yield made


@pytest.fixture
def works(database: Database) -> Works:
    return Works(database)


def onboard(works: Works, partner_id: str, url: str | None) -> None:
    names = dict.fromkeys(LANGUAGES, "Library")
    ceilings = Ceilings(frozenset({"partner"}))
    partner = Partner(partner_id, names, "x@y.example", "HK", PartnerKind.COMPANY, True, ceilings, AT, webhook_url=url)
    with works.begin() as work:
        assert work.partners.add(partner)


def tell(works: Works, partner_id: str, name: str = "consent.withdrawn", *, at: datetime = AT) -> None:
    with works.begin() as work:
        work.partner_events.enqueue(partner_id, name, {"consent": str(uuid4())}, at=at, entropy=os.urandom)


def sender(*, loopback: bool = True, seconds: float = 5.0) -> WebhookSender:
    reach = Reach.of(loopback=loopback)
    return WebhookSender(PartnerHttp(ssl.create_default_context(), reach, seconds=seconds))


def deliver(works: Works, at: datetime, **how: Any) -> int:
    common = {
        **LAW,
        "sender": sender(**how),
        "signer": SIGNER,
        "issuer": ISSUER,
        "clock": lambda: at,
        "entropy": os.urandom,
    }
    return sum(deliver_batch(works.begin, batch, **common) for batch in take_batches(works.begin, at=at))


def states(works: Works) -> list[tuple[EventState, int, str | None]]:
    with works.begin() as work:
        events = work.partner_events.of(None, state=None, limit=50)
    return [(event.state, event.attempts, event.last_outcome) for event in events]


def test_a_token_that_any_library_verifies(works: Works, receiver: Receiver) -> None:
    onboard(works, "library", receiver.url)
    tell(works, "library")
    assert deliver(works, AT) == 1
    [(headers, body)] = receiver.got
    assert headers["content-type"] == "application/secevent+jwt"
    key = jwt.PyJWK(public_jwk(SIGNER.public)).key
    assert jwt.get_unverified_header(body.decode())["typ"] == "secevent+jwt"
    options: Any = {"verify_iat": False}
    claims = jwt.decode(body, key, algorithms=["EdDSA"], audience="library", issuer=ISSUER, options=options)
    assert list(claims["events"]) == ["urn:tongguan:event:consent.withdrawn"]
    assert states(works) == [(EventState.DELIVERED, 1, "202")]
    assert deliver(works, AT + timedelta(days=1)) == 0


def test_a_rolled_back_act_tells_nobody_and_a_partner_without_webhook_hears_nothing(
    works: Works, receiver: Receiver
) -> None:
    onboard(works, "library", receiver.url)
    onboard(works, "deaf", None)
    with pytest.raises(RuntimeError), works.begin() as work:
        work.partner_events.enqueue("library", "grant.revoked", {}, at=AT, entropy=os.urandom)
        raise RuntimeError
    tell(works, "deaf")
    tell(works, "HK-SZB")  # a zone, as other consents have for a recipient
    assert states(works) == []


def test_failures_are_tried_again_under_the_same_id_until_they_are_given_up(works: Works, receiver: Receiver) -> None:
    receiver.answers = [(500, b"")]
    onboard(works, "library", receiver.url)
    tell(works, "library")
    at = AT
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert deliver(works, at) == 0
        assert len(receiver.got) == attempt
        assert deliver(works, at + timedelta(seconds=1)) == 0
        assert len(receiver.got) == attempt, "an attempt came before its time"
        at += timedelta(hours=7)
    assert states(works) == [(EventState.DEAD, MAX_ATTEMPTS, "500")]
    deliver(works, at)
    assert len(receiver.got) == MAX_ATTEMPTS
    ids = {jwt.decode(body, options={"verify_signature": False})["jti"] for _, body in receiver.got}
    assert len(ids) == 1
    # An operator sends it again once the partner is back.
    receiver.answers = [(202, b"")]
    with works.begin() as work:
        assert work.partner_events.revive("library", at) == 1
    assert deliver(works, at) == 1


def test_a_dead_letter_is_journalled(works: Works, receiver: Receiver, database: Database) -> None:
    receiver.answers = [(410, b"")]
    onboard(works, "library", receiver.url)
    tell(works, "library")
    deliver(works, AT)
    assert states(works) == [(EventState.DEAD, 1, "410")]
    with database.engine.connect() as connection:
        [entry] = connection.execute(text("SELECT entry FROM journal_inbox")).scalars().all()
    assert b"partner:event:undelivered" in bytes(entry)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((400, json.dumps({"err": "invalid_key", "description": "ada@example"}).encode()), "400 invalid_key"),
        ((400, b'{"err": "Ada Lovelace"}'), "400"),
        ((401, b"["), "401"),
        ((302, b""), "302"),  # no redirect is followed
        ((200, b"x" * 100_000), "no answer: the answer is too long"),
    ],
)
def test_what_a_partner_answers_is_noted_without_its_content(
    works: Works, receiver: Receiver, answer: tuple[int, bytes], outcome: str
) -> None:
    receiver.answers = [answer]
    onboard(works, "library", receiver.url)
    tell(works, "library")
    assert deliver(works, AT) == 0
    [(state, attempts, noted)] = states(works)
    assert (state, attempts) == (EventState.WAITING, 1)
    assert (noted or "").startswith(outcome)
    assert len(receiver.got) == 1


def test_an_answer_that_drips_ends_in_time(works: Works, receiver: Receiver) -> None:
    receiver.drip = True
    onboard(works, "library", receiver.url)
    tell(works, "library")
    begun = monotonic()
    assert deliver(works, AT, seconds=0.5) == 0
    assert monotonic() - begun < 3
    assert states(works)[0][2] == "no answer: ReadTimeout"


def test_the_operators_own_network_is_not_called(works: Works, receiver: Receiver) -> None:
    onboard(works, "library", receiver.url)
    tell(works, "library")
    assert deliver(works, AT, loopback=False) == 0
    assert receiver.got == []
    assert "not public" in (states(works)[0][2] or "")
    # By name as well as by address.
    http = PartnerHttp(ssl.create_default_context(), Reach.of())
    with pytest.raises((CallRefused, CallFailed)):
        http.get(receiver.url.replace("127.0.0.1", "localhost"), accept="*/*")
    assert receiver.got == []


def test_a_worker_that_dies_between_sending_and_settling_sends_again(works: Works, receiver: Receiver) -> None:
    onboard(works, "library", receiver.url)
    tell(works, "library")
    taken = take_batches(works.begin, at=AT)
    assert [len(batch.events) for batch in taken] == [1]
    # It owns them for a while, and dies.
    assert take_batches(works.begin, at=AT + LEASE / 2) == []
    assert deliver(works, AT + LEASE) == 1


def test_two_workers_take_nothing_twice(works: Works, database: Database) -> None:
    onboard(works, "library", "http://127.0.0.1:1/hook")
    for _ in range(40):
        tell(works, "library")
    taken: list[str] = []
    gate = threading.Barrier(4)

    def take() -> None:
        gate.wait()
        for _ in range(4):
            for batch in take_batches(works.begin, at=AT, each=5):
                taken.extend(str(event.event_id) for event in batch.events)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken))


def test_a_partner_that_does_not_answer_delays_nobody(works: Works, receiver: Receiver) -> None:
    with Receiver(drip=True).serving() as silent:
        onboard(works, "a-silent", silent.url)
        onboard(works, "library", receiver.url)
        for _ in range(5):
            tell(works, "a-silent")
            tell(works, "library")
        delivery = Delivery(
            works.begin, **LAW, sender=sender(seconds=1.0), signer=SIGNER,
            issuer=ISSUER, clock=lambda: AT, entropy=os.urandom,
        )  # fmt: skip
        begun = monotonic()
        assert delivery.round() == 5
        assert monotonic() - begun < 4
    assert len(receiver.got) == 5
    assert len(silent.got) == 1


@dataclass
class Answering:
    """A sender whose partners answer after a time or do not, by the last word of their address."""

    clock: list[datetime]
    deaf: frozenset[str] = frozenset()
    seconds: int = 10
    sent: list[str] = field(default_factory=list)
    signed_at: list[int] = field(default_factory=list)

    def send(self, url: str, token: str) -> Sent:
        self.sent.append(url.rpartition("/")[2])
        self.signed_at.append(jwt.decode(token, options={"verify_signature": False})["iat"])
        self.clock[0] += timedelta(seconds=self.seconds)
        if self.sent[-1] not in self.deaf:
            return Sent(accepted=True, outcome="202")
        return Sent(accepted=False, outcome="no answer: ReadTimeout")


def test_partners_that_do_not_answer_keep_no_place_from_those_behind_them(works: Works) -> None:
    now = [AT]
    silent = frozenset("abcd")
    for name in (*silent, "zoo"):
        onboard(works, f"p-{name}", f"https://p.example/{name}")
    for name in silent:
        for _ in range(30):
            tell(works, f"p-{name}", at=AT - timedelta(hours=1))
    tell(works, "p-zoo")
    partners = Answering(now, silent)
    delivery = Delivery(
        works.begin, **LAW, sender=partners, signer=SIGNER,
        issuer=ISSUER, clock=lambda: now[0], entropy=os.urandom,
    )  # fmt: skip
    assert delivery.round() == 0
    assert delivery.round() == 1
    assert sorted(partners.sent[:4]) == sorted(silent), "one attempt tells enough of a silent partner"


def test_a_batch_ends_before_its_lease_and_asks_the_present_at_each_notice(works: Works) -> None:
    now = [AT]
    onboard(works, "library", "https://p.example/old")
    for _ in range(10):
        tell(works, "library")
    partner = Answering(now)

    def moved(url: str, token: str) -> Sent:
        sent = partner.send(url, token)
        with works.begin() as work:
            work.partners.set_webhook("library", "https://p.example/new")
        return sent

    common: Any = {
        **LAW, "sender": SimpleNamespace(send=moved), "signer": SIGNER, "issuer": ISSUER, "clock": lambda: now[0]
    }  # fmt: skip
    [batch] = take_batches(works.begin, at=AT)
    assert deliver_batch(works.begin, batch, entropy=os.urandom, **common) == 3
    assert now[0] + timedelta(seconds=10) < AT + LEASE, "a request more would still have ended in time"
    assert partner.sent == ["old", "new", "new"]
    assert partner.signed_at == [int(AT.timestamp()) + passed for passed in (0, 10, 20)]
    assert sum(state is EventState.WAITING for state, _, _ in states(works)) == 7


def test_a_notice_that_is_refused_is_overtaken(works: Works, receiver: Receiver) -> None:
    receiver.answers = [(400, b""), (202, b""), (202, b""), (400, b"")]
    onboard(works, "library", receiver.url)
    for _ in range(3):
        tell(works, "library")
    assert deliver(works, AT) == 0
    assert deliver(works, AT + LEASE) == 2
    assert sorted(states(works)) == [(EventState.DELIVERED, 1, "202")] * 2 + [(EventState.WAITING, 2, "400")]


def test_the_thread_delivers_and_ends(works: Works, receiver: Receiver, tmp_path: Path) -> None:
    onboard(works, "library", receiver.url)
    delivery = Delivery(
        works.begin, **LAW, sender=sender(), signer=SIGNER,
        issuer=ISSUER, clock=lambda: AT, entropy=os.urandom, interval=0.02,
    )  # fmt: skip
    delivery.start()
    tell(works, "library")
    deadline = monotonic() + 20
    while not receiver.got and monotonic() < deadline:
        threading.Event().wait(0.02)
    delivery.stop()
    assert len(receiver.got) == 1


def test_settled_notices_are_forgotten(works: Works, receiver: Receiver) -> None:
    onboard(works, "library", receiver.url)
    tell(works, "library")
    tell(works, "library", at=AT + timedelta(hours=1))
    deliver(works, AT)
    with works.begin() as work:
        assert isinstance(work, SqlWork)
        assert work.partner_events.drop_settled_before(AT + timedelta(days=31)) == 1
    assert [state for state, _, _ in states(works)] == [EventState.WAITING]
