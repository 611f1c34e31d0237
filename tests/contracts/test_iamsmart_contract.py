"""iAM Smart's connector against a real server: the mock as a process, or a sandbox by settings (specs/iamsmart.md 10).

With TONGGUAN_IAMSMART_SANDBOX set, a person opens each address that is printed and pastes the one they were sent back
to; tests that need the mock's switches, or callbacks that can reach this machine, are skipped.
"""

import os
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

import connectors
from broker.wire.approval_connector import DocumentToSign, FilledForm, FormNotice
from broker.wire.identity_connector import ConnectorError, LoginStart, ProviderFault
from broker.wire.identity_grant import DocumentType, IdentityGrant
from connectors.iamsmart import IamSmartConnector
from connectors.mock_idps.iamsmart.authority import AUTHORITY, SERVICE_KEY, lay_out
from connectors.mock_idps.people import load_people
from tests.support.html_forms import form_with, submit
from tests.support.process import Process, free_port

SANDBOX = "TONGGUAN_IAMSMART_SANDBOX"
REDIRECT = "http://127.0.0.1:9/login/iamsmart/callback"  # nobody listens: the browser is never followed there
FIELDS = ("mobileNumber", "emailAddress", "residentialAddress")
NOTICE = FormNotice("Form", "F1", "a form")


class Callbacks(ThreadingHTTPServer):
    """A service's callback address: keeps what is posted to it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Keep)
        self.bodies: list[bytes] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Keep(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Callbacks)
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@dataclass
class Site:
    """A provider to be met over HTTP. `answer(url, person, decision)`: what a person's browser comes back with."""

    connector: IamSmartConnector
    redirect_uri: str
    answer: Callable[[str, str, str], dict[str, str]]
    mock: str | None = None
    callbacks: Callbacks | None = None
    identity_number: str = "QX9001236"
    people: list[str] = field(default_factory=lambda: ["the person"])
    again: Callable[..., IamSmartConnector] | None = None  # another connector, with settings changed

    def start(self) -> LoginStart:
        return LoginStart(os.urandom(16).hex(), self.redirect_uri, "en", datetime.now(UTC), os.urandom)

    def login(self, person: str = "iamsmart-chan", decision: str = "allow") -> IdentityGrant:
        start = self.start()
        begun = self.connector.begin(start)
        answer = self.answer(begun.url, person, decision)
        assert self.connector.state_of(answer) == start.state
        return self.connector.finish(answer, memory=begun.memory, redirect_uri=self.redirect_uri, at=datetime.now(UTC))

    def faults(self, **setting: Any) -> None:
        if self.mock is None:
            pytest.skip("a sandbox has no fault switches")
        httpx.post(f"{self.mock}/_mock/faults", json=setting).raise_for_status()


def by_http(url: str, person: str, decision: str) -> dict[str, str]:
    with httpx.Client(trust_env=False) as browser:
        page = browser.get(url)
        chosen = submit(browser, page, form_with(page, "person", person), press=("person", person))
        form = form_with(chosen, "decision", decision)
        back = submit(browser, chosen, form, press=("decision", decision), tick=form.checkboxes)
    return dict(parse_qsl(urlsplit(back.headers["location"]).query))


def by_hand(url: str, person: str, decision: str) -> dict[str, str]:
    terminal = Path("/dev/tty")  # pytest holds the standard streams
    with terminal.open("w", encoding="utf-8") as screen:
        print(f"\nOpen this, then {decision}:\n{url}\nWhere were you sent?", file=screen)
    with terminal.open(encoding="utf-8") as keyboard:
        return dict(parse_qsl(urlsplit(keyboard.readline().strip()).query))


def connected(table: dict[str, Any], home: Path) -> IamSmartConnector:
    built = connectors.build("iamsmart", "iamsmart", table, http=httpx.Client(trust_env=False), home=home)
    assert isinstance(built, IamSmartConnector)
    return built


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if SANDBOX in os.environ:
        file = Path(os.environ[SANDBOX])
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
        connector = connected(settings["provider"], file.parent)
        yield Site(connector, settings["redirect_uri"], by_hand, identity_number=settings.get("identity_number", ""))
        return
    home = tmp_path_factory.mktemp("iamsmart")
    lay_out(home)
    for person in load_people("iamsmart", portraits=home):
        (home / f"{person}.jpg").write_bytes(b"\xff\xd8\xff\xe0 synthetic")
    port, callbacks = free_port(), Callbacks()
    url = f"http://127.0.0.1:{port}"
    command = [
        *(sys.executable, "-m", "connectors.mock_idps", "--provider", "iamsmart", "--port", str(port)),
        *("--portraits", str(home), "--client-secret", "a secret", "--redirect-uri", REDIRECT),
        *("--callback-url", f"http://127.0.0.1:{callbacks.server_port}/", "--option", f"keys={home}"),
    ]
    process = Process("iamsmart", command, log=home / "mock.log")
    table = {
        "issuer": url,
        "client_id": "tongguan",
        "client_secret": "a secret",
        "private_key": SERVICE_KEY,
        "signing_anchors": AUTHORITY,
        "portrait": "synthetic_field",
    }
    try:
        process.await_http(f"{url}/style.css")
        people = list(load_people("iamsmart", portraits=home))
        again = lambda **change: connected(table | change, home)  # noqa: E731
        yield Site(connected(table, home), REDIRECT, by_http, url, callbacks, people=people, again=again)
    finally:
        process.stop()
        callbacks.shutdown()
        callbacks.server_close()


