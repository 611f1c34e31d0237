"""The auditors' queue over a real database: claiming, looking, opening, finding; everything journalled."""

import os
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert

from broker.core.sample import (
    CLAIM_LASTS,
    CLAIMED,
    FOUND,
    LOOKED,
    OPENED,
    SETTLED,
    Ground,
    Sample,
    SampleRefused,
    SampleState,
    Verdict,
    checked_finding,
    checked_reason,
)
from broker.core.sampling import Stratum
from broker.core.staff import Role, Staff
from broker.flows.claim_sample import claim_sample
from broker.flows.look_at_sample import look_at_sample, open_sample
from broker.flows.record_finding import record_finding, settle_finding
from broker.stores.database import Database
from broker.stores.tables import TRAVELLERS
from tests.support.audited_world import AuditedWorld, decided
from tests.support.staff import enter

NOW = datetime(2026, 11, 20, 2, 30, tzinfo=UTC)


@pytest.fixture
def audited(database: Database) -> AuditedWorld:
    made = AuditedWorld(database, NOW)
    made.keep_house()
    return made


def auditor(audited: AuditedWorld, *roles: Role) -> Staff:
    with audited.begin() as work:
        return enter(work, *(roles or (Role.AUDITOR,)), at=audited.at)[0]


def drawn(audited: AuditedWorld, *bands: str) -> list[bytes]:
    """One release of each band, all in the queue: the first day is looked at whole."""
    leaves = [audited.release(1, decided(band))[0] for band in bands]
    audited.place()
    audited.keep_house()
    return leaves


def claim(audited: AuditedWorld, by: Staff, release: bytes | None = None) -> Sample | SampleRefused:
    with audited.begin() as work:
        return claim_sample(work, auditor=by, at=audited.at, entropy=os.urandom, release=release)


def find(audited: AuditedWorld, by: Staff, release: bytes, verdict: str = "lawful", follow_up: str = "") -> object:
    finding = checked_finding(verdict, "It was as agreed.", follow_up, nonce=b"n" * 16, at=audited.at)
    with audited.begin() as work:
        return record_finding(work, release=release, auditor=by, finding=finding, at=audited.at, entropy=os.urandom)


def test_the_queue_gives_what_matters_most_first_and_each_to_one_auditor(audited: AuditedWorld) -> None:
    green, red, amber = drawn(audited, "green", "red", "amber")
    one, two = auditor(audited), auditor(audited)
    got = [claim(audited, by) for by in (one, two, one, two)]
    assert [sample.release if isinstance(sample, Sample) else sample for sample in got] == [
        red, amber, green, SampleRefused.UNKNOWN,
    ]  # fmt: skip
    assert claim(audited, two, green) is SampleRefused.NOT_YOURS


def test_red_comes_before_green(audited: AuditedWorld) -> None:
    base = Sample(b"g" * 32, 900, NOW.date(), NOW, "gate:template:released", Stratum.GREEN)
    red = replace(base, release=b"r" * 32, position=901, stratum=Stratum.RED)
    with audited.begin() as work:
        work.samples.add([base, red])
        work.samples.add([red])  # once
    by = auditor(audited)
    assert [got.release for got in (claim(audited, by), claim(audited, by)) if isinstance(got, Sample)] == [
        red.release, base.release,
    ]  # fmt: skip


def test_auditors_who_ask_at_the_same_moment_get_different_releases(audited: AuditedWorld) -> None:
    drawn(audited, *["green"] * 12)
    staff = [auditor(audited) for _ in range(4)]
    together, got = threading.Barrier(4), list[bytes]()

    def take(by: Staff) -> None:
        together.wait()
        for _ in range(4):
            sample = claim(audited, by)
            if isinstance(sample, Sample):
                got.append(sample.release)

    threads = [threading.Thread(target=take, args=(by,)) for by in staff]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(got) == len(set(got)) == 12
    audited.place()
    assert len(audited.kinds(CLAIMED)) == 12


def test_a_claim_runs_out_and_somebody_else_may_find(audited: AuditedWorld) -> None:
    (release,) = drawn(audited, "amber")
    one, two = auditor(audited), auditor(audited)
    claim(audited, one)
    audited.at += CLAIM_LASTS - timedelta(seconds=1)
    assert claim(audited, two) is SampleRefused.UNKNOWN
    audited.at += timedelta(seconds=1)
    assert find(audited, one, release) is SampleRefused.NOT_YOURS
    assert isinstance(claim(audited, two), Sample)
    assert isinstance(find(audited, two, release), Sample)
    assert claim(audited, one, release) is SampleRefused.DONE


