"""Rolling counts, people who turn out to be one, and keys whose time is over: over fakes and PostgreSQL."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from broker.core.counting import CountingKey, CountingRule, CountingTerms, counting_key, year_before
from broker.core.denial import UnknownTraveller
from broker.core.governance.codes import Flag
from broker.core.governance.decision import Decision
from broker.core.transfer import Outgoing, PurposeTerms, Subject, TransferRules
from broker.flows.counted_person import bulk_line, counted_as
from broker.flows.decide_transfer import decide_transfer
from broker.flows.end_counting import end_counting, keep_ledger
from broker.flows.merge_counts import merge_counts
from broker.flows.merge_people import merge_people
from broker.flows.ports.transfers import BulkLine, BulkTotal, ExporterTotal, RecipientTotal, TransferLine
from broker.flows.release_template import Released
from broker.wire.registry import KeyUse
from tests.ports.test_transfers import MAINLAND, PERMIT, cross, resident, with_contracts
from tests.support.broker_world import ZONE, World

STATEMENT = """
version = "t"
[[exporters]]
id = "firm"
origin = "US"
city = "Boston"
gba_registered = false
ciio = false
processes_persons = 0
pia_done = true
[[exporters]]
id = "firm"
origin = "CN"
city = "Shenzhen"
gba_registered = false
ciio = false
processes_persons = 0
pia_done = true
[recipients.HK]
trust = "A"
gba_registered = false
"""
RULES = TransferRules.load(STATEMENT)
TERMS = CountingTerms.load()
STATED = {"exporter_kind": "company", "basis": "consent", "industry": "general", "storage": "le_30d"}
NAMES = Outgoing("bank", "HK", ("name", "phone"), PurposeTerms.model_validate(STATED), "account")
FACES = Outgoing("bank", "HK", ("face_image",), PurposeTerms.model_validate(STATED), "account")
ELSEWHERE = Outgoing("clinic", "HK", ("phone",), PurposeTerms.model_validate(STATED), "account")


def decided(
    world: World, person: UUID, outgoing: Outgoing = NAMES, *, at: datetime | None = None, origin: str = "CN"
) -> Decision:
    """One release decided, and journalled as every release is."""
    with world.begin() as work:
        made = decide_transfer(
            work, keys=world.keys, rules=RULES, traveller=person, subject=Subject(origin, 36), outgoing=outgoing,
            at=at or world.at,
        )  # fmt: skip
        made.journalled()
    return made.decision


def recent(world: World, at: datetime) -> list[BulkTotal]:
    with world.begin() as work:
        return list(work.transfers.bulk_totals(year_before(at)))


def totals(world: World, year: int = 2026) -> tuple[list[ExporterTotal], list[RecipientTotal]]:
    with world.begin() as work:
        return list(work.transfers.totals(year)), list(work.transfers.recipient_totals(year))


def test_the_window_of_the_united_states_is_twelve_months_to_the_instant(world: World) -> None:
    decided(world, uuid4(), origin="US")
    world.at = world.at.replace(year=world.at.year + 1)
    assert [total.persons for total in recent(world, world.at)] == [1]
    assert persons(world, "bank", "identifiers") == 2
    world.at += timedelta(microseconds=1)
    assert recent(world, world.at) == []
    assert persons(world, "bank", "identifiers") == 1


def persons(world: World, recipient: str, *kinds: str) -> int:
    """What a release of those kinds about somebody new would be decided on."""
    with world.begin() as work:
        work.transfers.look(TransferLine(2026, "firm/US", recipient, uuid4()))
        line = bulk_line(
            world.keys, uuid4(), exporter="firm/US", recipient=recipient, kinds=frozenset(kinds), origin="US",
            at=world.at,
        )  # fmt: skip
        return work.transfers.bulk_persons(line, since=year_before(world.at))


def test_kinds_of_data_are_counted_apart_and_by_pair_of_parties(world: World) -> None:
    for person in range(3):
        decided(world, UUID(int=person), origin="US")
    decided(world, UUID(int=0), FACES, origin="US")
    decided(world, UUID(int=9), ELSEWHERE, origin="US")
    assert persons(world, "bank", "identifiers") == 4
    assert persons(world, "bank", "biometric") == 2
    assert persons(world, "bank", "biometric", "identifiers") == 4
    assert persons(world, "clinic", "identifiers") == 2
    assert recent(world, world.at) == [
        BulkTotal("firm/US", "bank", 3, frozenset({"identifiers", "biometric"})),
        BulkTotal("firm/US", "clinic", 1, frozenset({"identifiers"})),
    ]


def test_more_than_a_thousand_faces_are_bulk_and_a_thousand_are_not(world: World) -> None:
    with world.begin() as work:
        work.transfers.look(TransferLine(2026, "firm/US", "bank", uuid4()))
        for number in range(999):
            line = BulkLine("firm/US", "bank", frozenset({"biometric"}), UUID(int=number), uuid4())
            work.transfers.enter_bulk(line, at=world.at)
    person = uuid4()
    flags = [decided(world, one, FACES, origin="US").flags for one in (person, person, uuid4())]
    assert flags == [(), (), (Flag.US_BULK_EXCEEDED,)]
    assert decided(world, uuid4(), NAMES, origin="US").flags == ()
    assert persons(world, "bank", "biometric") == 1001  # what was held counted nobody


def test_a_person_of_last_years_window_is_the_same_person_under_this_years_key(world: World) -> None:
    person = uuid4()
    for at in (world.at, world.at + timedelta(days=90)):  # November, February
        decided(world, person, at=at, origin="US")
    assert [total.persons for total in recent(world, world.at + timedelta(days=90))] == [1]


def test_what_leaves_another_country_is_in_no_rolling_count(world: World) -> None:
    decided(world, uuid4(), origin="CN")
    assert recent(world, world.at) == []


def merge(world: World, survivor: UUID, merged: UUID) -> None:
    with world.begin() as work:
        merge_counts(work, keys=world.keys, survivor=survivor, merged=merged, at=world.at)


def test_whoever_was_counted_under_the_merged_id_is_not_counted_again(world: World) -> None:
    survivor, merged = uuid4(), uuid4()
    decided(world, merged)
    before = totals(world)
    merge(world, survivor, merged)
    assert totals(world) == before
    decided(world, survivor)
    assert totals(world) == before
    decided(world, survivor, ELSEWHERE)
    assert [total.persons for total in totals(world)[1]] == [1, 1]
    assert totals(world)[0] == before[0]


def test_two_who_were_counted_stay_two_and_count_no_more(world: World) -> None:
    survivor, merged = uuid4(), uuid4()
    for person in (survivor, merged):
        decided(world, person)
    before = totals(world)
    assert before == ([ExporterTotal("firm/CN", 2, 0, 2, 0)], [RecipientTotal("bank", 2)])
    merge(world, survivor, merged)
    decided(world, survivor)
    assert totals(world) == before


@pytest.mark.parametrize("days", [0, 90])  # in the year before the merging, and in its own
def test_the_rolling_counts_know_the_merged_one_too(world: World, days: int) -> None:
    survivor, merged, counted_at = uuid4(), uuid4(), world.at + timedelta(days=days)
    decided(world, merged, at=counted_at, origin="US")
    world.at += timedelta(days=91)
    merge(world, survivor, merged)
    decided(world, survivor, origin="US")
    assert [total.persons for total in recent(world, world.at)] == [1]


@pytest.mark.parametrize("order", [1, -1])
def test_two_of_a_rolling_count_stay_two_until_the_window_has_passed(world: World, order: int) -> None:
    survivor, merged = people = uuid4(), uuid4()
    for person, days in zip(people[::order], (0, 90), strict=True):
        decided(world, person, at=world.at + timedelta(days=days), origin="US")
    world.at += timedelta(days=91)
    merge(world, survivor, merged)
    decided(world, survivor, origin="US")
    assert [total.persons for total in recent(world, world.at)] == [2]
    assert [total.persons for total in recent(world, world.at + timedelta(days=365))] == [1]


def test_an_officer_merges_two_accounts_and_the_counts_follow(world: World) -> None:
    with_contracts(world)
    survivor, merged = resident(world, MAINLAND), resident(world, PERMIT)
    cross(world, merged)
    before = totals(world)
    with world.begin() as work:
        merge_people(
            work, keys=world.keys, status_signer=world.signers[KeyUse.STATUS], survivor=survivor, merged=merged,
            officer="wong", at=world.at, entropy=world.entropy,
        )  # fmt: skip
    assert isinstance(cross(world, survivor), Released)
    assert totals(world) == before
    with world.begin() as work:
        assert len(work.identities.documents_of(survivor)) == 2
    with pytest.raises(UnknownTraveller), world.begin() as work:
        work.travellers.find(merged)
    assert before[1] == [RecipientTotal(ZONE, 1)]


def test_when_window_and_audit_are_over_the_key_is_gone_and_totals_stay(world: World) -> None:
    person = uuid4()
    decided(world, person)
    decided(world, person, origin="US")
    key = counting_key(CountingRule.STATUTORY, "CN", world.at)
    counted_as(world.keys, person, key)
    before = totals(world)
    end = TERMS.ends(key)

    def over(at: datetime) -> list[CountingKey]:
        return list(end_counting(world.begin, keys=world.keys, terms=TERMS, at=at, entropy=world.entropy))

    assert key not in over(end - timedelta(seconds=1))
    assert key in over(end)
    assert over(end) == []
    with pytest.raises(LookupError):
        world.keys.key(key.key_id)
    with pytest.raises(LookupError):
        decided(world, person)
    assert totals(world) == before
    assert [total.persons for total in recent(world, world.at)] == [1]
    assert over(end.replace(year=2038))
    assert recent(world, world.at) == []


def test_the_ledger_is_kept_for_years_to_come(world: World) -> None:
    decided(world, uuid4(), at=world.at.replace(year=2040))
    before = totals(world, 2040)
    for _ in range(2):
        keep_ledger(world.begin, at=world.at.replace(year=2039))
    assert totals(world, 2040) == before
    decided(world, uuid4(), at=world.at.replace(year=2040))
    assert totals(world, 2040)[0][0].nonsensitive == 2