@pytest.fixture(autouse=True)
def _mended(site: Site) -> Iterator[None]:
    yield
    if site.mock is not None:
        site.faults(fault="none")


def test_login(site: Site) -> None:
    grant = site.login()
    assert grant.claims is not None
    assert grant.claims.document_type is DocumentType.HKID
    assert grant.tokens is not None
    again = site.login()
    assert (again.subject, again.claims) == (grant.subject, grant.claims)


def test_every_person_of_the_directory(site: Site) -> None:
    if site.mock is None:
        pytest.skip("a sandbox has its own people")
    grants = [site.login(person) for person in site.people]
    assert len({grant.subject for grant in grants}) == len(site.people) == 3


@pytest.mark.parametrize(("decision", "code"), [("cancel", "D40000"), ("reject", "D40001")])
def test_saying_no(site: Site, decision: str, code: str) -> None:
    with pytest.raises(ConnectorError) as refused:
        site.login(decision=decision)
    assert (refused.value.fault, refused.value.code) == (ProviderFault.CANCELLED, code)


def test_an_anonymous_form(site: Site) -> None:
    begun = site.connector.begin_form_fill(site.start(), fields=FIELDS, form=NOTICE, tokens=None)
    answer = site.answer(begun.url, "iamsmart-chan", "allow")
    filled = site.connector.finish_form_fill(answer, memory=begun.memory, at=datetime.now(UTC))
    assert set(filled.fields) <= set(FIELDS)
    assert "emailAddress" in filled.fields


@pytest.mark.parametrize("kind", ["hash", "pdf"])
def test_an_anonymous_signature(site: Site, kind: Any) -> None:
    document = DocumentToSign(sha256(b"a document").digest(), "Document", "Service", "Department", kind)
    begun = site.connector.begin_signature(
        site.start(), document=document, tokens=None, identity_number=site.identity_number
    )
    answer = site.answer(begun.url, "iamsmart-chan", "allow")
    signed = site.connector.finish_signature(answer, memory=begun.memory, at=datetime.now(UTC))
    assert signed.sha256 == document.sha256


def test_a_form_by_callback(site: Site) -> None:
    if site.callbacks is None:
        pytest.skip("a sandbox cannot reach this machine")
    tokens = site.login().tokens
    begun = site.connector.begin_form_fill(site.start(), fields=FIELDS, form=NOTICE, tokens=tokens)
    answer = site.answer(begun.url, "iamsmart-chan", "allow")
    notice = site.connector.receive({}, site.callbacks.bodies.pop(), at=datetime.now(UTC))
    assert isinstance(notice.outcome, FilledForm)
    filled = site.connector.finish_form_fill(answer, memory=begun.memory, at=datetime.now(UTC))
    assert filled == notice.outcome
    assert set(filled.fields) == set(FIELDS)


def test_step_up_by_callback(site: Site) -> None:
    if site.callbacks is None:
        pytest.skip("a sandbox cannot reach this machine")
    tokens = site.login().tokens
    assert tokens is not None
    begun = site.connector.step_up(site.start(), tokens=tokens)
    answer = site.answer(begun.url, "iamsmart-chan", "allow")
    site.connector.receive({}, site.callbacks.bodies.pop(), at=datetime.now(UTC))
    assert site.connector.finish_step_up(answer, memory=begun.memory, at=datetime.now(UTC)).passed


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ({"fault": "down", "paths": ["/api/v1/auth/getToken"]}, ProviderFault.UNREACHABLE),
        ({"fault": "garbage", "paths": ["/api/v1/auth/getToken"]}, ProviderFault.GARBLED),
        ({"fault": "wrong_signature"}, ProviderFault.UNTRUSTED),
        ({"fault": "expired_key"}, ProviderFault.MISCONFIGURED),
        ({"fault": "cancelled"}, ProviderFault.CANCELLED),
        ({"fault": "frozen"}, ProviderFault.FROZEN),
    ],
    ids=lambda value: value["fault"] if isinstance(value, dict) else None,
)
def test_faults(site: Site, setting: dict[str, Any], fault: ProviderFault) -> None:
    site.faults(**setting)
    with pytest.raises(ConnectorError) as failed:
        site.login()
    assert failed.value.fault is fault
    site.faults(fault="none")
    assert site.login().claims


def test_a_provider_that_takes_its_time_is_given_up(site: Site) -> None:
    site.faults(fault="slow", seconds=3, paths=["/api/v1/security"])
    assert site.again is not None
    impatient, begun = site.again(read_timeout=0.3), monotonic()
    with pytest.raises(ConnectorError) as late:
        impatient.begin_form_fill(site.start(), fields=FIELDS, form=NOTICE, tokens=None)
    assert late.value.fault is ProviderFault.UNREACHABLE
    assert monotonic() - begun < 2.5


def test_an_expired_key_is_renewed_and_a_replayed_callback_says_the_same(site: Site) -> None:
    site.faults(fault="expired_key", times=1)
    tokens = site.login().tokens
    site.faults(fault="replayed_callback")
    begun = site.connector.begin_form_fill(site.start(), fields=FIELDS, form=NOTICE, tokens=tokens)
    site.answer(begun.url, "iamsmart-chan", "allow")
    assert site.callbacks is not None
    second, first = site.callbacks.bodies.pop(), site.callbacks.bodies.pop()
    at = datetime.now(UTC)
    assert site.connector.receive({}, first, at=at) == site.connector.receive({}, second, at=at)
