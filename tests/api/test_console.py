"""The regulator's console over a real database: who may read it, what stands there, an auditor's whole way, files."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from starlette.testclient import TestClient

from broker.core.sample import Sample, SampleState
from broker.core.staff import Role
from broker.stores.database import Database
from broker.web.console_journal import SCRIPT
from tests.support.audited_world import AuditedWorld
from tests.support.console_world import furnish
from tests.support.html_forms import forms_of
from tests.support.postgres import TEMPLATE, Cluster
from tests.support.staff import csrf, sign_in
from tests.support.web_world import WebWorld

PAGES = ("", "/flows", "/bands", "/counters", "/samples", "/changes", "/alarms", "/journal")
FILES = (
    *(f"/data/{name}.{form}" for name in ("flows", "routes", "bands", "counters") for form in ("csv", "json")),
    *(f"/data/{name}.csv" for name in ("samples", "sampling-days", "changes", "alarms")),
    "/journal/checkpoint.txt",
    "/journal/journal.jsonl",
    f"/journal/{SCRIPT}",
)
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def furnished(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WebWorld, AuditedWorld]]:
    """One console for all tests of this file; nothing in one test depends on another."""

    name = f"console_{uuid4().hex}"
    cluster.create_database(name, TEMPLATE)
    database = Database(cluster.url_of(name))
    web = WebWorld(database, tmp_path_factory.mktemp("console"))
    yield web, furnish(web, database, days=4)
    web.keys.close()
    database.close()
    cluster.drop_database(name)


@pytest.fixture
def http(furnished: tuple[WebWorld, AuditedWorld]) -> Iterator[TestClient]:
    with furnished[0].client() as client:
        yield client


@pytest.mark.parametrize(
    ("roles", "status"),
    [
        ((), 401),
        ((Role.OPERATOR,), 403),
        ((Role.REVIEWER,), 403),
        ((Role.REGULATOR,), 200),
        ((Role.AUDITOR,), 200),
    ],
)
def test_who_regulates_or_audits_reads_everything_and_nobody_else_anything(
    http: TestClient, roles: tuple[Role, ...], status: int
) -> None:
    if roles:
        sign_in(http, *roles)
    for path in (*PAGES, *FILES, f"/samples/{waiting(http).release.hex()}"):
        answer = http.get(f"/console{path}", headers=HTML)
        assert answer.status_code == status, path


@pytest.mark.parametrize("role", [Role.REGULATOR, Role.OPERATOR])
def test_only_auditors_act(http: TestClient, role: Role) -> None:
    release = waiting(http).release.hex()
    for path in ("next", *(f"{release}/{act}" for act in ("claim", "open", "finding", "settle"))):
        assert http.post(f"/console/samples/{path}").status_code == 401
    sign_in(http, role)
    token = csrf(http)
    for path in ("next", *(f"{release}/{act}" for act in ("claim", "open", "finding", "settle"))):
        assert post(http, path, {"csrf": token}).status_code == 403, path


def test_a_form_without_its_token_does_nothing(http: TestClient) -> None:
    sign_in(http, Role.AUDITOR)
    before = waiting(http)
    assert post(http, f"{before.release.hex()}/claim", {"csrf": "x"}).status_code == 403
    assert waiting(http) == before


def test_an_auditor_takes_looks_finds_and_settles(http: TestClient) -> None:
    member = sign_in(http, Role.AUDITOR)
    token = csrf(http)
    taken = post(http, "next", {"csrf": token})
    assert taken.status_code == 303
    address = taken.headers["location"]
    page = http.get(address, headers=HTML)
    assert [form.action.rsplit("/", 1)[1] for form in forms_of(page)] == ["sign-out", "finding", "open"]
    short = post(http, f"{address.rsplit('/', 1)[1]}/finding", {"csrf": token, "verdict": "unlawful", "text": "No."})
    assert short.status_code == 422
    assert "say what is to be done" in short.text
    found = {"csrf": token, "verdict": "unlawful", "text": "<b>No consent.</b>", "follow_up": "Tell them."}
    assert post(http, f"{address.rsplit('/', 1)[1]}/finding", found).status_code == 303
    page = http.get(address, headers=HTML)
    assert "&lt;b&gt;No consent.&lt;/b&gt;" in page.text
    assert [form.action.rsplit("/", 1)[1] for form in forms_of(page)] == ["sign-out", "settle"]
    assert post(http, f"{address.rsplit('/', 1)[1]}/settle", {"csrf": token}).status_code == 303
    sample = find(http, address)
    assert (sample.state, sample.auditor) == (SampleState.CLOSED, member.staff_id)
    again = {"csrf": token, "verdict": "lawful"}
    assert post(http, f"{address.rsplit('/', 1)[1]}/finding", again).status_code == 409


def test_what_is_about_nobody_cannot_be_opened_and_a_reason_is_needed(http: TestClient) -> None:
    sign_in(http, Role.AUDITOR)
    token = csrf(http)
    release = post(http, "next", {"csrf": token}).headers["location"].rsplit("/", 1)[1]
    reason = {"csrf": token, "ground": "fields", "reason": "short"}
    assert post(http, f"{release}/open", reason).status_code == 422
    assert post(http, f"{release}/open", reason | {"reason": "Which consent was it?"}).status_code == 404


def test_files_hold_what_the_pages_show(http: TestClient) -> None:
    sign_in(http, Role.REGULATOR)
    flows = http.get("/console/data/flows.json").json()["rows"]
    page = http.get("/console", headers=HTML).text
    decided = sum(row["releases"] for row in flows)
    assert decided > 100
    assert f"<dd>{decided:,}</dd>" in page
    routes = http.get("/console/data/routes.csv").text.splitlines()
    assert routes[0].startswith("origin,destination,releases,allow,")
    assert sum(int(row.split(",")[2]) for row in routes[1:]) == decided
    published = http.get("/console/data/routes.json?copy=publication").json()["rows"]
    told = [row[name] for row in published for name in ("releases", "allow", "hold")]
    assert all(value == "<10" or value % 10 == 0 for value in told)
    assert "count" not in http.get("/console/data/counters.json?copy=publication").json()["rows"][0]
    assert http.get("/console/data/people.csv").status_code == 404


def test_the_command_on_the_page_verifies_the_files_of_the_page(http: TestClient, tmp_path: Path) -> None:
    sign_in(http, Role.REGULATOR)
    page = http.get("/console/journal", headers=HTML).text
    found = re.search(r"<code>python3 (\S+) (\S+) '(\S+)' (\S+)</code>", page)
    assert found is not None, page
    script, log, key, checkpoint = found.groups()
    for name in (script, log.removeprefix("tongguan-"), checkpoint.removeprefix("tongguan-")):
        answer = http.get(f"/console/journal/{name}")
        saved = re.search(r'filename="(.+)"', answer.headers["content-disposition"])
        assert saved is not None
        (tmp_path / saved[1]).write_bytes(answer.content)
    done = subprocess.run(
        [sys.executable, "-I", "-S", script, log, key, checkpoint],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verified:" in done.stdout
    assert "samples:" in done.stdout
    lines = (tmp_path / log).read_text().splitlines()
    assert json.loads(lines[0]) == {"format": "tongguan-journal/1"}
    assert "checkpoint" in json.loads(lines[-1])


def test_looks_are_in_the_journal(http: TestClient, furnished: tuple[WebWorld, AuditedWorld]) -> None:
    member = sign_in(http, Role.REGULATOR)
    http.get(f"/console/samples/{waiting(http).release.hex()}", headers=HTML)
    furnished[1].place()
    looks = [clear for _, clear in furnished[1].kinds("auditor:sample:looked")]
    assert {"by": member.staff_id, "role": "regulator"}.items() <= looks[-1].items()


def waiting(http: TestClient) -> Sample:
    with http.app.state.services.begin() as work:  # type: ignore[attr-defined]
        found = work.samples.listed(states=(SampleState.WAITING,), limit=1)
    return found[0]  # type: ignore[no-any-return]


def find(http: TestClient, address: str) -> Sample:
    with http.app.state.services.begin() as work:  # type: ignore[attr-defined]
        found = work.samples.find(bytes.fromhex(address.rsplit("/", 1)[1]))
    assert isinstance(found, Sample)
    return found


def post(http: TestClient, path: str, form: Mapping[str, str]) -> httpx.Response:
    return http.post(f"/console/samples/{path}", data=dict(form), headers=HTML)
