"""Asking people for consents to partners, once and in versions: the same over the fakes and over PostgreSQL."""

import json
from base64 import urlsafe_b64decode
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from broker.core.consent import ConsentStatus
from broker.core.denial import Denied, InvalidInput, Refusal
from broker.core.identity_release import Frequency, IdentityRelease, ReleasedClaims
from broker.core.zone import LANGUAGES
from broker.flows.agree_release import Reworded
from broker.flows.answer_release import Answer, answer_release, unanswered
from broker.flows.cover_release import Cover, settle
from broker.flows.erase import erase
from broker.wire.registry import KeyUse
from tests.support.broker_world import World
from tests.support.partner_world import DAILY, PartnerWorld, client_of, opening

HANDLE = b"h" * 32
SCHEMA = Path(__file__).parents[2] / "specs" / "consent-receipt.schema.json"


@pytest.fixture
def agency(world: World) -> PartnerWorld:
    return PartnerWorld(world)


def _settle(agency: PartnerWorld, person: UUID, *releases: IdentityRelease, anew: bool = False) -> Cover:
    with agency.world.begin() as work:
        return settle(
            work, handle_hash=HANDLE, traveller=person, client=client_of(agency.world), releases=releases,
            at=agency.world.at, anew=anew,
        )  # fmt: skip


def _answer(agency: PartnerWorld, person: UUID, release: IdentityRelease, answer: Answer) -> UUID | Reworded | None:
    world = agency.world
    with world.begin() as work:
        return answer_release(
            work, keys=world.keys, rulebook=world.rulebook, receipt_signer=world.signers[KeyUse.RECEIPT],
            issuer="https://broker.example", handle_hash=HANDLE, traveller=person,
            recipient=agency.recipient(work, release.recipient), release=release, answer=answer, at=world.at,
            entropy=world.entropy,
        )  # fmt: skip


def _agree(agency: PartnerWorld, person: UUID, release: IdentityRelease, *chosen: str) -> UUID | None:
    read = agency.read(person, release)
    agreed = _answer(agency, person, release, Answer(frozenset(chosen), 30, "en", read))
    assert not isinstance(agreed, Reworded)
    return agreed


def test_nobody_is_asked_the_same_twice(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    asked = opening("name", optional=["birthdate", "family_name"])
    assert agency.outstanding(person, asked) == (asked,)
    agency.agree(person, asked, "birthdate")

    assert not agency.outstanding(person, asked)
    assert not agency.outstanding(person, opening("name"), opening("birthdate"))
    # The optional claim that was left out is not asked for again, unless the client cannot do without it any more.
    assert agency.outstanding(person, opening("name", "family_name")) == (opening("name", "family_name"),)
    assert agency.outstanding(person, opening("name", retention=timedelta(days=60)))
    assert agency.outstanding(person, opening("name", frequency=Frequency(4, timedelta(days=1))))
    assert not agency.outstanding(person, opening("name", frequency=Frequency(3, timedelta(days=2))))
    assert not agency.outstanding(person, opening("name", frequency=None))


def test_an_agreement_to_another_text_than_the_one_read_is_none(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    asked = opening("birthdate")
    read = agency.read(person, asked)
    # In another tab they agree to more for the same purpose: a consent would now be about that, too.
    agency.agree(person, opening("name"))

    assert _answer(agency, person, asked, Answer(frozenset(), 30, "en", read)) == Reworded()
    with agency.world.begin() as work:
        (standing, _), *others = work.consents.of(person)
        assert unanswered(work, handle_hash=HANDLE, traveller=person, releases=[asked]) == (asked,)
    assert (standing.categories, others) == ({"name"}, [])
    assert _agree(agency, person, asked) is not None


def test_used_up_for_now_is_not_asked_again_but_waits(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    agency.agree(person, opening("name"))
    for _ in range(DAILY.times):
        agency.release(person, opening("name"))
    assert not agency.outstanding(person, opening("name"))
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

    consent = _agree(agency, person, one)
    assert _answer(agency, person, one, Answer(None)) == consent
    assert _settle(agency, person, one, two).outstanding == (two,)
    assert _answer(agency, person, two, Answer(None)) is None
    assert _agree(agency, person, two) is None

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
    assert not agency.outstanding(person, more)


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
    consent = _agree(agency, person, asked)
    assert consent is not None
    agency.world.withdraw(person, consent)
    assert _settle(agency, person, asked) == Cover(refused=(asked,))


def test_grants_rest_on_narrowed_releases(agency: PartnerWorld) -> None:
    person = agency.world.link().traveller
    asked = opening("name", optional=["birthdate", "document_number"])
    _agree(agency, person, asked, "birthdate")
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
    _agree(agency, person, opening("name"))
    agency.release(person, opening("name"))
    with world.begin() as work:
        erase(work, status_signer=world.signers[KeyUse.STATUS], traveller=person, at=world.at, entropy=world.entropy)
    with world.begin() as work:
        assert not work.consents.of(person)
        assert not work.answers.of(HANDLE, person)


def test_old_answers_and_uses_are_forgotten(agency: PartnerWorld) -> None:
    world = agency.world
    person = world.link().traveller
    consent = _agree(agency, person, opening("name"))
    assert consent is not None
    agency.release(person, opening("name"))
    with world.begin() as work:
        assert work.answers.drop_before(world.at) == 0
        assert work.answers.drop_before(world.at + timedelta(hours=1)) == 1
        assert not work.answers.of(HANDLE, person)
        assert work.consents.used(consent) == 1
