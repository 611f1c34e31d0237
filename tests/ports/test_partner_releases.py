"""What leaves under consents to partners, how often and until when: the same over the fakes and over PostgreSQL."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import pytest

from broker.core.client import ClientStatus
from broker.core.denial import Denied, Refusal
from broker.core.identity_release import IdentityRelease, ReleasedClaims
from broker.core.linking import Linked
from broker.core.partner import PartnerStatus
from broker.flows.end_grant import end_grant
from broker.flows.lapse_consents import lapse_consents
from tests.support.broker_world import World, decided
from tests.support.partner_world import BANK, DAILY, SHOP, PartnerWorld, client_of, opening


@pytest.fixture
def agency(world: World) -> PartnerWorld:
    return PartnerWorld(world)


def test_exactly_what_was_agreed_to_leaves_and_is_journalled(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    asked = opening("name", "over_18")
    given = agency.agree(person, asked)

    told = agency.release(person, asked)

    assert isinstance(told, ReleasedClaims)
    assert told.values == {"name": "陳小明", "over_18": True}
    assert told.consents == (given.record.consent_id,)
    use = agency.journal(person)[0]
    assert told.journal_leaves == (use.leaf_hash,)
    assert use.kind == "partner:claims:released"
    assert use.clear == {
        "purpose": "account-opening",
        "recipient": BANK,
        "claims": ["name", "over_18"],
        **decided(agency.world, 5),
    }
    assert use.personal["consent"] == str(given.record.consent_id)
    assert "陳" not in str(use.clear) + str(use.personal)
    assert "陳" not in repr(told)


def test_without_a_consent_nothing_leaves_and_the_refusal_is_journalled(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    denied = agency.release(person, opening("name"))

    assert isinstance(denied, Denied)
    assert denied.reason is Refusal.CONSENT_MISSING
    assert agency.journal(person)[0].kind == "partner:claims:refused"


@pytest.mark.parametrize(
    "other",
    [
        opening("name", "document_number"),
        opening("name", purpose="hotel-registration"),
        opening("name", recipient=SHOP),
        opening("name", retention=timedelta(days=31)),
    ],
    ids=["more claims", "another purpose", "another recipient", "kept longer"],
)
def test_a_consent_covers_nothing_but_itself(agency: PartnerWorld, other: IdentityRelease) -> None:
    person = agency.world.link().traveller
    agency.agree(person, opening("name"))
    denied = agency.release(person, other, client=client_of(agency.world, other.recipient))

    assert isinstance(denied, Denied)
    assert denied.reason is Refusal.CONSENT_MISSING


def test_another_person_and_another_partners_client_get_nothing(agency: PartnerWorld) -> None:
    person, other = agency.world.link().traveller, agency.world.link("person-2").traveller
    agency.agree(person, opening("name"))

    assert isinstance(agency.release(other, opening("name")), Denied)
    # The release names the bank, the client is the shop's: it is not for the shop to ask.
    assert isinstance(agency.release(person, opening("name"), client=client_of(agency.world, SHOP)), Denied)


def test_a_suspended_client_or_partner_gets_nothing(agency: PartnerWorld) -> None:
    world = agency.world
    person = world.link().traveller
    agency.agree(person, opening("name"))
    suspended = replace(client_of(world), status=ClientStatus.SUSPENDED)

    denied = agency.release(person, opening("name"), client=suspended)
    assert isinstance(denied, Denied)
    assert denied.reason is Refusal.RECIPIENT_UNKNOWN
    with world.begin() as work:
        work.partners.set_status(BANK, PartnerStatus.SUSPENDED, world.at)
    assert isinstance(agency.release(person, opening("name")), Denied)


def test_a_ceiling_that_was_lowered_binds_the_next_release(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    asked = opening("name", "birthdate")
    agency.agree(person, asked)
    lowered = client_of(agency.world, claims=frozenset({"name"}))

    told = agency.release(person, asked, client=lowered)
    assert isinstance(told, ReleasedClaims)
    assert told.values == {"name": "陳小明"}
    assert isinstance(agency.release(person, asked, client=replace(lowered, purposes=frozenset())), Denied)


def test_only_what_is_wanted_now_is_opened(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    asked = opening("name", "birthdate", "document_number")
    agency.agree(person, asked)

    told = agency.release(person, asked, wanted=["birthdate", "family_name"])
    assert isinstance(told, ReleasedClaims)
    assert told.values == {"birthdate": "1990-01-02"}
    assert isinstance(agency.release(person, asked, wanted=["family_name"]), Denied)


def test_a_predicate_leaves_as_its_answer_and_never_as_the_datum(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    asked = opening("over_18", "resident_of:HK", purpose="account-opening")
    agency.agree(person, asked)

    told = agency.release(person, asked)
    assert isinstance(told, ReleasedClaims)
    assert told.values == {"over_18": True, "resident_of:HK": True}
    # The agreed question and no other one.
    other = agency.release(person, asked, wanted=["resident_of"], arguments={"resident_of": ["MO"]})
    assert isinstance(other, Denied)
    same = agency.release(person, asked, wanted=["resident_of"], arguments={"resident_of": ["HK"]})
    assert isinstance(same, ReleasedClaims)
    assert same.values == {"resident_of": True}
    assert isinstance(agency.release(person, asked, wanted=["birthdate", "document_type"]), Denied)


def test_a_datum_that_was_agreed_to_answers_its_predicates_too(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    asked = opening("birthdate", "resident_of")
    agency.agree(person, asked)

    told = agency.release(person, asked, wanted=["over_18", "resident_of"], arguments={"resident_of": ["CN", "MO"]})
    assert isinstance(told, ReleasedClaims)
    assert told.values == {"over_18": True, "resident_of": False}
    whole = agency.release(person, asked, wanted=["resident_of"])
    assert isinstance(whole, ReleasedClaims)
    assert whole.values == {"resident_of": ["HK"]}
    # The arguments of a question are no business of the public.
    assert "CN" not in str(agency.journal(person)[1].clear)


def test_how_it_was_verified_comes_with_data_and_not_with_answers(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    asked = opening("name", "over_18")
    agency.agree(person, asked)

    answer = agency.release(person, asked, wanted=["over_18"])
    assert isinstance(answer, ReleasedClaims)
    assert answer.verification is None
    datum = agency.release(person, asked, wanted=["name"])
    assert isinstance(datum, ReleasedClaims)
    assert datum.verification is not None
    assert datum.verification["trust_framework"]
    assert "hkid" not in str(datum.verification)


def test_what_the_authority_does_not_say_is_left_out(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    asked = opening("permit_valid", "document_expires", "name")
    agency.agree(person, asked)

    told = agency.release(person, asked)
    assert isinstance(told, ReleasedClaims)
    assert told.values == {"name": "陳小明"}


@pytest.mark.parametrize(
    ("agreed", "told"),
    [
        (("permit_valid",), False),
        (("permit_valid:2026-12-31",), False),
        (("permit_valid:2027-06-30",), True),
        (("document_type", "document_expires"), True),
    ],
)
def test_a_consent_to_whether_a_document_is_valid_does_not_answer_for_other_days(
    agency: PartnerWorld, agreed: tuple[str, ...], told: bool
) -> None:
    """With every day answered the expiry date itself could be found by halving."""
    grant = agency.world.grant()
    claims = grant.claims.model_copy(update={"document_expires": date(2027, 12, 31)})
    linked = agency.world.arrive(grant.model_copy(update={"claims": claims}))
    assert isinstance(linked, Linked)
    asked = opening(*agreed)
    agency.agree(linked.traveller, asked)

    wanted = "permit_valid:2027-06-30"
    named = agency.release(linked.traveller, asked, wanted=[wanted])
    argued = agency.release(
        linked.traveller, asked, wanted=["permit_valid"], arguments={"permit_valid": wanted.partition(":")[2]}
    )
    for answer in (named, argued):
        assert isinstance(answer, ReleasedClaims) is told


def test_of_two_releases_the_covered_one_is_answered(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    one, two = opening("name"), opening("birthdate", purpose="document-answer")
    agency.agree(person, one)

    told = agency.release(person, one, two)
    assert isinstance(told, ReleasedClaims)
    assert told.values == {"name": "陳小明"}


def test_a_single_release_is_single(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    once = opening("over_18", purpose="age-check", frequency=None)
    given = agency.agree(person, once)

    assert given.record.valid_until - given.record.valid_from == timedelta(days=1)
    assert isinstance(agency.release(person, once), ReleasedClaims)
    denied = agency.release(person, once)
    assert isinstance(denied, Denied)
    assert denied.reason is Refusal.OVER_FREQUENCY
    # It is asked for anew, and the new version is good for one release again.
    assert agency.outstanding(person, once) == (once,)
    again = agency.agree(person, once)
    assert (again.record.version, again.record.supersedes) == (2, given.record.consent_id)
    assert isinstance(agency.release(person, once), ReleasedClaims)


def test_a_frequency_holds_in_every_stretch_of_time_however_it_is_placed(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    asked = opening("name")
    agency.agree(person, asked)
    answers = []
    for _ in range(30):
        answers.append((agency.world.at, isinstance(agency.release(person, asked), ReleasedClaims)))
        agency.world.at += timedelta(hours=1)

    made = [at for at, told in answers if told]
    for start in made:
        assert len([at for at in made if start <= at < start + DAILY.per]) <= DAILY.times
    # Three in the first hours, then nothing for the rest of the day, then three again.
    assert [hour for hour, (_, told) in enumerate(answers) if told] == [0, 1, 2, 24, 25, 26]


def test_a_frequency_goes_on_when_the_next_version_takes_over(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    first, wider = opening("name"), opening("name", "birthdate")
    agency.agree(person, first)
    assert all(isinstance(agency.release(person, first), ReleasedClaims) for _ in range(DAILY.times))
    agency.world.at += timedelta(hours=1)

    for asked in (first, wider):
        agency.agree(person, asked)
        denied = agency.release(person, asked)
        assert isinstance(denied, Denied)
        assert denied.reason is Refusal.OVER_FREQUENCY
    agency.world.at += timedelta(hours=23)
    assert isinstance(agency.release(person, wider), ReleasedClaims)


def test_a_use_that_is_refused_is_not_counted(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    agency.agree(person, opening("name"))
    for _ in range(5):
        assert isinstance(agency.release(person, opening("name", "birthdate")), Denied)
    assert all(isinstance(agency.release(person, opening("name")), ReleasedClaims) for _ in range(DAILY.times))


def test_pausing_stops_releases_and_resuming_lets_them_go_on(agency: PartnerWorld) -> None:
    world = agency.world
    person = world.link().traveller
    consent = agency.agree(person, opening("name")).record.consent_id

    agency.pause(person, consent)
    agency.pause(person, consent)
    denied = agency.release(person, opening("name"))
    assert isinstance(denied, Denied)
    assert denied.reason is Refusal.CONSENT_PAUSED
    agency.resume(person, consent)
    agency.resume(person, consent)

    assert isinstance(agency.release(person, opening("name")), ReleasedClaims)
    assert sorted(name for name, _ in agency.events()) == ["consent.paused", "consent.resumed"]
    kinds = [use.kind for use in agency.journal(person)]
    assert (kinds.count("traveller:consent:paused"), kinds.count("traveller:consent:resumed")) == (1, 1)
    stranger = world.link("person-2").traveller
    assert isinstance(agency.pause(stranger, consent), Denied)
    assert isinstance(agency.resume(stranger, consent), Denied)


def test_a_paused_consent_still_ends_in_time(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    consent = agency.agree(person, opening("name")).record.consent_id
    agency.pause(person, consent)
    agency.world.at += timedelta(days=30)
    assert isinstance(agency.resume(person, consent), Denied)


@pytest.mark.parametrize("other_lives", [True, False])
def test_a_grant_that_ran_out_keeps_no_consent_alive(agency: PartnerWorld, other_lives: bool) -> None:
    world = agency.world
    person = world.link().traveller
    asked = opening("name")
    consent = agency.agree(person, asked).record.consent_id
    given_back, other = (agency.grant(person, [asked], [consent], uuid4()) for _ in range(2))
    if not other_lives:
        other = replace(other, expires_at=world.at)
    with world.begin() as work:
        work.logins.add_grant(given_back)  # type: ignore[attr-defined]
        work.logins.add_grant(other)  # type: ignore[attr-defined]
        ended = end_grant(
            work, keys=world.keys, grant_id=given_back.grant_id, client_id=given_back.client_id, at=world.at,
            entropy=world.entropy,
        )  # fmt: skip
    assert ended is not None
    assert ended.consents == (() if other_lives else (consent,))


@pytest.mark.parametrize("ends", ["withdrawn", "expired", "given back"])
def test_a_code_in_flight_ends_with_its_consent(agency: PartnerWorld, ends: str) -> None:
    """Redeemed afterwards it would found a grant that rests on nothing."""
    world = agency.world
    person = world.link().traveller
    asked, other = opening("name"), opening("over_18", purpose="age-check")
    first, kept = agency.agree(person, asked).record, agency.agree(person, other, days=90).record
    agency.agree(person, opening("name", "birthdate"))  # a next version; the code rests on the first
    code = agency.code(person, [asked, other], [first.consent_id, kept.consent_id])
    stays = agency.code(person, [other], [kept.consent_id])

    if ends == "withdrawn":
        world.withdraw(person, first.consent_id)
    elif ends == "given back":
        grant = agency.grant(person, [asked], [first.consent_id], uuid4())
        with world.begin() as work:
            work.logins.add_grant(grant)  # type: ignore[attr-defined]
            assert end_grant(
                work, keys=world.keys, grant_id=grant.grant_id, client_id=grant.client_id, at=world.at,
                entropy=world.entropy,
            )  # fmt: skip
    else:
        world.at += timedelta(days=31)
        with world.begin() as work:
            assert lapse_consents(work, keys=world.keys, at=world.at, entropy=world.entropy) == 1
    with world.begin() as work:
        assert work.logins.spend_code(code.code_hash, world.at) is None  # type: ignore[attr-defined]
        assert work.logins.spend_code(stays.code_hash, world.at) == (stays, True)  # type: ignore[attr-defined]


def test_a_withdrawal_stops_the_next_release_and_tells_the_partner(agency: PartnerWorld) -> None:
    world = agency.world
    person = world.link().traveller
    consent = agency.agree(person, opening("name")).record.consent_id
    world.withdraw(person, consent)

    denied = agency.release(person, opening("name"))
    assert isinstance(denied, Denied)
    assert denied.reason is Refusal.CONSENT_MISSING
    body = {"consent": str(consent), "purpose": "account-opening", "grants": []}
    assert agency.events() == [("consent.withdrawn", body)]
    assert isinstance(agency.resume(person, consent), Denied)


def test_a_consent_ends_with_its_last_day_and_is_swept(agency: PartnerWorld) -> None:
    world = agency.world
    person = world.link().traveller
    agency.agree(person, opening("name"), days=30)
    world.at += timedelta(days=30) - timedelta(microseconds=1)
    assert isinstance(agency.release(person, opening("name")), ReleasedClaims)
    world.at += timedelta(microseconds=1)
    assert isinstance(agency.release(person, opening("name")), Denied)
    assert agency.outstanding(person, opening("name")) == (opening("name"),)

    with world.begin() as work:
        assert lapse_consents(work, keys=world.keys, at=world.at, entropy=world.entropy) == 1
    assert [name for name, _ in agency.events()] == ["consent.expired"]
    assert agency.agree(person, opening("name")).record.version == 1
