"""What an assessment finds by itself: criteria by what is configured, and a digest that any change moves."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from broker.core.impact_configuration import Configuration, configuration_of
from broker.core.impact_findings import Findings, ImpactRules
from broker.core.partner import Ceilings, Partner, PartnerKind, PartnerStatus
from broker.core.rulebook import Rulebook
from broker.core.zone import LANGUAGES

AT = datetime(2026, 11, 22, tzinfo=UTC)
RULEBOOK, IMPACT = Rulebook.load(), ImpactRules.load()
LAW = RULEBOOK.transfers.policy.at(AT)
MAINLAND = RULEBOOK.transfers.profiles.exporter("CN")
EVERYTHING = Partner(
    partner_id="asks-for-all",
    names=dict.fromkeys(LANGUAGES, "Asks for all"),
    contact="x@y.example",
    jurisdiction="SG",
    kind=PartnerKind.COMPANY,
    sandbox=False,
    ceilings=Ceilings(
        purposes=frozenset(RULEBOOK.partner.purposes),
        claims=frozenset(claim for purpose in RULEBOOK.partner.purposes.values() for claim in purpose.claims),
    ),
    created_at=AT,
)


def configured(*partners: Partner) -> Configuration:
    return configuration_of(MAINLAND, RULEBOOK, partners, LAW)


def findings(configuration: Configuration, persons: int = 0) -> Findings:
    return IMPACT.findings(configuration, LAW, persons=persons)


def met(found: Findings) -> set[str]:
    return {finding.id for finding in found.criteria if finding.met}


def without_faces(configuration: Configuration) -> Configuration:
    return replace(configuration, activities=tuple(a for a in configuration.activities if a.purpose_id == "age-check"))


def test_faces_at_the_border_call_for_an_assessment() -> None:
    found = findings(configured())
    assert met(found) == {
        "automated_decision", "sensitive_data", "matching_or_combining", "vulnerable_persons", "innovative_technology",
    }  # fmt: skip
    assert (found.criteria_met, found.dpia_required, found.pia_required) == (5, True, True)
    assert {"face_misuse", "abroad", "offline_copy", "children"} <= {risk.id for risk in found.risks}
    assert all(finding.why for finding in found.criteria)


def test_large_scale_begins_at_the_figure_of_the_rule() -> None:
    assert "large_scale" not in met(findings(configured(), 99_999))
    assert "large_scale" in met(findings(configured(), 100_000))


def test_two_of_nine_suffice_and_one_does_not() -> None:
    small = without_faces(configured(EVERYTHING))
    assert met(findings(small)) == {"matching_or_combining", "vulnerable_persons"}
    assert findings(small).dpia_required
    nothing = replace(small, activities=())
    assert met(findings(nothing)) == {"matching_or_combining"}
    assert not findings(nothing).dpia_required
    assert not findings(nothing).pia_required


def test_whatever_partners_may_ask_for_has_a_category() -> None:
    asked = configured(EVERYTHING)
    assert {a.purpose_id for a in asked.activities} >= set(RULEBOOK.partner.purposes) | {"notice-of-ending"}
    assert ("sign-in", "SG", "pairwise_pseudonym") in asked.flows()
    assert "abroad" in {risk.id for risk in findings(asked).risks}


def test_any_change_of_what_is_configured_moves_the_digest_and_nothing_else_does() -> None:
    base = configured(EVERYTHING)
    narrowed = replace(EVERYTHING, ceilings=replace(EVERYTHING.ceilings, claims=frozenset({"over_18"})))
    later = RULEBOOK.transfers.policy.at(datetime(2024, 6, 1, tzinfo=UTC))
    changed = [
        configured(),
        configured(narrowed),
        configured(replace(EVERYTHING, jurisdiction="HK")),
        configured(replace(EVERYTHING, status=PartnerStatus.SUSPENDED)),
        configuration_of(MAINLAND.model_copy(update={"ciio": True}), RULEBOOK, [EVERYTHING], LAW),
        configuration_of(MAINLAND, RULEBOOK, [EVERYTHING], later),
        configuration_of(RULEBOOK.transfers.profiles.exporter("HK"), RULEBOOK, [EVERYTHING], LAW),
    ]
    digests = [configuration.digest() for configuration in (base, *changed)]
    assert len(set(digests)) == len(digests) - 1, "only a suspended partner is as good as none"
    same = replace(EVERYTHING, contact="other@y.example", webhook_url="https://y.example/hook")
    assert configured(same).digest() == base.digest()
    filed = MAINLAND.model_copy(update={"pia_done": True, "artefacts": frozenset({"gba_sc_filed"})})
    assert configuration_of(filed, RULEBOOK, [EVERYTHING], LAW).digest() == base.digest()


def test_rules_without_nine_criteria_are_refused() -> None:
    with pytest.raises(ValueError, match="not valid"):
        ImpactRules.load("version = '1'")
