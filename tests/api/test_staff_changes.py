"""Governed changes on the staff's pages, over a real database."""

import os
from datetime import timedelta
from typing import Any

from starlette.testclient import TestClient

from broker.cli.staff import sign_in_link
from broker.core.change_body import Kind
from broker.core.governed_change import GovernedChange
from broker.core.jws import to_base64url
from broker.core.staff import Role
from broker.flows.propose_change import Proposal, propose_change
from broker.wire.keys import LocalSigner
from tests.support.staff import csrf, enter, open_link, sign_in
from tests.support.web_world import ISSUER, WebWorld


def _proposed(web: WebWorld, staff_id: str, **body: Any) -> GovernedChange:
    said = {"effect": "hold", "recipients": ["<bank>"]} | body
    proposal = Proposal(Kind.EXCLUSION, "A leak <b>there</b>", web.now(), web.now() + timedelta(hours=72), said)
    with web.world.begin() as work:
        return propose_change(
            work, proposal, keys=web.keys, policy=web.world.rulebook.transfers.policy, origin=ISSUER,
            staff_id=staff_id, at=web.now(), entropy=os.urandom,
        )  # fmt: skip


def _signed_in(web: WebWorld, http: TestClient, *roles: Role) -> tuple[str, LocalSigner]:
    with web.world.begin() as work:
        member, signer = enter(work, *roles, at=web.now())
    open_link(http, sign_in_link(http, ISSUER, member.staff_id, signer))
    return member.staff_id, signer


def test_two_operators_read_and_sign_on_the_page(web: WebWorld, http: TestClient) -> None:
    one, signer = _signed_in(web, http, Role.OPERATOR)
    change = _proposed(web, one)
    page = f"/staff/changes/{change.change_id.hex}"
    assert "&lt;bank&gt;" in http.get(page).text or "\\u003cbank\\u003e" in http.get(page).text
    assert "<b>there" not in http.get(page).text + http.get("/staff/changes").text
    raw = http.get(f"{page}/statement").content
    assert raw == change.statement()

    def paste(signature: bytes) -> int:
        form = {"csrf": csrf(http, page), "signature": f" {to_base64url(signature)} "}
        return http.post(f"{page}/sign", data=form).status_code

    assert paste(bytes(64)) == 409
    assert paste(b"x") == 409
    assert paste(signer.sign(raw)) == 303
    assert paste(signer.sign(raw)) == 409
    assert "1 of 2" in http.get("/staff/changes").text
    _, other = _signed_in(web, http, Role.OPERATOR, Role.AUDITOR)
    assert paste(other.sign(raw)) == 303
    web.pass_time(timedelta(seconds=1))
    assert "in force" in http.get(page).text
    assert "Put this signature" not in http.get(page).text


def test_who_reads_and_who_signs(web: WebWorld, http: TestClient) -> None:
    member = sign_in(http, Role.REVIEWER)
    change = _proposed(web, member.staff_id)
    page = f"/staff/changes/{change.change_id.hex}"
    assert [http.get(path).status_code for path in ("/staff/changes", page, f"{page}/statement")] == [403] * 3
    for role in (Role.AUDITOR, Role.REGULATOR):
        sign_in(http, role)
        assert http.get(page).status_code == 200
        assert "Put this signature" not in http.get(page).text
        form = {"csrf": csrf(http), "signature": "AA"}
        assert http.post(f"{page}/sign", data=form).status_code == 403
    assert http.get(f"/staff/changes/{'0' * 32}").status_code == 404
