"""From one release to the facts of the rules, and to the counts it moves."""

from datetime import UTC, datetime

import pytest

from broker.core.governance.codes import Gate, Mechanism
from broker.core.governance.decide import decide
from broker.core.governance.facts import FactsError
from broker.core.governance.policy import Policy
from broker.core.release_facts import facts_of
from broker.core.transfer import (
    Counted,
    Held,
    Outgoing,
    PurposeTerms,
    Subject,
    TransferProfiles,
    additions,
    classes_of,
    exporter_edges,
    recipient_edges,
)

AT = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
POLICY = Policy.load()
LAW = POLICY.at(AT)
PROFILES = TransferProfiles.load()
ADULT = Subject("CN", 36)


def terms(basis: str = "consent", industry: str = "general", storage: str = "le_30d") -> PurposeTerms:
    stated = {"exporter_kind": "company", "basis": basis, "industry": industry, "storage": storage}
    return PurposeTerms.model_validate(stated)


FACE = Outgoing("HK-SZB", "HK", ("face_template",), terms(industry="border_security", storage="transient_24h"), "lane")
PLAIN = Outgoing("bank", "HK", ("name", "travel_doc_number"), terms(), "account")
FILED = """
version = "t"
[[exporters]]
id = "x-cn"
group = "x"
origin = "CN"
city = "Shenzhen"
gba_registered = true
ciio = false
processes_persons = 0
pia_done = true
artefacts = ["gba_sc_filed"]
[recipients.HK]
trust = "A"
gba_registered = true
"""


def test_a_face_that_leaves_the_mainland_on_consent_alone_is_held() -> None:
    stated = TransferProfiles.load(FILED.replace('"gba_sc_filed"', ""))
    decision = decide(facts_of(FACE, ADULT, Counted(), stated, LAW, at=AT), POLICY)
    assert decision.gate is Gate.HOLD
    assert Mechanism.GBA_SC in decision.alternatives
    assert additions(Held.SENSITIVE, decision) == Held.SENSITIVE | Held.GROSS_SENSITIVE


def test_with_the_bay_areas_contract_filed_it_may_go() -> None:
    decision = decide(facts_of(FACE, ADULT, Counted(), TransferProfiles.load(FILED), LAW, at=AT), POLICY)
    assert decision.decision is Mechanism.GBA_SC
    assert decision.gate.permits
    assert decision.counters is not None
    assert decision.counters.sensitive == 1


def test_the_packaged_statement_claims_no_filing() -> None:
    assert all(not exporter.artefacts and not exporter.pia_done for exporter in PROFILES.exporters.values())


def test_a_person_who_is_counted_already_adds_nothing_new() -> None:
    seen = Counted(nonsensitive=7, sensitive=9, at_recipient=3, held=Held.SENSITIVE, met=True)
    facts = facts_of(FACE, ADULT, seen, TransferProfiles.load(FILED), LAW, at=AT)
    assert (facts.subjects.new_sensitive, facts.subjects.new_nonsensitive, facts.recipient_ytd_after) == (0, 0, 3)


@pytest.mark.parametrize(
    ("categories", "age", "expected"),
    [
        (("name",), 36, Held.NONSENSITIVE),
        (("face_template",), 36, Held.SENSITIVE),
        (("face_template", "name"), 36, Held.SENSITIVE | Held.NONSENSITIVE),
        (("name",), 13, Held.SENSITIVE),
        (("trade_data",), 36, Held.NONE),
        (("trade_data",), 13, Held.NONE),
    ],
)
def test_the_classes_of_a_release(categories: tuple[str, ...], age: int, expected: Held) -> None:
    outgoing = Outgoing("r", "HK", categories, terms(), "account")
    assert classes_of(outgoing, Subject("CN", age), LAW) == expected


def test_an_exempt_scenario_counts_gross_only() -> None:
    trip = Outgoing("hotel", "HK", ("name",), terms("contract"), "trip")
    decision = decide(facts_of(trip, ADULT, Counted(), TransferProfiles.load(FILED), LAW, at=AT), POLICY)
    assert decision.decision is Mechanism.EXEMPT
    assert additions(Held.NONSENSITIVE, decision) == Held.GROSS_NONSENSITIVE


def test_nothing_leaves_a_place_for_which_nobody_exports() -> None:
    with pytest.raises(FactsError):
        facts_of(PLAIN, Subject("SG", 36), Counted(), PROFILES, LAW, at=AT)


def test_a_recipient_in_no_listed_jurisdiction_is_trusted_least() -> None:
    abroad = Outgoing("r", "BR", ("name",), terms(), "account")
    assert facts_of(abroad, ADULT, Counted(), PROFILES, LAW, at=AT).recipient.trust == "X"


@pytest.mark.parametrize("text", ["", "version = 1", FILED + FILED.partition("[[")[1] + FILED.partition("[[")[2]])
def test_an_incomplete_or_ambiguous_statement_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"transfer data|exporter|declare|twice"):
        TransferProfiles.load(text or "version = 't'")


def test_the_edges_are_where_the_rules_draw_them() -> None:
    assert exporter_edges(LAW) == (100_000, 1_000_000, 10_000)
    assert {100, 1_000, 10_000, 100_000} <= set(recipient_edges(LAW))
