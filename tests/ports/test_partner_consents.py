"""Consents to partners and what leaves under them: the same over the fakes and over PostgreSQL."""

import json
from base64 import urlsafe_b64decode
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from broker.core.client import ClientStatus
from broker.core.consent import ConsentStatus
from broker.core.denial import Denied, InvalidInput, Refusal
from broker.core.identity_release import Frequency, IdentityRelease, ReleasedClaims
from broker.core.partner import PartnerStatus
from broker.core.zone import LANGUAGES
from broker.flows.answer_release import Answer, answer_release, unanswered
from broker.flows.cover_release import Cover, outstanding, settle
from broker.flows.erase import erase
from broker.flows.lapse_consents import lapse_consents
from broker.wire.registry import KeyUse
from tests.support.broker_world import World, decided
from tests.support.partner_world import BANK, DAILY, SHOP, PartnerWorld, client_of, opening

HANDLE = b"h" * 32
SCHEMA = Path(__file__).parents[2] / "specs" / "consent-receipt.schema.json"


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
    assert _outstanding(agency, person, once) == (once,)
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
    assert _outstanding(agency, person, opening("name")) == (opening("name"),)

    with world.begin() as work:
        assert lapse_consents(work, keys=world.keys, at=world.at, entropy=world.entropy) == 1
    assert [name for name, _ in agency.events()] == ["consent.expired"]
    assert agency.agree(person, opening("name")).record.version == 1


def _outstanding(agency: PartnerWorld, person: UUID, *releases: IdentityRelease) -> tuple[IdentityRelease, ...]:
    with agency.world.begin() as work:
        return outstanding(
            work, traveller=person, client=client_of(agency.world), releases=releases, at=agency.world.at
        )


def _settle(agency: PartnerWorld, person: UUID, *releases: IdentityRelease, anew: bool = False) -> Cover:
    with agency.world.begin() as work:
        return settle(
            work, handle_hash=HANDLE, traveller=person, client=client_of(agency.world), releases=releases,
            at=agency.world.at, anew=anew,
        )  # fmt: skip


def _answer(agency: PartnerWorld, person: UUID, release: IdentityRelease, answer: Answer) -> UUID | None:
    world = agency.world
    with world.begin() as work:
        return answer_release(
            work, keys=world.keys, rulebook=world.rulebook, receipt_signer=world.signers[KeyUse.RECEIPT],
            issuer="https://broker.example", handle_hash=HANDLE, traveller=person,
            recipient=agency.recipient(work, release.recipient), release=release, answer=answer, at=world.at,
            entropy=world.entropy,
        )  # fmt: skip


