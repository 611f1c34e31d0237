"""Filings, assessments and alarms over the fakes and a real database: what stands is what decisions are told."""

import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from broker.core.denial import InvalidInput
from broker.core.filing import Filing, FilingKind, FilingState
from broker.core.filing_rules import FilingRules
from broker.core.governance.codes import Gate
from broker.core.impact_assessment import Assessment, AssessmentState, Statement, read_statement, signed_bytes
from broker.core.impact_findings import ImpactRules
from broker.core.partner import Ceilings, Partner, PartnerKind
from broker.core.rulebook import Rulebook
from broker.core.staff import Role, Staff
from broker.core.standing_papers import StandingPapers
from broker.core.transfer import Outgoing, Subject
from broker.core.zone import LANGUAGES
from broker.flows.complete_assessment import complete_assessment
from broker.flows.decide_transfer import decide_transfer
from broker.flows.draft_assessment import draft_assessment
from broker.flows.filing_calendar import coming_days, filing_lines
from broker.flows.list_assessments import assessment_lines, missing_exporters
from broker.flows.ports import Work
from broker.flows.record_filing import end_filing, note_filed, record_filing
from broker.flows.sign_assessment import sign_assessment
from broker.flows.standing_papers import PapersShelf, papers_that_stand, standing_rulebook
from broker.wire.keys import LocalSigner
from tests.support.broker_world import World
from tests.support.staff import enter

AT = datetime(2026, 11, 22, 2, tzinfo=UTC)
RULEBOOK, IMPACT, FILINGS = Rulebook.load(), ImpactRules.load(), FilingRules.load()
POLICY = RULEBOOK.transfers.policy
STATEMENT = {
    "assessor": "Protection officer",
    "assessed_on": "2026-11-20",
    "necessity": "No lane works without it.",
    "opinions": [{"of": "Users' council", "text": "Agreed."}],
    "mitigation": "Training each year.",
    "residual": "low",
    "residual_reason": "Nothing leaves undecided.",
}


def drafted(work: Work, at: datetime = AT, exporter: str = "tongguan-cn") -> Assessment:
    return draft_assessment(work, exporter_id=exporter, rulebook=RULEBOOK, rules=IMPACT, at=at, entropy=os.urandom)


def completed(work: Work, assessment_id: UUID) -> Assessment:
    statement = read_statement(STATEMENT)
    return complete_assessment(work, assessment_id, statement, rulebook=RULEBOOK, at=AT, entropy=os.urandom)


def sign(work: Work, found: Assessment, member: Staff, signer: LocalSigner, at: datetime = AT) -> Assessment:
    signature = signer.sign(signed_bytes(found.document))
    return sign_assessment(
        work,
        found.assessment_id,
        staff_id=member.staff_id,
        signature=signature,
        rulebook=RULEBOOK,
        at=at,
        entropy=os.urandom,
    )


def stands(work: Work, at: datetime = AT) -> StandingPapers:
    return papers_that_stand(work, RULEBOOK, FILINGS, at)


def states(work: Work) -> list[tuple[int, AssessmentState]]:
    return [(line.assessment.version, line.state) for line in assessment_lines(work, RULEBOOK, AT)]


def partner(partner_id: str) -> Partner:
    return Partner(
        partner_id=partner_id,
        names=dict.fromkeys(LANGUAGES, "Library"),
        contact="privacy@library.example",
        jurisdiction="HK",
        kind=PartnerKind.STATE_ORGAN,
        sandbox=False,
        ceilings=Ceilings(purposes=frozenset({"age-check"}), claims=frozenset({"over_18"})),
        created_at=AT,
    )


