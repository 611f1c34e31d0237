"""Governed changes over both stores: what takes two operators, and when it stands."""

import os
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from broker.core.change_body import Kind
from broker.core.denial import InvalidInput
from broker.core.governed_change import BINDS_AFTER, ChangeRefusal, GovernedChange
from broker.core.special_list import Document, Special, key_id, read_entries
from broker.flows.forget_lists import KEPT, forget_lists
from broker.flows.standing_changes import specials_of, standing_changes
from broker.flows.suspend_staff import suspend_staff
from broker.wire.identity_grant import DocumentType
from broker.wire.keys import LocalSigner, PublicKey
from broker.wire.registry import KeyUse
from tests.ports.fakes import FakeKeyStore, FakeWorks
from tests.support.broker_world import World
from tests.support.change_office import DAY, Office

SECOND = timedelta(seconds=1)


@pytest.fixture
def office(world: World) -> Office:
    return Office(world)


def test_two_operators_put_a_change_in_force_for_its_time(office: Office) -> None:
    change = office.adopt()
    begins = change.in_force_at
    assert begins == office.world.at + BINDS_AFTER
    assert office.stands(begins - timedelta(microseconds=1)) == []
    assert office.stands(begins) == [change.change_id]
    assert office.stands(change.until - timedelta(microseconds=1)) == [change.change_id]
    assert office.stands(change.until) == []
    with office.world.begin() as work:
        assert work.changes.find(change.change_id) == change
        assert [kept.change_id for kept in work.changes.all()] == [change.change_id]


def test_one_that_begins_later_stands_from_its_own_time(office: Office) -> None:
    begins = (office.world.at + DAY).replace(microsecond=0)
    change = office.adopt(since=begins, until=begins + DAY)
    assert change.in_force_at == begins
    assert office.stands(begins - SECOND) == []
    assert office.stands(begins) == [change.change_id]


def test_who_does_not_count(office: Office) -> None:
    change = office.propose()
    stranger = LocalSigner.generate(office.one[1].use)
    assert office.sign(change, office.auditor) is ChangeRefusal.NOT_AN_OPERATOR
    assert office.sign(change, (office.one[0], stranger)) is ChangeRefusal.BAD_SIGNATURE
    assert office.sign(change, (office.one[0], office.other[1])) is ChangeRefusal.BAD_SIGNATURE
    assert isinstance(office.sign(change, office.one), GovernedChange)
    assert office.sign(change, office.one) is ChangeRefusal.SIGNED_BEFORE
    with office.world.begin() as work:
        suspend_staff(work, staff_id=office.third[0].staff_id, at=office.world.at, entropy=os.urandom)
    assert office.sign(change, office.third) is ChangeRefusal.NOT_AN_OPERATOR
    assert office.stands(office.world.at + BINDS_AFTER) == []
    assert isinstance(office.sign(change, office.other), GovernedChange)
    assert office.sign(change, office.other) is ChangeRefusal.IN_FORCE


def test_a_signature_is_good_for_these_bytes_alone(office: Office) -> None:
    change, other = office.propose(), office.propose(because="another")
    changed = office.propose(body={"effect": "deny", "recipients": ["bank", "clinic"]})
    assert office.sign(change, office.one, over=other) is ChangeRefusal.BAD_SIGNATURE
    assert office.sign(change, office.one, over=changed) is ChangeRefusal.BAD_SIGNATURE


def test_a_signer_who_is_suspended_meanwhile_counts_no_more(office: Office) -> None:
    change = office.propose()
    office.sign(change, office.one)
    with office.world.begin() as work:
        suspend_staff(work, staff_id=office.one[0].staff_id, at=office.world.at, entropy=os.urandom)
    office.world.at += SECOND
    assert office.sign(change, office.other).in_force_at is None
    assert office.stands(office.world.at + DAY - 2 * SECOND) == []
    assert office.sign(change, office.third).in_force_at == office.world.at + BINDS_AFTER


def test_what_was_adopted_outlives_its_signers_accounts(office: Office) -> None:
    change = office.adopt()
    office.world.at += SECOND
    with office.world.begin() as work:
        suspend_staff(work, staff_id=office.one[0].staff_id, at=office.world.at, entropy=os.urandom)
    assert office.stands(office.world.at + SECOND) == [change.change_id]