def test_nobody_is_asked_the_same_twice(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    asked = opening("name", optional=["birthdate", "family_name"])
    assert _outstanding(agency, person, asked) == (asked,)
    agency.agree(person, asked, "birthdate")

    assert not _outstanding(agency, person, asked)
    assert not _outstanding(agency, person, opening("name"), opening("birthdate"))
    # The optional claim that was left out is not asked for again, unless the client cannot do without it any more.
    assert _outstanding(agency, person, opening("name", "family_name")) == (opening("name", "family_name"),)
    assert _outstanding(agency, person, opening("name", retention=timedelta(days=60)))
    assert _outstanding(agency, person, opening("name", frequency=Frequency(4, timedelta(days=1))))
    assert not _outstanding(agency, person, opening("name", frequency=Frequency(3, timedelta(days=2))))
    assert not _outstanding(agency, person, opening("name", frequency=None))


def test_used_up_for_now_is_not_asked_again_but_waits(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    agency.agree(person, opening("name"))
    for _ in range(DAILY.times):
        agency.release(person, opening("name"))
    assert not _outstanding(agency, person, opening("name"))
    denied = agency.release(person, opening("name"))
    assert isinstance(denied, Denied)
    assert denied.reason is Refusal.OVER_FREQUENCY


def test_a_wider_consent_is_the_next_version_and_covers_what_stood(agency: PartnerWorld) -> None:
    world = agency.world
    person = world.link().traveller
    narrow, wide = opening("name"), opening("birthdate", retention=timedelta(days=10))
    first = agency.agree(person, narrow)
    second = agency.agree(person, wide)

    assert second.record.categories == {"name", "birthdate"}
    assert second.record.retention == timedelta(days=30)
    assert (second.record.version, second.record.series_id) == (2, first.record.consent_id)
    with world.begin() as work:
        states = {record.version: record.status for record, _ in work.consents.of(person)}
    assert states == {1: ConsentStatus.SUPERSEDED, 2: ConsentStatus.ACTIVE}
    assert isinstance(agency.release(person, narrow), ReleasedClaims)
    assert isinstance(agency.release(person, wide), ReleasedClaims)
    # Withdrawing the version that an old list still shows withdraws the consent.
    world.withdraw(person, first.record.consent_id)
    assert isinstance(agency.release(person, narrow), Denied)


def test_answers_settle_a_waiting_request_once(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    one, two = opening("name"), opening("over_18", purpose="age-check")
    assert _settle(agency, person, one, two).outstanding == (one, two)

    consent = _answer(agency, person, one, Answer(frozenset(), 30, "en"))
    assert _answer(agency, person, one, Answer(None)) == consent
    assert _settle(agency, person, one, two).outstanding == (two,)
    assert _answer(agency, person, two, Answer(None)) is None
    assert _answer(agency, person, two, Answer(frozenset(), 30, "en")) is None

    assert consent is not None
    assert _settle(agency, person, one, two) == Cover((one,), (consent,), (), (two,))
    with agency.world.begin() as work:
        assert not unanswered(work, handle_hash=HANDLE, traveller=person, releases=[one, two])
    # Another person at the same address has answered nothing.
    other = agency.world.link("person-2").traveller
    assert _settle(agency, other, one, two).outstanding == (one, two)


def test_a_no_to_optional_claims_leaves_what_stood_and_is_remembered(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    consent = agency.agree(person, opening("name")).record.consent_id
    more = opening("name", optional=["birthdate"])
    assert _settle(agency, person, more).outstanding == (more,)

    _answer(agency, person, more, Answer(None))
    assert _settle(agency, person, more) == Cover((opening("name"),), (consent,))
    assert not _outstanding(agency, person, more)


def test_asked_anew_a_no_is_a_no(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    asked = opening("name")
    agency.agree(person, asked)
    assert _settle(agency, person, asked, anew=True).outstanding == (asked,)
    _answer(agency, person, asked, Answer(None))
    assert _settle(agency, person, asked, anew=True) == Cover(refused=(asked,))


def test_what_is_withdrawn_before_the_request_goes_on_counts_as_refused(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    asked = opening("name")
    consent = _answer(agency, person, asked, Answer(frozenset(), 30, "en"))
    assert consent is not None
    agency.world.withdraw(person, consent)
    assert _settle(agency, person, asked) == Cover(refused=(asked,))


def test_grants_rest_on_narrowed_releases(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    asked = opening("name", optional=["birthdate", "document_number"])
    _answer(agency, person, asked, Answer(frozenset({"birthdate"}), 30, "en"))
    (narrow,) = _settle(agency, person, asked).releases
    assert (narrow.claims, narrow.optional) == ({"name", "birthdate"}, {"birthdate"})
    assert isinstance(agency.release(person, narrow), ReleasedClaims)


@pytest.mark.parametrize(
    "beyond",
    [
        opening("over_18", "name", purpose="age-check"),
        opening("name", purpose="everything"),
        opening("name", retention=timedelta(days=366 * 6)),
        opening("name", frequency=Frequency(6, timedelta(days=1))),
    ],
    ids=["claims", "purpose", "retention", "frequency"],
)
def test_nothing_beyond_a_purpose_can_be_agreed_to(agency: PartnerWorld, beyond: IdentityRelease) -> None:
    person = agency.world.link().traveller
    with pytest.raises(InvalidInput):
        agency.agree(person, beyond)


def test_only_what_was_offered_can_be_chosen(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    for release, chosen, days in (
        (opening("name", optional=["birthdate"]), ("document_number",), 30),
        (opening(optional=["birthdate"]), (), 30),
        (opening("name"), (), 365),
    ):
        with pytest.raises(InvalidInput):
            agency.agree(person, release, *chosen, days=days)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_record_names_the_notice_in_the_language_that_was_read(agency: PartnerWorld, language: str) -> None:
    person = agency.world.link().traveller
    given = agency.agree(person, opening("name"), language=language)
    assert given.record.notice.language == language
    assert given.record.jurisdiction == "HK"
    payload = given.receipt.split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(claims)
    assert claims["record"]["pii_processing"]["language"] == language


def test_erasure_takes_consents_uses_and_answers_along(agency: PartnerWorld) -> None:
    world = agency.world
    person = world.link().traveller
    _answer(agency, person, opening("name"), Answer(frozenset(), 30, "en"))
    agency.release(person, opening("name"))
    with world.begin() as work:
        erase(work, status_signer=world.signers[KeyUse.STATUS], traveller=person, at=world.at, entropy=world.entropy)
    with world.begin() as work:
        assert not work.consents.of(person)
        assert not work.answers.of(HANDLE, person)


def test_old_answers_and_uses_are_forgotten(agency: PartnerWorld) -> None:
    world = agency.world
    person = world.link().traveller
    consent = _answer(agency, person, opening("name"), Answer(frozenset(), 30, "en"))
    assert consent is not None
    agency.release(person, opening("name"))
    with world.begin() as work:
        assert work.answers.drop_before(world.at) == 0
        assert work.answers.drop_before(world.at + timedelta(hours=1)) == 1
        assert not work.answers.of(HANDLE, person)
        assert work.consents.used(consent) == 1
