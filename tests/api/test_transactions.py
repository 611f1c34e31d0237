"""The unit of work of an endpoint: it commits before the answer leaves, and takes a connection no earlier than
needed.
"""

from types import ModuleType

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import event, text
from starlette.testclient import TestClient

from broker.core.purpose import FACE_ENROLMENT
from broker.flows.unavailable import DatabaseUnavailable
from broker.stores.database import Database
from broker.stores.unit_of_work import UnitOfWork
from broker.web import consent_page, gates, wallet
from tests.support.web_world import WebWorld, problem


@pytest.mark.parametrize(("unknown", "slug"), [(False, "database-unavailable"), (True, "outcome-unknown")])
def test_a_failed_commit_is_never_answered_with_success(
    web: WebWorld, http: TestClient, monkeypatch: pytest.MonkeyPatch, unknown: bool, slug: str
) -> None:
    traveller = web.world.link().traveller
    given = web.world.consent(traveller, FACE_ENROLMENT)
    wallet = web.wallet(http, traveller)
    wallet.get("/me")
    commit = UnitOfWork.commit

    def fail_after_work(self: UnitOfWork) -> None:
        # The token check commits in a transaction of its own; only the endpoint's is made to fail.
        changed = self.session.execute(text("SELECT count(*) FROM consents WHERE status = 'withdrawn'")).scalar_one()
        if changed:
            raise DatabaseUnavailable("the wire was cut", outcome_unknown=unknown)
        commit(self)

    monkeypatch.setattr(UnitOfWork, "commit", fail_after_work)
    answer = wallet.post(f"/consents/{given.record.consent_id}/withdraw")
    assert problem(answer)["type"] == f"/problems/{slug}"
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    monkeypatch.undo()
    assert [consent["status"] for consent in wallet.get("/consents").json()["consents"]] == ["active"]


def test_an_unexpected_failure_is_500_without_its_text(
    web: WebWorld, http: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def explode(self: UnitOfWork) -> None:
        raise RuntimeError("Key (document_number)=(A1234563) already exists")

    wallet = web.wallet(http, web.world.link().traveller)
    monkeypatch.setattr(UnitOfWork, "commit", explode)
    answer = wallet.get("/me")
    document = problem(answer)
    assert document["type"] == "/problems/internal-error"
    assert "A1234563" not in answer.text
    assert "A1234563" not in caplog.text
    assert "RuntimeError" in caplog.text
    assert answer.headers["x-request-id"] in caplog.text


def test_a_request_refused_early_costs_no_connection(web: WebWorld, database: Database) -> None:
    with web.client() as http:
        taken = 0

        @event.listens_for(database.engine, "checkout")
        def count(*_: object) -> None:
            nonlocal taken
            taken += 1

        http.post("/gates/v1/enrolments", content=b"{", headers={"content-type": "application/json"})
        http.post("/gates/v1/releases", content=b"x", headers={"content-type": "text/plain"})
        http.get("/wallet/v1/me")
        http.get("/wallet/v1/me", headers={"authorization": "DPoP nonsense", "dpop": "nonsense"})
        http.get("/healthz")
        http.get("/nowhere")
        assert taken == 0
        # A transaction that is opened but not used takes none either.
        with web.world.begin():
            pass
        assert taken == 0
        http.get("/gates/v1/status-lists")
        assert taken == 1


def test_a_denial_commits_and_a_failure_does_not(web: WebWorld, http: TestClient, database: Database) -> None:
    world, lane = web.world, web.world.lane()
    code = world.phone.code(world.one_pass(world.ready()), world.at)
    entries = _entries(database)
    _, signed = lane.request(code, world.at, zone="CN-SZB")
    answer = http.post("/gates/v1/releases", content=signed, headers={"content-type": "application/cose"})
    assert answer.status_code == 403
    assert _entries(database) == entries + 1
    answer = http.post("/gates/v1/releases", content=signed[:-1], headers={"content-type": "application/cose"})
    assert answer.status_code == 401
    assert _entries(database) == entries + 1


def _entries(database: Database) -> int:
    with database.unit_of_work() as uow:
        return int(uow.session.execute(text("SELECT count(*) FROM journal_inbox")).scalar_one())


@pytest.mark.parametrize("module", [wallet, gates, consent_page])
def test_no_answer_is_serialised_while_a_transaction_waits(module: ModuleType) -> None:
    """A response model would be serialised in another thread with the locks held (specs/decisions)."""
    for route in module.router.routes:
        assert isinstance(route, APIRoute)
        assert route.response_field is None, route.path
