"""Adding something that failed never opens an exit."""

from hypothesis import given
from hypothesis import strategies as st

from broker.wire.gate_api import CrossingMode, Decision
from broker.wire.reasons import Reason
from gate_client.core.decision import Check, Finding, Score, decide

reasons = st.lists(st.sampled_from(Reason), max_size=3).map(tuple)
findings = st.lists(st.builds(Finding, st.sampled_from(Check), reasons), max_size=12)
scores = st.none() | st.builds(Score, st.floats(), st.floats(), st.just("set"))
modes = st.sampled_from(CrossingMode)


@given(findings, scores, modes, st.data())
def test_a_failing_check_never_opens(
    found: list[Finding], score: Score | None, mode: CrossingMode, data: st.DataObject
) -> None:
    failing = Finding(data.draw(st.sampled_from(Check)), (data.draw(st.sampled_from(Reason)),))
    place = data.draw(st.integers(0, len(found)))
    ruling = decide([*found[:place], failing, *found[place:]], score=score, mode=mode)
    assert ruling.decision is not Decision.CLEARED
    assert failing.reasons[0] in ruling.reasons


@given(findings, scores, modes)
def test_clearing_needs_every_check_and_a_score(found: list[Finding], score: Score | None, mode: CrossingMode) -> None:
    ruling = decide(found, score=score, mode=mode)
    complete = {finding.check for finding in found} == set(Check) and all(finding.passed for finding in found)
    same = score is not None and score.value >= score.threshold
    assert (ruling.decision is Decision.CLEARED) == (complete and same)
    assert ruling.mode is mode and (ruling.decision is Decision.CLEARED) != bool(ruling.reasons)


@given(findings, findings, scores, modes)
def test_no_denial_forgets_a_reason(
    some: list[Finding], more: list[Finding], score: Score | None, mode: CrossingMode
) -> None:
    denied = decide([*some, *more], score=score, mode=mode)
    assert {reason for finding in [*some, *more] for reason in finding.reasons} <= set(denied.reasons)
