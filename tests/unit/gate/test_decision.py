"""What becomes of findings."""

import math

import pytest

from broker.wire.gate_api import CrossingMode, Decision, Liveness
from broker.wire.reasons import Reason
from gate_client.core.decision import REFUSING, Check, Finding, Ruling, Score, decide, refer

ALL_PASSED = [Finding(check) for check in Check]
GOOD = Score(0.9, 0.5, "set")


def rule(findings: list[Finding], score: Score | None = GOOD) -> Ruling:
    return decide(findings, score=score, mode=CrossingMode.ONLINE)


def test_everything_passed_clears() -> None:
    ruling = rule(ALL_PASSED)
    assert (ruling.decision, ruling.reasons) == (Decision.CLEARED, ())
    assert ruling.liveness is Liveness.NOT_ASSESSED


@pytest.mark.parametrize("missing", Check)
def test_a_check_that_never_ran_does_not_clear(missing: Check) -> None:
    ruling = rule([finding for finding in ALL_PASSED if finding.check is not missing])
    assert (ruling.decision, ruling.reasons) == (Decision.REFERRED, (Reason.LANE_FAULT,))


def test_no_findings_at_all_fail_closed() -> None:
    assert rule([]).decision is Decision.REFERRED


@pytest.mark.parametrize(
    "score",
    [None, Score(0.49, 0.5, "s"), Score(math.nan, 0.5, "s"), Score(0.9, math.nan, "s"), Score(0.9, math.inf, "s")],
)
def test_a_score_that_does_not_reach_its_threshold_never_clears(score: Score | None) -> None:
    assert rule(ALL_PASSED, score).decision is Decision.REFERRED


def test_a_denial_carries_every_reason_once_in_order() -> None:
    found = [Finding(Check.TRAVEL_PASS, (Reason.EXPIRED, Reason.REVOKED)), Finding(Check.CLOCK, (Reason.EXPIRED,))]
    assert rule(found).reasons == (Reason.EXPIRED, Reason.REVOKED)


@pytest.mark.parametrize("reason", Reason)
def test_what_lies_in_the_code_refuses_and_all_else_refers(reason: Reason) -> None:
    expected = Decision.REFUSED if reason in REFUSING else Decision.REFERRED
    assert rule([Finding(Check.TRAVEL_PASS, (reason,))]).decision is expected
    assert rule([*ALL_PASSED, Finding(Check.TRAVEL_PASS, (reason,))]).decision is expected


def test_one_referring_reason_outweighs_refusing_ones() -> None:
    assert rule([Finding(Check.TRAVEL_PASS, (Reason.EXPIRED, Reason.STATUS_UNKNOWN))]).decision is Decision.REFERRED


def test_a_referral_without_a_reason_is_a_lane_fault() -> None:
    assert refer(mode=CrossingMode.OFFLINE).reasons == (Reason.LANE_FAULT,)


def test_a_ruling_cannot_contradict_itself() -> None:
    with pytest.raises(ValueError, match="denial"):
        Ruling(Decision.CLEARED, (Reason.EXPIRED,), CrossingMode.ONLINE)
    with pytest.raises(ValueError, match="denial"):
        Ruling(Decision.REFUSED, (), CrossingMode.ONLINE)