def test_a_proposal_lapses(office: Office) -> None:
    soon, late = (
        office.propose(),
        office.propose(Kind.TRUST, {"jurisdiction": "HK", "tier": "B"}, until=office.world.at + 30 * DAY),
    )
    office.sign(soon, office.one)
    office.sign(late, office.one)
    office.world.at = soon.until
    assert office.sign(soon, office.other) is ChangeRefusal.OVER
    office.world.at = late.proposed_at + timedelta(days=7)
    assert office.sign(late, office.other) is ChangeRefusal.OVER


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("bad_period", {"until": timedelta(hours=72, seconds=1)}),
        ("bad_period", {"until": timedelta(0)}),
        ("bad_period", {"kind": Kind.TRUST, "body": {"jurisdiction": "HK", "tier": "B"}, "until": timedelta(days=366)}),
        ("bad_reason", {"because": " "}),
        ("bad_change", {"body": {"effect": "deny"}}),
        ("bad_change", {"body": {"effect": "allow", "recipients": ["bank"]}}),
        ("bad_change", {"body": {"effect": "deny", "categories": ["no_such_category"]}}),
        ("bad_change", {"kind": Kind.TRUST, "body": {"jurisdiction": "HK", "tier": "E"}}),
        ("bad_change", {"kind": Kind.SCORING, "body": {"overlay": {"amber_from": 1}}}),
        ("bad_change", {"kind": Kind.SPECIAL_REGION, "body": {"entries": 0, "digest": "00" * 32}, "entries": []}),
    ],
)  # fmt: skip
def test_what_cannot_be_proposed(office: Office, code: str, change: dict[str, Any]) -> None:
    terms = dict(change)
    if "until" in terms:
        terms["until"] = office.world.at.replace(microsecond=0) + terms["until"]
        terms["since"] = office.world.at.replace(microsecond=0)
    with pytest.raises(InvalidInput) as error:
        office.propose(terms.pop("kind", Kind.EXCLUSION), terms.pop("body", None), **terms)
    assert error.value.code == code


def test_a_change_is_withdrawn_by_two_and_for_good(office: Office) -> None:
    change = office.adopt()
    office.world.at += timedelta(hours=1)
    ending = office.withdraw(change)
    assert ending.in_force_at is not None
    assert office.stands(ending.in_force_at - timedelta(microseconds=1)) == [change.change_id]
    assert office.stands(ending.in_force_at) == []
    # What was decided while it stood is decided so when it is looked at again.
    assert office.stands(change.in_force_at) == [change.change_id]
    with pytest.raises(InvalidInput, match="unknown_change"):
        office.withdraw(ending)


def test_the_next_of_a_kind_takes_the_place_of_the_one_before(office: Office) -> None:
    month = office.world.at + 30 * DAY
    first = office.adopt(Kind.TRUST, {"jurisdiction": "HK", "tier": "B"}, until=month)
    macau = office.adopt(Kind.TRUST, {"jurisdiction": "MO", "tier": "C"}, until=month)
    office.world.at += DAY
    second = office.adopt(Kind.TRUST, {"jurisdiction": "HK", "tier": "D"}, until=office.world.at + DAY)
    with office.world.begin() as work:
        standing = standing_changes(work, office.world.at)
        assert first.in_force_at is not None
        assert second.in_force_at is not None
        assert standing.trust("HK", first.in_force_at) == "B"
        assert standing.trust("HK", second.in_force_at) == "D"
        # It does not come back when the second one ends.
        assert standing.trust("HK", second.until) is None
        assert standing.trust("MO", second.until) == "C"
        assert standing.trust("US", second.until) is None
    assert macau.change_id in office.stands(second.until)


ENTRIES = """# document_type,number,grade,since
hkid,A123456(3),current
prc_resident_id,110101 19900307 7651,family

macau_bir,1234567/8,former,2020-11-21
"""


