"""What governed changes do to decisions, over both stores: from their own moment on, and to nothing before."""

import tomllib
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

import pytest

from broker.core.change_body import Kind
from broker.core.governance.codes import Band, Gate
from broker.core.governance.decision import Decision
from broker.core.special_list import read_entries
from broker.core.transfer import Counted, Outgoing, PurposeTerms, Subject
from broker.flows.standing_changes import bearing_on
from broker.wire.identity_grant import DocumentType
from tests.support.broker_world import World
from tests.support.change_office import DAY, Office

HOUR = timedelta(hours=1)
TERMS = {"exporter_kind": "company", "basis": "consent", "industry": "general", "storage": "le_30d"}
HELD = (DocumentType.HKID, "A1234563")


def outgoing(
    *categories: str, recipient: str = "bank", to: str = "MO", purpose: str = "account", **terms: str
) -> Outgoing:
    stated = PurposeTerms.model_validate(TERMS | terms)
    return Outgoing(recipient, to, categories or ("name",), stated, purpose=purpose)


@pytest.fixture
def office(world: World) -> Office:
    return Office(world)


def decided(office: Office, what: Outgoing, at: datetime | None, *, origin: str = "HK", met: bool = False) -> Decision:
    assert at is not None
    subject = Subject(origin, 36, documents=(HELD,))
    with office.world.begin() as work:
        rules = office.world.rulebook.transfers
        bearing = bearing_on(work, office.world.keys, rules, subject, what, at=at)
        return bearing.decide(Counted(met=met))


def test_an_exclusion_stops_what_it_names_for_its_time(office: Office) -> None:
    change = office.adopt(
        body={"effect": "deny", "recipients": ["bank"], "categories": ["name"], "purposes": ["account"]}
    )
    begins = change.in_force_at
    assert begins is not None
    before = decided(office, outgoing(), begins - timedelta(microseconds=1))
    stopped = decided(office, outgoing(), begins)
    assert before.gate.permits
    assert stopped.gate is Gate.DENY
    assert [reason.value for reason in stopped.reasons] == ["restriction_in_force"]
    assert stopped.policy_hash != before.policy_hash
    assert any(change.change_id.hex[:16] in ground.rule for ground in stopped.grounds)
    for other in (outgoing("phone"), outgoing(recipient="clinic"), outgoing(purpose="loan")):
        assert decided(office, other, begins).gate.permits
    after = decided(office, outgoing(), change.until)
    assert after.gate.permits
    assert after.policy_hash == before.policy_hash


def test_an_exclusion_holds_what_stays_inside_too(office: Office) -> None:
    change = office.adopt(body={"effect": "hold", "jurisdictions": ["HK"]})
    assert decided(office, outgoing(to="HK"), change.in_force_at).gate is Gate.HOLD


def test_a_declared_exclusion_takes_the_exemption_away(office: Office) -> None:
    trip = outgoing(recipient="hotel", to="HK", basis="contract")
    change = office.adopt(body={"effect": "suspend_exemptions", "recipients": ["hotel"]})
    begins = change.in_force_at
    assert begins is not None
    before = decided(office, trip, begins - HOUR, origin="CN")
    after = decided(office, trip, begins, origin="CN")
    assert before.decision.value == "exempt"
    assert after.decision.value != "exempt"
    assert "exemption_suspended" in [flag.value for flag in after.flags]
    other = decided(office, outgoing(recipient="inn", to="HK", basis="contract"), begins, origin="CN")
    assert other.decision.value == "exempt"


def test_trust_takes_the_place_of_the_statement(office: Office) -> None:
    change = office.adopt(Kind.TRUST, {"jurisdiction": "MO", "tier": "D"})
    begins = change.in_force_at
    assert begins is not None
    scores = [dict(decided(office, outgoing(), at).grade.parts)["trust"] for at in (begins - HOUR, begins)]
    assert scores == [-10, 20]
    assert dict(decided(office, outgoing(to="CN"), begins).grade.parts)["trust"] == -10


