"""The gates API end to end over HTTP: enrolment, lists, releases, epoch secrets, crossings."""

import os
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from broker.flows.enrol_gate import invite_gate
from broker.flows.publish_trust_list import publish_trust_list
from broker.web.fields import from_base64url, to_base64url
from broker.wire import gate_api, status_list, trust_list
from broker.wire.keys import LocalSigner, PublicKey
from broker.wire.registry import KeyUse
from broker.wire.sealed_template import TemplatePayload
from broker.wire.travel_pass import PassMode
from tests.support.broker_world import ZONE, Lane
from tests.support.web_world import WebWorld, problem

COSE = {"content-type": "application/cose"}


@pytest.fixture
def published(web: WebWorld) -> None:
    with web.world.begin() as work:
        publish_trust_list(work, root=web.world.signers[KeyUse.ROOT], keys=web.world.trusted_keys, at=web.now())


def _code(web: WebWorld) -> str:
    with web.world.begin() as work:
        return invite_gate(work, rulebook=web.world.rulebook, zone=ZONE, at=web.now(), entropy=os.urandom).code


@pytest.mark.usefixtures("published")
def test_a_gate_enrols_once_and_learns_whom_to_trust(web: WebWorld, http: TestClient) -> None:
    signer = LocalSigner.generate(KeyUse.GATE)
    body = {"code": _code(web).lower(), "public_key": to_base64url(signer.public.to_cose_key())}
    answer = http.post("/gates/v1/enrolments", json=body)
    assert answer.status_code == 201, answer.text
    root = PublicKey.from_cose_key(from_base64url(answer.json()["root_key"]), KeyUse.ROOT)
    trusted = trust_list.verify(from_base64url(answer.json()["trust_list"]), root, at=web.now())
    assert {key.public.use for key in trusted.keys} == {KeyUse.PASS, KeyUse.STATUS}
    # The answer was lost: the same code and key give the same gate; another key does not.
    assert http.post("/gates/v1/enrolments", json=body).json()["gate_id"] == answer.json()["gate_id"]
    other = {**body, "public_key": to_base64url(LocalSigner.generate(KeyUse.GATE).public.to_cose_key())}
    assert problem(http.post("/gates/v1/enrolments", json=other))["type"] == "/problems/invitation-invalid"


@pytest.mark.usefixtures("published")
def test_lists_are_served_fresh(web: WebWorld, http: TestClient) -> None:
    root = web.world.signers[KeyUse.ROOT].public
    trusted = trust_list.verify(http.get("/gates/v1/trust-list").content, root, at=web.now())
    numbers = http.get("/gates/v1/status-lists").json()["lists"]
    assert numbers
    first = status_list.verify(http.get(f"/gates/v1/status-lists/{numbers[0]}").content, trusted, at=web.now())
    web.pass_time(timedelta(minutes=10))
    second = http.get(f"/gates/v1/status-lists/{numbers[0]}")
    assert second.headers["content-type"] == "application/statuslist+cwt"
    assert status_list.verify(second.content, trusted, at=web.now()).version > first.version
    assert http.get("/gates/v1/status-lists/77").status_code == 404


def test_no_trust_list_yet_is_503(http: TestClient) -> None:
    assert problem(http.get("/gates/v1/trust-list"))["status"] == 503


def test_time(web: WebWorld, http: TestClient) -> None:
    assert http.get("/gates/v1/time").json() == {"now": "2026-11-20T12:00:00Z"}


def _release(http: TestClient, signed: bytes) -> object:
    return http.post("/gates/v1/releases", content=signed, headers=COSE)


def test_a_release_reaches_the_one_gate_that_asked(web: WebWorld, http: TestClient) -> None:
    world, lane = web.world, web.world.lane()
    code = world.phone.code(world.one_pass(world.ready()), world.at)
    message, signed = lane.request(code, world.at)
    answer = http.post("/gates/v1/releases", content=signed, headers=COSE)
    assert answer.status_code == 200, answer.text
    assert answer.headers["consent-grant"].count(".") == 2
    payload = TemplatePayload.decode(lane.key.open(answer.content, message.info(signed)))
    assert payload.template.parts
    # Once per pass and counter, whatever the request is called.
    _, again = lane.request(code, world.at)
    refused = problem(http.post("/gates/v1/releases", content=again, headers=COSE))
    assert (refused["status"], refused["reason"]) == (403, "already_released")


def test_withdrawing_over_http_stops_the_very_next_release(web: WebWorld, http: TestClient) -> None:
    world, lane = web.world, web.world.lane()
    traveller = world.ready()
    wallet = web.wallet(http, traveller)
    code = world.phone.code(world.one_pass(traveller), world.at)
    channel = next(c for c in wallet.get("/consents").json()["consents"] if c["purpose"] == "e-channel")
    wallet.post(f"/consents/{channel['consent_id']}/withdraw")
    _, signed = lane.request(code, world.at)
    refused = problem(http.post("/gates/v1/releases", content=signed, headers=COSE))
    assert refused["reason"] in ("consent_withdrawn", "revoked")
    # The denial committed: the person reads it among their uses.
    assert wallet.get("/uses").json()["uses"][0]["kind"] == "gate:template:refused"


def test_a_stranger_is_not_a_gate(web: WebWorld, http: TestClient) -> None:
    world = web.world
    lane = Lane(world.lane().gate, LocalSigner.generate(KeyUse.GATE))
    code = world.phone.code(world.one_pass(world.ready()), world.at)
    _, signed = lane.request(code, world.at)
    document = problem(http.post("/gates/v1/releases", content=signed, headers=COSE))
    assert (document["status"], document["reason"]) == (401, "unknown_key")


def test_an_old_request_is_clock_drift(web: WebWorld, http: TestClient) -> None:
    world, lane = web.world, web.world.lane()
    code = world.phone.code(world.one_pass(world.ready()), world.at)
    _, signed = lane.request(code, world.at)
    web.pass_time(timedelta(minutes=5))
    assert problem(http.post("/gates/v1/releases", content=signed, headers=COSE))["reason"] == "clock_drift"


def test_epoch_secrets_reach_the_gate(web: WebWorld, http: TestClient) -> None:
    lane = web.world.lane()
    message = gate_api.EpochSecretsRequest(
        os.urandom(16), lane.gate.gate_id, lane.gate.zone, lane.key.public_bytes(), web.now()
    )
    signed = gate_api.sign_request(message, lane.signer)
    answer = http.post("/gates/v1/epoch-secrets", content=signed, headers=COSE)
    assert answer.status_code == 200, answer.text
    secrets = gate_api.decode_epoch_secrets(lane.key.open(answer.content, message.info(signed)))
    assert secrets


def test_a_report_sent_twice_is_kept_once(web: WebWorld, http: TestClient) -> None:
    world, lane = web.world, web.world.lane()
    traveller = world.ready()
    event = lane.crossed(world.one_pass(traveller, PassMode.ONLINE).pass_id, world.at)
    report = lane.report(event)
    first = http.post("/gates/v1/crossings", content=report, headers=COSE)
    assert first.json() == {"accepted": [event.event_id.hex()]}
    assert http.post("/gates/v1/crossings", content=report, headers=COSE).json() == first.json()
    uses = web.wallet(http, traveller).get("/uses").json()["uses"]
    crossings = [use for use in uses if use["kind"].startswith("gate:crossing")]
    assert [(use["decision"], use["zone"]) for use in crossings] == [("cleared", ZONE)]