def test_a_finding_is_made_once_and_closes_unless_something_is_to_be_done(audited: AuditedWorld) -> None:
    lawful, wrong = drawn(audited, "green", "red")
    by, other = auditor(audited), auditor(audited)
    assert find(audited, by, lawful) is SampleRefused.NOT_YOURS  # not claimed
    claim(audited, by), claim(audited, by)
    assert find(audited, other, lawful) is SampleRefused.NOT_YOURS
    done = find(audited, by, lawful)
    assert isinstance(done, Sample)
    assert (done.state, done.closed_at) == (SampleState.CLOSED, audited.at)
    assert find(audited, by, lawful) is SampleRefused.DONE
    open_still = find(audited, by, wrong, "unlawful", "Tell the person and the department.")
    assert isinstance(open_still, Sample)
    assert open_still.state is SampleState.FOLLOWED
    with audited.begin() as work:
        arguments = {"release": wrong, "at": audited.at, "entropy": os.urandom}
        assert settle_finding(work, auditor=other, **arguments) is SampleRefused.NOT_YOURS
        settled = settle_finding(work, auditor=by, **arguments)
        assert isinstance(settled, Sample)
        assert settled.state is SampleState.CLOSED
        assert settle_finding(work, auditor=by, **arguments) is SampleRefused.DONE
        assert work.samples.tally() == {(SampleState.CLOSED, "lawful"): 1, (SampleState.CLOSED, "unlawful"): 1}
    audited.place()
    said = audited.kinds(FOUND)[1][1]
    assert (said["verdict"], said["follow_up"], said["release"]) == ("unlawful", True, wrong.hex())
    assert "as agreed" not in str(said)
    assert len(audited.kinds(SETTLED)) == 1
    (day,) = audited.check()[0]
    assert day.found == 2


def test_who_operates_the_broker_does_not_audit_it(audited: AuditedWorld) -> None:
    drawn(audited, "green")
    assert claim(audited, auditor(audited, Role.AUDITOR, Role.OPERATOR)) is SampleRefused.CLOSED_TO_YOU
    assert claim(audited, auditor(audited, Role.REGULATOR)) is SampleRefused.CLOSED_TO_YOU


@pytest.fixture
def person(audited: AuditedWorld) -> UUID:
    traveller = uuid4()
    audited.keys.create(traveller)
    with audited.database.unit_of_work() as uow:
        row = {"traveller_id": traveller, "provider": "ctid", "jurisdiction": "CN", "linked_at": NOW}
        uow.session.execute(insert(TRAVELLERS), row)
    return traveller


def test_what_is_sealed_opens_for_a_reason_that_the_person_can_read(audited: AuditedWorld, person: UUID) -> None:
    (release,) = audited.release(1, traveller=person, personal={"consent": "c-1"})
    audited.place()
    audited.keep_house()
    by = auditor(audited)

    def opened() -> object:
        with audited.begin() as work:
            return open_sample(
                work, keys=audited.keys, release=release, auditor=by, ground=Ground.FIELDS,
                reason="Which consent covers it?", at=audited.at, entropy=os.urandom,
            )  # fmt: skip

    assert opened() is SampleRefused.NOT_YOURS
    claim(audited, by)
    assert opened() == {"consent": "c-1"}
    audited.place()
    ((_, clear),) = audited.kinds(OPENED)
    assert clear == {"release": release.hex(), "auditor": by.staff_id, "ground": "fields"}
    with audited.begin() as work:
        uses = work.journal.of_traveller(person, key=audited.keys.key(person), limit=9, before=None)
    assert [use.personal.get("reason") for use in uses] == ["Which consent covers it?", None]
    audited.keys.destroy(person)
    assert opened() is SampleRefused.ERASED


def test_a_release_about_nobody_has_nothing_to_open(audited: AuditedWorld) -> None:
    (release,) = drawn(audited, "green")
    by = auditor(audited)
    claim(audited, by)
    with audited.begin() as work:
        assert open_sample(
            work, keys=audited.keys, release=release, auditor=by, ground=Ground.FIELDS, reason="Because of that.",
            at=audited.at, entropy=os.urandom,
        ) is SampleRefused.ERASED  # fmt: skip


def test_every_look_is_journalled_with_its_role_and_shows_the_clear_part(audited: AuditedWorld) -> None:
    (release,) = drawn(audited, "green")
    regulator = auditor(audited, Role.REGULATOR)
    with audited.begin() as work:
        seen = look_at_sample(work, release=release, member=regulator, at=audited.at, entropy=os.urandom)
        missing = look_at_sample(work, release=bytes(32), member=regulator, at=audited.at, entropy=os.urandom)
    assert missing is SampleRefused.UNKNOWN
    assert not isinstance(seen, SampleRefused)
    assert seen.entry.clear["destination"] == "HK"
    audited.place()
    clear = {"release": release.hex(), "by": regulator.staff_id, "role": "regulator"}
    assert audited.kinds(LOOKED) == [(LOOKED, clear)]


@pytest.mark.parametrize(
    ("verdict", "text", "follow_up", "fine"),
    [
        ("lawful", "", "", True),
        ("doubtful", "", "", False),
        ("doubtful", "Unclear.", "", True),
        ("unlawful", "No consent.", "", False),
        ("unlawful", "No consent.", "Tell them.", True),
        ("fine", "x", "", False),
        ("lawful", "x" * 2001, "", False),
    ],
)
def test_a_finding_says_enough_to_stand(verdict: str, text: str, follow_up: str, fine: bool) -> None:
    if fine:
        assert checked_finding(verdict, text, follow_up, nonce=b"", at=NOW).verdict is Verdict(verdict)
    else:
        with pytest.raises(ValueError, match=r"\w"):
            checked_finding(verdict, text, follow_up, nonce=b"", at=NOW)


def test_a_reason_is_a_sentence_and_names_its_ground() -> None:
    assert checked_reason("complaint", " The person complained. ") == (Ground.COMPLAINT, "The person complained.")
    for ground, reason in (("complaint", "short"), ("curiosity", "I should like to know.")):
        with pytest.raises(ValueError, match=r"\w"):
            checked_reason(ground, reason)