def test_an_assessment_stands_once_signed_and_only_for_what_is_configured(world: World) -> None:
    with world.begin() as work:
        officer, key = enter(work, Role.REVIEWER, at=AT)
        first = drafted(work)
        assert first.content()["findings"]["dpia_required"]
        found = completed(work, first.assessment_id)
        assert not stands(work).assessments
        signed = sign(work, found, officer, key)
        assert signed.retain_until == date(2029, 11, 22)
    with world.begin() as work:
        papers = stands(work)
        assert papers.assessed("tongguan-cn", "e-channel", "HK", ("face_template",), AT)
        assert not papers.assessed("tongguan-cn", "e-channel", "HK", ("face_template",), AT - timedelta(seconds=1))
        assert not papers.assessed("tongguan-cn", "e-channel", "HK", ("face_template", "health"), AT)
        assert not papers.assessed("tongguan-cn", "e-channel", "US", ("face_template",), AT)
        assert not papers.assessed("tongguan-cn", "sign-in", "HK", ("face_template",), AT)
        assert not papers.assessed("tongguan-hk", "e-channel", "HK", ("face_template",), AT)
        assert states(work) == [(1, AssessmentState.SIGNED)]
        assert missing_exporters(assessment_lines(work, RULEBOOK, AT), RULEBOOK) == ["tongguan-hk", "tongguan-mo"]
    with world.begin() as work:
        work.partners.add(partner("hk-library"))
        assert not stands(work).assessments
        assert states(work) == [(1, AssessmentState.STALE)]
        again = sign(work, completed(work, drafted(work).assessment_id), officer, key)
        assert stands(work).assessed("tongguan-cn", "notice-of-ending", "HK", ("pairwise_pseudonym",), AT)
        assert stands(work).assessed("tongguan-cn", "sign-in", "HK", ("pairwise_pseudonym",), AT)
        assert stands(work).assessed("tongguan-cn", "age-check", "HK", ("pairwise_pseudonym", "predicate"), AT)
        assert states(work) == [(2, AssessmentState.SIGNED), (1, AssessmentState.SUPERSEDED)]
        with pytest.raises(InvalidInput, match="signed"):
            completed(work, again.assessment_id)


def test_only_a_member_who_may_signs_what_is_complete_and_true(world: World) -> None:
    with world.begin() as work:
        officer, key = enter(work, Role.OPERATOR, at=AT)
        auditor, other = enter(work, Role.AUDITOR, at=AT)
        draft = drafted(work)
        with pytest.raises(InvalidInput, match="incomplete"):
            sign(work, draft, officer, key)
        found = completed(work, draft.assessment_id)
        for document, member, signer in ((draft, officer, key), (found, officer, other), (found, auditor, other)):
            with pytest.raises(InvalidInput, match=r"bad_signature|may_not_sign"):
                sign(work, document, member, signer)
        work.partners.add(partner("hk-library"))
        with pytest.raises(InvalidInput, match="stale"):
            sign(work, found, officer, key)


def test_a_high_residual_risk_needs_the_authoritys_word() -> None:
    with pytest.raises(InvalidInput, match="consultation"):
        read_statement({**STATEMENT, "residual": "high"})
    assert read_statement({**STATEMENT, "residual": "high", "consultation": "CAC, 3 November"}) is not None
    for wrong in ([], {**STATEMENT, "extra": 1}, {k: v for k, v in STATEMENT.items() if k != "opinions"}):
        with pytest.raises(InvalidInput, match="bad_statement"):
            read_statement(wrong)
    assert isinstance(read_statement(STATEMENT), Statement)


