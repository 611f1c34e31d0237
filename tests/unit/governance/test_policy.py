"""Rules as data: complete or refused, in force by date, hashed, and never rewriting the past."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from broker.core.governance.case import read_case
from broker.core.governance.combine import Ruling, combine
from broker.core.governance.decide import decide
from broker.core.governance.facts import Facts, FactsError
from broker.core.governance.policy import Policy, PolicyError
from broker.core.governance.policy_data import PolicyFile, Provision, Restriction
from broker.core.governance.rules import NUMBERS, TERMS, Rule

POLICY = Policy.load()
CHANGE = datetime(2027, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def _facts(**given: Any) -> Facts:
    facts = read_case(given)
    assert isinstance(facts, Facts)
    return facts


def _volume(limit: int, since: datetime = CHANGE) -> Provision:
    (old,) = [p for p in POLICY.data.provision if p.id is Rule.CN_VOLUME]
    return old.model_copy(update={"numbers": {"nonsensitive_below": limit}, "since": since})


def test_an_empty_policy_is_an_error_not_a_yes() -> None:
    with pytest.raises(PolicyError, match="no data for"):
        Policy.load([])
    with pytest.raises(PolicyError):
        Policy.of(PolicyFile())


def test_no_ruling_is_an_error_not_a_yes() -> None:
    with pytest.raises(PolicyError):
        combine([])
    with pytest.raises(PolicyError):
        combine([Ruling()])


@pytest.mark.parametrize("rule", list(Rule))
def test_a_policy_without_one_of_the_rules_is_refused(rule: Rule) -> None:
    kept = tuple(p for p in POLICY.data.provision if p.id is not rule)
    with pytest.raises(PolicyError, match="no data for"):
        Policy.of(POLICY.data.model_copy(update={"provision": kept}))


@pytest.mark.parametrize("rule", sorted(NUMBERS))
def test_a_misspelt_number_is_refused(rule: Rule) -> None:
    changed = tuple(
        p.model_copy(update={"numbers": {f"{key}_": value for key, value in p.numbers.items()}}) if p.id is rule else p
        for p in POLICY.data.provision
    )
    with pytest.raises(PolicyError, match="exactly the numbers"):
        Policy.of(POLICY.data.model_copy(update={"provision": changed}))


@pytest.mark.parametrize("rule", sorted(TERMS))
def test_missing_terms_are_refused(rule: Rule) -> None:
    changed = tuple(p.model_copy(update={"terms": {}}) if p.id is rule else p for p in POLICY.data.provision)
    with pytest.raises(PolicyError, match="exactly the terms"):
        Policy.of(POLICY.data.model_copy(update={"provision": changed}))


@pytest.mark.parametrize(
    "text",
    [
        "[[provision]]",
        "surprise = 1",
        "not toml at all",
        '[[provision]]\nid = "cn.export"\ncite = "x y"\nconfidence = "certain"\nfrom = 2024-01-01T00:00:00Z',
        '[[provision]]\nid = "cn.export"\ncite = "x y"\nconfidence = "policy"\nfrom = 2024-01-01T00:00:00',
    ],
)
def test_bad_rule_data_is_refused(text: str) -> None:
    with pytest.raises(PolicyError):
        Policy.load([text])


def test_two_editions_at_once_are_refused() -> None:
    doubled = (*POLICY.data.provision, _volume(5))
    with pytest.raises(PolicyError, match="two editions"):
        Policy.of(POLICY.data.model_copy(update={"provision": doubled}))


def test_a_change_of_law_begins_at_its_date_and_leaves_the_past_alone() -> None:
    changed = POLICY.with_edition(_volume(10))
    before, after = CHANGE - SECOND, CHANGE
    given = {"before": {"nonsensitive": 9}}
    old = decide(_facts(at=before.isoformat(), **given), POLICY)
    assert decide(_facts(at=before.isoformat(), **given), changed) == old
    assert old.decision == "exempt"
    new = decide(_facts(at=after.isoformat(), **given), changed)
    assert new.decision == "scc_or_certification"
    assert new.policy_hash != old.policy_hash
    assert decide(_facts(at=after.isoformat()), changed).decision == "exempt"


def test_an_edition_that_would_rewrite_the_past_is_refused() -> None:
    with pytest.raises(PolicyError, match="rewrite the past"):
        POLICY.with_edition(_volume(10, datetime(2020, 1, 1, tzinfo=UTC)))


def test_the_hash_depends_on_every_figure() -> None:
    at = CHANGE + SECOND
    hashes = {POLICY.with_edition(_volume(limit)).at(at).hash for limit in (100_000, 100_001)}
    assert len(hashes) == 2
    assert Policy.load().at(at).hash == POLICY.at(at).hash


def test_before_the_rules_began_nothing_is_decided() -> None:
    with pytest.raises(PolicyError):
        decide(_facts(at="2020-01-01T00:00:00Z"), POLICY)
    with pytest.raises(PolicyError, match=r"cn\.counting|cn\.order16"):
        decide(_facts(at="2024-03-21T23:59:59+08:00"), POLICY)
    assert decide(_facts(at="2024-03-22T00:00:00+08:00"), POLICY).decision == "exempt"


def test_unknown_words_decide_nothing() -> None:
    with pytest.raises(FactsError, match="unknown data category"):
        decide(_facts(data={"categories": ["soul"]}), POLICY)
    with pytest.raises(FactsError, match="no rules are known"):
        decide(_facts(exporter={"origin": "JP"}), POLICY)


def _restriction(**changes: Any) -> Restriction:
    fields = {
        "id": "x",
        "cite": "an order of 2026",
        "confidence": "policy",
        "since": datetime(2026, 6, 1, tzinfo=UTC),
        "until": datetime(2026, 7, 1, tzinfo=UTC),
        "gate": "deny",
        "jurisdictions": ("HK",),
    }
    return Restriction.model_validate(fields | changes)


@pytest.mark.parametrize(
    ("at", "gate"),
    [
        ("2026-05-31T23:59:59Z", "allow"),
        ("2026-06-01T00:00:00Z", "deny"),
        ("2026-06-30T23:59:59Z", "deny"),
        ("2026-07-01T00:00:00Z", "allow"),
    ],
)
def test_a_restriction_holds_within_its_time_box(at: str, gate: str) -> None:
    decision = decide(_facts(at=at), POLICY.with_restriction(_restriction()))
    assert decision.gate == gate
    assert ("restriction_in_force" in decision.reasons) == (gate == "deny")


@pytest.mark.parametrize(
    ("changes", "gate"),
    [
        ({"jurisdictions": ("MO",)}, "allow"),
        ({"jurisdictions": (), "exporters": ("E1",)}, "deny"),
        ({"jurisdictions": (), "exporters": ("E2",)}, "allow"),
        ({"recipients": ("R1",)}, "deny"),
        ({"recipients": ("R2",)}, "allow"),
        ({"categories": ("name", "health")}, "deny"),
        ({"categories": ("health",)}, "allow"),
        ({"gate": "hold"}, "hold"),
        ({"jurisdictions": (), "purposes": ("roaming",)}, "deny"),
        ({"purposes": ("roaming", "hotel")}, "deny"),
        ({"purposes": ("hotel",)}, "allow"),
    ],
)
def test_a_restriction_meets_what_fits_all_its_lists(changes: dict[str, Any], gate: str) -> None:
    facts = _facts(at="2026-06-15T00:00:00Z", purpose="roaming")
    assert decide(facts, POLICY.with_restriction(_restriction(**changes))).gate == gate


def test_a_release_without_a_purpose_meets_no_restriction_of_purposes() -> None:
    restricted = POLICY.with_restriction(_restriction(purposes=("roaming",)))
    assert decide(_facts(at="2026-06-15T00:00:00Z"), restricted).gate == "allow"


@pytest.mark.parametrize("changes", [{"jurisdictions": ()}, {"gate": "allow"}, {"until": None}])
def test_a_restriction_must_say_whom_and_for_how_long_and_can_only_tighten(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _restriction(**changes)


def test_a_restriction_of_an_unknown_category_is_refused() -> None:
    with pytest.raises(PolicyError, match="unknown categories"):
        POLICY.with_restriction(_restriction(categories=("soul",)))


def test_every_ground_says_where_it_is_written_and_how_sure_we_are() -> None:
    for provision in POLICY.data.provision:
        assert provision.cite
        assert provision.confidence
    decision = decide(_facts(), POLICY)
    assert [g.confidence for g in decision.grounds] == ["verified_secondary", "verified_secondary"]
