"""What a person sees of partners in the wallet, and what they can do about it."""

import pytest
from starlette.testclient import TestClient

from broker.core.denial import Denied
from broker.core.identity_release import ReleasedClaims
from broker.core.partner import PartnerStatus
from broker.core.zone import LANGUAGES
from broker.web.messages import catalogue
from tests.support.broker_world import ZONE
from tests.support.partner_world import BANK, NAMES, PartnerWorld, opening
from tests.support.web_world import WebWorld, problem


@pytest.fixture
def agency(web: WebWorld) -> PartnerWorld:
    return PartnerWorld(web.world)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_partners_consent_is_listed_in_words(
    web: WebWorld, http: TestClient, agency: PartnerWorld, language: str
) -> None:
    person = web.world.link().traveller
    agency.agree(person, opening("name", "over_18"))
    (listed,) = web.wallet(http, person).get(f"/consents?lang={language}").json()["consents"]

    partner, texts = web.world.rulebook.partner, catalogue(language)
    assert (listed["kind"], listed["recipient"], listed["zone"]) == ("partner", NAMES[language], None)
    assert listed["title"] == partner.purpose("account-opening").texts["title"][language]
    assert listed["categories"] == [partner.words.words(claim, language) for claim in ("name", "over_18")]
    assert listed["retention"] == texts["duration"]["days"].format(number=30)
    assert texts["duration"]["day"] in listed["frequency"]


def test_versions_are_one_consent_with_all_their_receipts(
    web: WebWorld, http: TestClient, agency: PartnerWorld
) -> None:
    person = web.world.link().traveller
    first = agency.agree(person, opening("name"))
    second = agency.agree(person, opening("birthdate"))
    (listed,) = web.wallet(http, person).get("/consents").json()["consents"]
    assert (listed["version"], listed["consent_id"]) == (2, str(second.record.consent_id))
    assert (listed["receipt"], listed["earlier_receipts"]) == (second.receipt, [first.receipt])


def test_pause_resume_and_withdraw(web: WebWorld, http: TestClient, agency: PartnerWorld) -> None:
    person = web.world.link().traveller
    consent = agency.agree(person, opening("name")).record.consent_id
    wallet = web.wallet(http, person)

    paused = wallet.post(f"/consents/{consent}/pause")
    assert (paused.status_code, paused.json()["status"]) == (200, "paused")
    assert wallet.get("/consents").json()["consents"][0]["status"] == "paused"
    assert isinstance(agency.release(person, opening("name")), Denied)
    resumed = wallet.post(f"/consents/{consent}/resume")
    assert (resumed.status_code, resumed.json()["status"]) == (200, "active")
    assert isinstance(agency.release(person, opening("name")), ReleasedClaims)
    assert wallet.post(f"/consents/{consent}/withdraw").json()["status"] == "withdrawn"
    assert isinstance(agency.release(person, opening("name")), Denied)
    for action in ("pause", "resume"):
        assert problem(wallet.post(f"/consents/{consent}/{action}"))["type"] == "/problems/consent-unknown"
    assert [name for name, _ in agency.events()].count("consent.withdrawn") == 1


def test_nobody_pauses_for_another(web: WebWorld, http: TestClient, agency: PartnerWorld) -> None:
    person, other = web.world.link().traveller, web.world.link("person-2").traveller
    consent = agency.agree(person, opening("name")).record.consent_id
    wallet = web.wallet(http, other)
    for action in ("pause", "resume", "withdraw"):
        assert problem(wallet.post(f"/consents/{consent}/{action}"))["type"] == "/problems/consent-unknown"
    assert isinstance(agency.release(person, opening("name")), ReleasedClaims)


def test_pausing_a_lane_revokes_its_passes(web: WebWorld, http: TestClient) -> None:
    person = web.world.ready()
    web.world.one_pass(person)
    wallet = web.wallet(http, person)
    lane = next(one for one in wallet.get("/consents").json()["consents"] if one["zone"] == ZONE)
    assert wallet.post(f"/consents/{lane['consent_id']}/pause").json()["revoked_passes"] == 1
    assert isinstance(web.world.mint(person), Denied)
    wallet.post(f"/consents/{lane['consent_id']}/resume")
    assert not isinstance(web.world.mint(person), Denied)


def test_every_release_is_among_the_uses_and_a_suspended_partner_keeps_its_name(
    web: WebWorld, http: TestClient, agency: PartnerWorld
) -> None:
    person = web.world.link().traveller
    agency.agree(person, opening("name"))
    agency.release(person, opening("name"))
    with web.world.begin() as work:
        work.partners.set_status(BANK, PartnerStatus.SUSPENDED, web.now())
    use = web.wallet(http, person).get("/uses?lang=pt").json()["uses"][0]
    assert (use["kind"], use["purpose"], use["recipient"]) == (
        "partner:claims:released", "account-opening", NAMES["pt"],
    )  # fmt: skip