def test_a_list_knows_a_person_in_hand_and_shows_nobody(office: Office) -> None:
    entries = read_entries(ENTRIES, Kind.SPECIAL_IDENTITY)
    change = office.adopt(Kind.SPECIAL_IDENTITY, entries=entries)
    region = office.adopt(Kind.SPECIAL_REGION, entries=read_entries("hkid,A1234563,core", Kind.SPECIAL_REGION))
    hkid = (DocumentType.HKID, "A1234563")
    macau = (DocumentType.MACAU_BIR, "12345678")
    nobody = (DocumentType.MACAU_BIR, "A1234563")
    at = region.in_force_at
    assert at is not None
    with office.world.begin() as work:
        standing = standing_changes(work, at)

        def asked(*documents: Document) -> Any:
            return specials_of(standing, documents, keys=office.world.keys, at=at)

        assert asked(hkid) == (Special("current"), Special("core"))
        assert asked(macau) == (Special("former", date(2020, 11, 21)), None)
        assert asked(macau, hkid) == (Special("current"), Special("core"))
        assert asked(nobody) == (None, None)
        listed, other = work.changes.members(change.change_id), work.changes.members(region.change_id)
        assert listed is not None
        assert other is not None
        # Nothing in common, though one document stands in both; nothing to read in what is shown or signed.
        assert set(listed.members).isdisjoint(other.members)
        assert "A123456" not in repr(standing) + repr(listed) + str(change.body)
        assert change.body["entries"] == 3


def test_a_list_without_its_key_answers_nobody(office: Office) -> None:
    change = office.adopt(Kind.SPECIAL_REGION, entries=read_entries("hkid,A1234563,core", Kind.SPECIAL_REGION))
    office.world.keys.destroy(key_id(change.change_id))
    at = office.world.at + BINDS_AFTER
    with office.world.begin() as work, pytest.raises(LookupError):
        specials_of(standing_changes(work, at), [(DocumentType.HKID, "B1234563")], keys=office.world.keys, at=at)


def test_a_list_nobody_asks_any_more_is_destroyed(office: Office) -> None:
    entries = read_entries("hkid,A1234563,core", Kind.SPECIAL_REGION)
    lapsed = office.propose(Kind.SPECIAL_REGION, entries=entries, until=office.world.at + 30 * DAY)
    ended = office.adopt(Kind.SPECIAL_REGION, entries=entries)

    def forgotten() -> int:
        return forget_lists(office.world.begin, keys=office.world.keys, at=office.world.at, entropy=os.urandom)

    def known() -> list[bool]:
        with office.world.begin() as work:
            return [work.changes.members(change.change_id) is not None for change in (lapsed, ended)]

    assert forgotten() == 0
    office.world.at += timedelta(days=7)
    assert (forgotten(), known()) == (1, [False, True])
    with pytest.raises(LookupError):
        office.world.keys.key(key_id(lapsed.change_id))
    office.world.at = ended.until + KEPT - SECOND
    assert forgotten() == 0
    office.world.at += SECOND
    assert (forgotten(), forgotten(), known()) == (1, 0, [False, False])
    assert office.stands() == []


def test_anybody_can_check_a_change_from_the_journal() -> None:
    """Statement, keys and signatures, from clear parts alone."""
    works = FakeWorks()
    change = Office(World(works, FakeKeyStore(os.urandom))).adopt()
    entries = [entry for _, _, _, entry in works.state.journal.leaves]
    keys = {entry.clear["staff"]: entry.clear["public_key"] for entry in entries if entry.kind == "staff:account:added"}
    said = next(entry.clear for entry in entries if entry.kind == "governance:change:proposed")
    read = GovernedChange(
        UUID(hex=str(said["change"])), Kind(said["kind"]), said["body"], str(said["because"]), str(said["broker"]),
        *(datetime.fromisoformat(str(said[name])) for name in ("from", "until")), str(said["by"]),
        datetime.fromisoformat(str(said["at"])),
    )  # fmt: skip
    assert read.digest.hex() == said["digest"]
    signed = [entry.clear for entry in entries if entry.kind == "governance:change:signed"]
    assert len({one["by"] for one in signed}) == 2
    for one in signed:
        key = PublicKey.from_cose_key(bytes.fromhex(str(keys[one["by"]])), KeyUse.STAFF)
        key.verify(bytes.fromhex(str(one["signature"])), read.statement())
    assert read.statement() == change.statement()


@pytest.mark.parametrize(
    "text",
    [
        "hkid,A1234563,none,2020-01-01",
        "hkid,A1234563,former",
        "hkid,A12,current",
        "passport,A1234563,family",
        "hkid,A1234563,core",
    ],
)
def test_what_is_no_entry(text: str) -> None:
    with pytest.raises(InvalidInput, match="line 2") as error:
        read_entries(f"# one\n{text}", Kind.SPECIAL_IDENTITY)
    assert "A12" not in str(error.value)
