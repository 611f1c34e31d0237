"""A remembered decision is the decision: under the law, the papers and the changes of its own instant."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.core import decision_memory
from broker.core.decision_memory import DecisionMemory
from broker.core.governance.codes import Gate
from broker.core.governance.decide import decide
from broker.core.governance.decision import Decision
from broker.core.governance.policy_data import Restriction
from broker.core.release_facts import facts_of
from broker.core.standing_papers import StandingAssessment, StandingFiling, StandingPapers
from broker.core.transfer import Counted, Outgoing, PurposeTerms, Subject, TransferRules
from broker.flows.standing_changes import Bearing
from broker.wire.identity_grant import DocumentType

BEGINS = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)  # midnight in Shanghai
CONTRACT = StandingFiling("gba_sc_filed", "tongguan-cn", "bank", "HK", BEGINS, BEGINS + timedelta(days=1))
ASSESSED = StandingAssessment(
    "tongguan-cn", frozenset(product(("account",), ("HK", "CN"), ("name", "face_template"))), BEGINS
)
PAPERS = StandingPapers((CONTRACT,), (ASSESSED,), {"CN": 100_000, "HK": 5})
_PACKAGED = TransferRules.load()
RULES = replace(_PACKAGED, profiles=replace(_PACKAGED.profiles, papers=lambda: PAPERS))

terms = st.builds(
    lambda kind, basis, industry, storage: PurposeTerms.model_validate(
        {"exporter_kind": kind, "basis": basis, "industry": industry, "storage": storage}
    ),
    st.sampled_from(["company", "state_organ"]),
    st.sampled_from(["consent", "contract", "statutory"]),
    st.sampled_from(["general", "border_security"]),
    st.sampled_from(["transient_24h", "gt_30d"]),
)
outgoings = st.builds(
    Outgoing,
    st.sampled_from(["bank", "hotel"]),
    st.sampled_from(["CN", "HK", "US"]),
    st.sampled_from([("name",), ("face_template",), ("name", "face_template")]),
    terms,
    st.sampled_from(["account", "stay"]),
    st.sampled_from([None, True, False]),
    st.sampled_from([frozenset[str](), frozenset({"phone"})]),
)
subjects = st.builds(
    Subject,
    st.sampled_from(["CN", "HK"]),
    st.sampled_from([13, 14, 17, 18, 36]),
    st.sampled_from(["none", "current", "former"]),
    st.sampled_from(["none", "core"]),
    st.sampled_from([None, 1, 30]),
)
edges = [BEGINS, BEGINS + timedelta(days=1), datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)]
instants = st.builds(
    lambda edge, step: edge + step,
    st.sampled_from(edges),
    st.sampled_from([timedelta(microseconds=-1), timedelta(0), timedelta(hours=8), timedelta(hours=20)]),
)
trusts = st.sampled_from([None, "A", "X"])


def afresh(bearing: Bearing, counted: Counted) -> Decision:
    outgoing, subject, profiles = bearing.outgoing, bearing.subject, bearing.rules.profiles
    facts = facts_of(
        outgoing,
        subject,
        counted,
        profiles,
        bearing.law,
        at=bearing.at,
        trust=bearing.trust,
        exclusion=bearing.exclusion,
    )
    return decide(facts, bearing.policy)


parts = {"outgoing": outgoings, "subject": subjects, "at": instants, "trust": trusts, "exclusion": st.booleans()}
pieces = {
    "recipient_id": st.sampled_from(["bank", "hotel"]),
    "jurisdiction": st.sampled_from(["CN", "HK", "US"]),
    "categories": st.sampled_from([("name",), ("face_template",)]),
    "terms": terms,
    "purpose": st.sampled_from(["account", "stay"]),
    "guardian": st.sampled_from([None, True, False]),
    "beside": st.sampled_from([frozenset[str](), frozenset({"phone", "birth_date"})]),
}


@given(st.data())
def test_whatever_differs_is_decided_anew(data: st.DataObject) -> None:
    """Two releases that differ in one thing: the second is told what the rules say of it, not what was said before."""
    rules = replace(RULES)
    drawn = {name: data.draw(strategy) for name, strategy in parts.items()}
    first = Bearing(policy=rules.policy, rules=rules, **drawn)
    name = data.draw(st.sampled_from(["subject", "at", "trust", "exclusion", *pieces]))
    changed = (
        {"outgoing": replace(first.outgoing, **{name: data.draw(pieces[name])})}
        if name in pieces
        else {name: data.draw(parts[name])}
    )
    second = replace(first, **changed)
    for bearing in (first, second, first):
        assert bearing.decide(Counted()) == afresh(bearing, Counted())


@given(age=st.integers(0, 100), other=st.integers(0, 100), origin=st.sampled_from(["CN", "HK"]))
def test_of_two_people_of_other_ages_each_has_their_own(age: int, other: int, origin: str) -> None:
    rules = replace(RULES)
    for years in (age, other):
        bearing = _bearing(Subject(origin, years), rules)
        assert bearing.decide(Counted()) == afresh(bearing, Counted())


def test_a_paper_counts_from_its_instant_on_and_no_longer() -> None:
    """Within one day too: assessed from 01:00, withdrawn from what stands at 02:00."""
    since = replace(ASSESSED, since=BEGINS + timedelta(hours=1))
    standing = [StandingPapers(assessments=(since,))]
    rules = replace(RULES, profiles=replace(_PACKAGED.profiles, papers=lambda: standing[-1]))
    gates = []
    for minutes in (59, 60, 119, 120):
        if minutes == 120:
            standing.append(StandingPapers())
        gates.append(_bearing(Subject("CN", 36), rules, at=BEGINS + timedelta(minutes=minutes)).decide(Counted()).gate)
    assert [gate.permits for gate in gates] == [False, True, True, False]


def _bearing(subject: Subject, rules: TransferRules = RULES, **changed: object) -> Bearing:
    stated = {"exporter_kind": "company", "basis": "consent", "industry": "general", "storage": "le_30d"}
    outgoing = Outgoing("bank", subject.origin, ("face_template",), PurposeTerms.model_validate(stated), "account")
    return replace(Bearing(outgoing, subject, BEGINS, rules.policy, rules, None, False), **changed)


def test_the_rules_are_asked_once_a_day_and_law(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[datetime] = []

    def counting(facts: object, policy: object) -> Decision:
        asked.append(facts.at)  # type: ignore[attr-defined]
        return decide(facts, policy)  # type: ignore[arg-type]

    monkeypatch.setattr("broker.flows.standing_changes.decide", counting)
    rules = replace(RULES)
    for hours in (0, 1, 23, 24):
        _bearing(Subject("CN", 36), rules, at=BEGINS + timedelta(hours=hours)).decide(Counted())
    assert asked == [BEGINS, BEGINS + timedelta(hours=24)]


def test_an_order_to_stop_binds_from_its_instant_on() -> None:
    """In the middle of a day, over a release that was let go a moment before."""
    noon = BEGINS + timedelta(hours=12)
    order = Restriction(
        id="stop",
        cite="An order",
        confidence="verified_primary",
        since=noon,
        until=noon + timedelta(hours=1),
        gate=Gate.DENY,
        recipients=("bank",),
    )
    rules = replace(RULES)
    bearing = _bearing(Subject("CN", 36), rules, policy=rules.policy.with_restriction(order))
    moments = [noon - timedelta(seconds=1), noon, noon + timedelta(hours=1)]
    gates = [replace(bearing, at=moment).decide(Counted()).gate for moment in moments]
    assert [gate is Gate.DENY for gate in gates] == [False, True, False]


def test_another_statement_of_the_operator_remembers_nothing_of_the_first() -> None:
    person = Subject("CN", 36)
    first = _bearing(person).decide(Counted())
    unassessed = replace(RULES, profiles=_PACKAGED.profiles)
    assert _bearing(person, unassessed).decide(Counted()) != first


def test_nobodys_documents_are_remembered() -> None:
    rules = replace(RULES)
    _bearing(Subject("CN", 36, documents=((DocumentType.HKID, "Z9999999"),)), rules).decide(Counted())
    assert "36" in repr(rules.memory._known)
    assert "Z9999999" not in repr(rules.memory._known)


def test_it_forgets_rather_than_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_memory, "MOST", 2)
    rules = replace(RULES)
    for age in (20, 21, 22):
        _bearing(Subject("CN", age), rules).decide(Counted())
    assert len(rules.memory._known) == 1


def test_a_failure_is_not_remembered() -> None:
    memory, at = DecisionMemory(), BEGINS.date()
    turned_on = decision_memory.TurnedOn((), "law", at)

    def broken() -> Decision:
        raise LookupError

    with pytest.raises(LookupError):
        memory.recall(turned_on, broken)
    made = _bearing(Subject("CN", 36)).decide(Counted())
    assert memory.recall(turned_on, lambda: made) is made