def test_a_listed_person_is_graded_as_one(office: Office) -> None:
    listed = office.adopt(Kind.SPECIAL_IDENTITY, entries=read_entries("hkid,A1234563,current", Kind.SPECIAL_IDENTITY))
    office.adopt(Kind.SPECIAL_REGION, entries=read_entries("hkid,A1234563,core", Kind.SPECIAL_REGION))
    begins = listed.in_force_at
    assert begins is not None
    track = outgoing("name", "travel_track")
    before, then = decided(office, track, begins - HOUR), decided(office, track, begins)
    parts = dict(then.grade.parts)
    assert (parts["identity"], parts["region"]) == (35, 25)
    assert dict(before.grade.parts)["identity"] == 0
    assert (then.band, then.gate) == (Band.RED, Gate.HOLD)


@pytest.mark.parametrize(("since", "points"), [("2021-11-22", 25), ("2021-11-20", 10), ("2021-11-21", 10)])
def test_a_former_office_counts_less_after_five_years(office: Office, since: str, points: int) -> None:
    """The world's day is 20 November 2026; the second of that day in UTC is the 21st in Shanghai from 16:00 on."""
    office.world.at = office.world.at.replace(hour=16)
    entries = read_entries(f"hkid,A1234563,former,{since}", Kind.SPECIAL_IDENTITY)
    change = office.adopt(Kind.SPECIAL_IDENTITY, entries=entries)
    assert dict(decided(office, outgoing(), change.in_force_at).grade.parts)["identity"] == points


def test_somebody_whose_documents_nobody_knows_is_graded_as_the_strictest(office: Office) -> None:
    change = office.adopt(Kind.SPECIAL_IDENTITY, entries=read_entries("hkid,B1234563,family", Kind.SPECIAL_IDENTITY))
    at = change.in_force_at
    assert at is not None
    assert dict(decided(office, outgoing(), at).grade.parts)["identity"] == 0
    with office.world.begin() as work:
        rules = office.world.rulebook.transfers
        unknown = bearing_on(work, office.world.keys, rules, Subject("HK", 0), outgoing(), at=at)
    assert unknown.subject.identity == "current"


def table(**other: Any) -> dict[str, Any]:
    text = (files("broker.core.governance") / "data" / "overlay.toml").read_text(encoding="utf-8")
    stated = tomllib.loads(text)["overlay"][-1]
    for dated in ("from", "until", "version", "confidence", "cite"):
        stated.pop(dated, None)
    return {"overlay": stated | other}


def test_a_scoring_table_grades_for_its_time_and_loosens_no_law(office: Office) -> None:
    lenient = {"amber_from": 900, "red_from": 901, "graded_quantity": {"genomic": 10**9}}
    change = office.adopt(Kind.SCORING, table(**lenient), until=office.world.at + 30 * DAY)
    begins = change.in_force_at
    assert begins is not None
    face = outgoing("face_template", to="HK", storage="central_biometric")
    before, then = (decided(office, face, at, origin="CN") for at in (begins - HOUR, begins))
    assert before.band is not Band.GREEN
    assert then.band is Band.GREEN
    assert before.policy_hash != then.policy_hash
    # The law is what it was: nobody assessed this, so it does not leave, whatever the table says.
    assert (then.decision, then.gate) == (before.decision, Gate.DENY)
    assert decided(office, face, change.until, origin="CN").policy_hash == before.policy_hash


def test_linkage_comes_from_what_is_released_and_what_the_recipient_has(office: Office) -> None:
    def points(what: Outgoing, *, met: bool = False) -> int:
        return dict(decided(office, what, office.world.at, met=met).grade.parts)["linkage"]

    assert points(outgoing("name", "birth_date")) == 0
    assert points(outgoing("name", "birth_date", "gender")) == 5
    assert points(outgoing("gov_id_number")) == 10
    assert points(outgoing("name", "birth_date", "gender", "address", "occupation", "gov_id_number")) == 25
    assert points(outgoing("face_template")) == 0
    more = Outgoing("bank", "MO", ("name",), outgoing().terms, purpose="account", beside=frozenset({"phone", "name"}))
    assert points(more) == 0
    assert points(more, met=True) == 10
    same = Outgoing(
        "bank", "MO", ("name",), outgoing().terms, purpose="account", beside=frozenset({"name", "predicate"})
    )
    assert points(same, met=True) == 0