def contract(**changes: object) -> Filing:
    made = Filing(
        UUID(bytes=os.urandom(16), version=4),
        FilingKind.GBA_CONTRACT,
        "tongguan-cn",
        "CN",
        "HK-SZB",
        "HK",
        date(2026, 11, 16),
        AT,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_filing_counts_from_being_filed_until_it_ends(world: World) -> None:
    made = contract()
    rules = {"policy": POLICY, "rules": FILINGS, "entropy": os.urandom}
    with world.begin() as work:
        assert record_filing(work, made, at=AT, **rules).due == date(2026, 11, 30)  # type: ignore[arg-type]
        assert [(day.day, day.left) for day in coming_days(work, POLICY, FILINGS, AT)] == [(date(2026, 11, 30), 8)]
        assert not stands(work).filings
    with world.begin() as work:
        filed = {"on": date(2026, 11, 20), "reference": "7", "evidence": b"\x02" * 32}
        note_filed(work, made.filing_id, at=AT, **filed, **rules)  # type: ignore[arg-type]
        assert stands(work).artefacts("tongguan-cn", "HK-SZB", "HK", AT) == {"gba_sc_filed"}
        with pytest.raises(InvalidInput, match="filing_settled"):
            note_filed(work, made.filing_id, at=AT, **filed, **rules)  # type: ignore[arg-type]
    with world.begin() as work:
        end_filing(work, made.filing_id, at=AT, entropy=os.urandom)
        assert not stands(work).artefacts("tongguan-cn", "HK-SZB", "HK", AT)
        (line,) = filing_lines(work, POLICY, FILINGS, AT)
        assert (line.filing.evidence, line.state) == (b"\x02" * 32, FilingState.ENDED)
        assert coming_days(work, POLICY, FILINGS, AT) == []
    with world.begin() as work, pytest.raises(InvalidInput, match="unknown_filing"):
        end_filing(work, UUID(int=7), at=AT, entropy=os.urandom)


def test_releases_go_by_the_papers_of_the_process(world: World) -> None:
    traveller, now = world.link().traveller, [AT]
    rules = standing_rulebook(RULEBOOK, world.begin, lambda: now[0]).transfers
    outgoing = Outgoing(
        "HK-SZB", "HK", ("face_template",), RULEBOOK.purposes.purpose("e-channel").terms, purpose="e-channel"
    )

    def gate() -> Gate:
        with world.begin() as work:
            made = decide_transfer(
                work, keys=world.keys, rules=rules, traveller=traveller, subject=Subject("CN", 36),
                outgoing=outgoing, at=now[0],
            )  # fmt: skip
            made.journalled()
            return made.gate

    assert gate() is Gate.DENY
    with world.begin() as work:
        officer, key = enter(work, Role.OPERATOR, at=AT)
        sign(work, completed(work, drafted(work).assessment_id), officer, key)
        filed = contract(filed_on=date(2026, 11, 20), reference="7", evidence=b"\x02" * 32, ends=date(2026, 11, 22))
        record_filing(work, filed, policy=POLICY, rules=FILINGS, at=AT, entropy=os.urandom)
    assert gate() is Gate.DENY
    now[0] = AT + timedelta(seconds=1)
    assert gate().permits
    now[0] = datetime(2026, 11, 22, 15, 59, 59, 999_999, tzinfo=UTC)
    assert gate().permits
    now[0] = datetime(2026, 11, 22, 16, tzinfo=UTC)  # midnight in Shanghai
    assert gate() is Gate.HOLD


def test_a_process_sees_a_change_within_a_second_and_asks_no_more_often(world: World) -> None:
    now, asked = [AT], []

    def begin():  # type: ignore[no-untyped-def]
        asked.append(now[0])
        return world.begin()

    shelf = PapersShelf(begin, RULEBOOK, lambda: now[0])
    assert not shelf.now().filings
    with world.begin() as work:
        filed = contract(filed_on=date(2026, 11, 20), reference="7", evidence=b"\x02" * 32)
        record_filing(work, filed, policy=POLICY, rules=FILINGS, at=AT, entropy=os.urandom)
    now[0] = AT + timedelta(seconds=0.999)
    assert not shelf.now().filings
    assert len(asked) == 1
    now[0] = AT + timedelta(seconds=1)
    assert len(shelf.now().filings) == 1
    now[0] = AT  # a clock set back is no reason to believe an old copy
    shelf.now()
    assert len(asked) == 3
