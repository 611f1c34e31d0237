"""Nothing that belongs to a person, and no secret, reaches the log."""

import logging

import pytest
from starlette.testclient import TestClient

from broker.web.fields import to_base64url
from tests.support.broker_world import ZONE
from tests.support.web_world import RETURN, WebWorld


def test_a_whole_journey_leaves_no_trace_of_the_person(
    web: WebWorld, http: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    # What the test's own client logs is not the broker's.
    for quiet in ("httpx", "httpcore", "asyncio", "python_multipart"):
        caplog.set_level(logging.WARNING, logger=quiet)
    caplog.set_level(logging.DEBUG)
    world = web.world
    traveller = world.ready(offline=True)
    wallet = web.wallet(http, traveller)
    cookies = web.session(traveller)
    me = wallet.get("/me").json()
    points = [to_base64url(key) for key in world.phone.new_keys()]
    made = wallet.post("/passes", json={"zone": ZONE, "mode": "offline", "device_keys": points}).json()["passes"][0]
    code = world.phone.code(world.one_pass(traveller), world.at)
    lane = world.lane()
    _, signed = lane.request(code, world.at)
    http.post("/gates/v1/releases", content=signed, headers={"content-type": "application/cose"})
    http.post("/gates/v1/releases", content=signed, headers={"content-type": "application/cose"})
    http.cookies.update(cookies)
    asked = {"purpose": "e-channel", "zone": "MO-HZB", "traveller": me["traveller"]}
    page = http.get("/consent", params={**asked, "return_to": f"{RETURN}?who=me"})
    assert page.status_code == 200
    consents = wallet.get("/consents").json()["consents"]
    wallet.post(f"/consents/{consents[0]['consent_id']}/withdraw")
    wallet.post(f"/passes/{made['pass_id']}/revoke")
    wallet.post("/passes", json={"zone": ZONE, "mode": "x", "device_keys": ["secret-looking"], "name": "CHAN"})
    http.get("/wallet/v1/me", headers={"authorization": f"DPoP {wallet.token}x", "dpop": wallet.proof("GET", "/")})
    wallet.delete("/account")

    log = caplog.text
    assert "/wallet/v1/passes/{pass_id}/revoke" in log
    forbidden = {
        "name": ("陳小明", "CHAN", "Siu Ming"),
        "document": ("A1234563", "1990"),
        "subject": ("person-1", me["traveller"], str(traveller), traveller.hex),
        "token": (wallet.token, wallet.token.split(".")[1][:40], *cookies.values()),
        "pass": (made["pass_id"], made["pass"][:40], code[:40], points[0]),
        "consent": tuple(consent["consent_id"] for consent in consents),
        "query": ("who=me", "return_to"),
        "input": ("secret-looking",),
    }
    for kind, values in forbidden.items():
        for value in values:
            assert value not in log, kind


def test_every_request_has_one_line_with_its_outcome(http: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="tongguan.web")
    answer = http.get("/problems/not-found?secret=1")
    lines = [record.getMessage() for record in caplog.records if answer.headers["x-request-id"] in record.getMessage()]
    assert len(lines) == 1
    assert " GET /problems/{slug} 200 " in lines[0]
