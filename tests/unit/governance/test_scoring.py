"""The parts of the score, linkage, and what nears a threshold."""

from typing import Any

import pytest

from broker.core.governance.case import read_case
from broker.core.governance.decide import decide
from broker.core.governance.decision import Decision
from broker.core.governance.facts import Facts
from broker.core.governance.overlay import linkage
from broker.core.governance.policy import Policy

POLICY = Policy.load()


def _decide(**given: Any) -> Decision:
    facts = read_case(given)
    assert isinstance(facts, Facts)
    return decide(facts, POLICY)


@pytest.mark.parametrize(
    ("quasi", "complementary", "stable", "expected"),
    [
        (0, False, False, 0),
        (2, False, False, 0),
        (3, False, False, 5),
        (3, True, False, 15),
        (2, True, True, 20),
        (9, True, True, 25),
    ],
)
def test_linkage(quasi: int, complementary: bool, stable: bool, expected: int) -> None:
    assert linkage(quasi, complementary_data=complementary, stable_identifier=stable) == expected


@pytest.mark.parametrize(
    ("given", "part", "points"),
    [
        ({"data": {"categories": ["predicate"]}}, "level", 0),
        ({"data": {"categories": ["name"]}}, "level", 10),
        ({"data": {"categories": ["birth_date"]}}, "level", 20),
        ({"data": {"categories": ["precise_location"]}}, "level", 40),
        ({"data": {"categories": ["religion"]}}, "level", 50),
        ({"data": {"categories": ["genomic"]}}, "level", 60),
        ({"subjects": {"identity": "family"}}, "identity", 20),
        ({"subjects": {"identity": "temporary"}}, "identity", 25),
        ({"subjects": {"identity": "former"}}, "identity", 25),
        ({"subjects": {"identity": "current"}}, "identity", 35),
        ({"subjects": {"region": "sensitive"}}, "region", 15),
        ({"subjects": {"region": "core"}}, "region", 25),
        ({"linkage": 17}, "linkage", 17),
        ({"industry": "general"}, "industry", 0),
        ({"industry": "transport_finance_health"}, "industry", 5),
        ({"storage": "le_30d"}, "storage", 0),
        ({"storage": "gt_30d"}, "storage", 5),
        ({"storage": "central_biometric"}, "storage", 10),
        ({"recipient": {"trust": "B"}}, "trust", 0),
        ({"recipient": {"trust": "X"}}, "trust", 20),
    ],
)
def test_parts(given: dict[str, Any], part: str, points: int) -> None:
    decision = _decide(**given)
    assert dict(decision.grade.parts)[part] == points
    assert decision.score == sum(points for _, points in decision.grade.parts)


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (999, 5),
        (1_000, 10),
        (9_999, 10),
        (10_000, 15),
        (99_999, 15),
        (100_000, 25),
        (999_999, 25),
        (1_000_000, 40),
        (9_999_999, 40),
        (10_000_000, 60),
    ],
)
def test_scale(count: int, expected: int) -> None:
    assert dict(_decide(recipient_ytd_after=count).grade.parts)["scale"] == expected


@pytest.mark.parametrize(
    ("before", "percent"),
    [(69_998, None), (69_999, 70), (84_998, 70), (84_999, 85), (94_999, 95), (99_998, 95), (99_999, 100)],
)
def test_warnings_near_a_threshold(before: int, percent: int | None) -> None:
    counters = _decide(before={"nonsensitive": before}).counters
    assert counters is not None
    found = [w.percent for w in counters.warnings if w.threshold == 100_000]
    assert found == ([] if percent is None else [percent])


def test_exempt_releases_stay_out_of_the_net_count_and_in_the_gross_one() -> None:
    counters = _decide(basis="contract", before={"nonsensitive": 7}).counters
    assert counters is not None
    assert (counters.counted, counters.nonsensitive, counters.gross_nonsensitive) == (False, 7, 8)


def test_the_overlay_is_a_ground_only_where_it_changed_the_answer() -> None:
    assert "overlay" not in [g.rule for g in _decide().grounds]
    (ground,) = [
        g for g in _decide(basis="contract", linkage=25, data={"categories": ["health"]}).grounds if g.rule == "overlay"
    ]
    assert ground.confidence == "policy"


def test_a_refused_release_is_neither_reviewed_nor_reported() -> None:
    decision = _decide(pia_done=False, subjects={"identity": "current"}, data={"categories": ["health"]})
    assert (decision.band, decision.gate, decision.obligations) == ("red", "deny", ())
