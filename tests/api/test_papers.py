"""Pages about assessments and filings: for staff alone, true at the moment, and to take along."""

import os
from datetime import date
from io import BytesIO
from uuid import uuid4

import pypdfium2
from starlette.testclient import TestClient

from broker.core.filing import Filing, FilingKind
from broker.core.filing_rules import FilingRules
from broker.core.impact_assessment import Assessment, read_statement, signed_bytes
from broker.core.impact_findings import ImpactRules
from broker.core.staff import Role
from broker.flows.complete_assessment import complete_assessment
from broker.flows.draft_assessment import draft_assessment
from broker.flows.record_filing import record_filing
from broker.flows.sign_assessment import sign_assessment
from broker.wire.keys import PublicKey
from tests.support.staff import enter, sign_in
from tests.support.web_world import WebWorld

STATEMENT = {
    "assessor": "保護主任",
    "assessed_on": "2026-06-01",
    "necessity": "<b>No lane</b> works without it.",
    "opinions": [{"of": "Users' council", "text": "Agreed."}],
    "mitigation": "Training each year.",
    "residual": "low",
    "residual_reason": "Nothing leaves undecided.",
}


def signed(web: WebWorld) -> tuple[Assessment, PublicKey]:
    rulebook, at = web.world.rulebook, web.now()
    with web.world.begin() as work:
        officer, key = enter(work, Role.OPERATOR, at=at)
        draft = draft_assessment(
            work, exporter_id="tongguan-cn", rulebook=rulebook, rules=ImpactRules.load(), at=at, entropy=os.urandom
        )
        held = draft.assessment_id
        stated = complete_assessment(
            work, held, read_statement(STATEMENT), rulebook=rulebook, at=at, entropy=os.urandom
        )
        made = sign_assessment(
            work,
            held,
            staff_id=officer.staff_id,
            signature=key.sign(signed_bytes(stated.document)),
            rulebook=rulebook,
            at=at,
            entropy=os.urandom,
        )
    return made, key.public


def test_an_assessment_can_be_read_verified_and_kept(web: WebWorld, http: TestClient) -> None:
    made, key = signed(web)
    sign_in(http, Role.REGULATOR)
    listed = http.get("/staff/assessments")
    assert "No assessment stands for tongguan-hk, tongguan-mo." in listed.text
    page = http.get(f"/staff/assessments/{made.assessment_id}")
    assert page.status_code == 200
    assert "&lt;b&gt;No lane&lt;/b&gt;" in page.text
    taken = http.get(f"/staff/assessments/{made.assessment_id}/record.json").json()
    assert (taken["state"], taken["retain_until"]) == ("signed", str(made.retain_until))
    assert taken["record"]["statement"]["assessor"] == "保護主任"
    key.verify(made.signature.value, signed_bytes(made.document))  # type: ignore[union-attr]
    pdf = http.get(f"/staff/assessments/{made.assessment_id}/record.pdf")
    assert pdf.headers["content-disposition"] == 'attachment; filename="impact-assessment-tongguan-cn-1.pdf"'
    text = "".join(p.get_textpage().get_text_range() for p in pypdfium2.PdfDocument(BytesIO(pdf.content)))
    assert "保護主任" in text
    assert "large scale" in text
    assert http.get(f"/staff/assessments/{uuid4()}").status_code == 404


def test_filings_show_their_days_and_go_into_a_calendar(web: WebWorld, http: TestClient) -> None:
    policy, rules = web.world.rulebook.transfers.policy, FilingRules.load()
    made = Filing(uuid4(), FilingKind.GBA_CONTRACT, "tongguan-cn", "CN", "HK-SZB", "HK", date(2026, 5, 25), web.now())
    with web.world.begin() as work:
        dates = record_filing(work, made, policy=policy, rules=rules, at=web.now(), entropy=os.urandom)
    assert dates.due is not None
    sign_in(http, Role.AUDITOR)
    page = http.get("/staff/filings").text
    assert f'datetime="{dates.due}"' in page
    assert "tongguan-cn to HK-SZB (HK)" in page
    stream = http.get("/staff/filings/calendar.ics")
    assert stream.headers["content-type"] == "text/calendar; charset=utf-8"
    assert f"DTSTART;VALUE=DATE:{dates.due:%Y%m%d}" in stream.text
    assert f"UID:due-{made.filing_id}@tongguan" in stream.text
