"""What stands changes what is decided: a face leaves the Mainland under a filed contract and a signed assessment."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from broker.core.governance.codes import Gate
from broker.core.governance.decide import decide
from broker.core.release_facts import facts_of
from broker.core.rulebook import Rulebook
from broker.core.standing_papers import StandingAssessment, StandingFiling, StandingPapers
from broker.core.transfer import Counted, Outgoing, Subject

AT = datetime(2026, 11, 22, tzinfo=UTC)
RULEBOOK = Rulebook.load()
CONTRACT = StandingFiling("gba_sc_filed", "tongguan-cn", "HK-SZB", "HK", AT - timedelta(days=1), AT + timedelta(days=1))
ASSESSED = StandingAssessment("tongguan-cn", frozenset({("e-channel", "HK", "face_template")}), AT - timedelta(days=1))


def gate(papers: StandingPapers, at: datetime = AT) -> Gate:
    rules = RULEBOOK.transfers
    terms = RULEBOOK.purposes.purpose("e-channel").terms
    outgoing = Outgoing("HK-SZB", "HK", ("face_template",), terms, purpose="e-channel")
    profiles = replace(rules.profiles, papers=lambda: papers)
    facts = facts_of(outgoing, Subject("CN", 36), Counted(), profiles, rules.policy.at(at), at=at)
    return decide(facts, rules.policy).gate


def test_a_face_leaves_under_both_papers_and_under_neither_alone() -> None:
    assert gate(StandingPapers()) is Gate.DENY
    assert gate(StandingPapers(filings=(CONTRACT,))) is Gate.DENY
    assert gate(StandingPapers(assessments=(ASSESSED,))) is Gate.HOLD
    assert gate(StandingPapers((CONTRACT,), (ASSESSED,))).permits


def test_it_stays_from_the_instant_on_at_which_the_contract_is_over() -> None:
    papers, over = StandingPapers((CONTRACT,), (ASSESSED,)), AT + timedelta(days=1)
    assert gate(papers, over - timedelta(microseconds=1)).permits
    assert gate(papers, over) is Gate.HOLD
