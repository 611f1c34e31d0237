"""The pages that ask about a partner's releases: one question each, nothing decided for anybody, safe to go back to."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest
from starlette.testclient import TestClient

from broker.core.authorization import AuthorizationRequest, PendingRequest, digest
from broker.core.client import Client
from broker.core.consent import ConsentRecord
from broker.core.identity_release import IdentityRelease
from broker.core.zone import LANGUAGES
from broker.flows.cover_release import Cover, settle
from broker.oidc.client import Clients
from broker.web.messages import catalogue
from tests.support.html_forms import Form, forms_of, submit
from tests.support.partner_world import BANK, NAMES, PartnerWorld, client_of, opening
from tests.support.web_world import ISSUER, WebWorld

HANDLE = "a-handle-that-nobody-guesses"
PATH = f"/consent/authorize/{HANDLE}"
AGREE, REFUSE = ("decision", "agree"), ("decision", "refuse")


@dataclass
class Pages:
    """A browser in which `person` is logged in, and a waiting request of the bank's."""

    web: WebWorld
    http: TestClient
    agency: PartnerWorld
    person: UUID
    client: Client
    asked: tuple[IdentityRelease, ...] = field(default_factory=tuple)

    def wait_for(self, *releases: IdentityRelease, prompt: str = "", locales: tuple[str, ...] = ()) -> None:
        at = self.web.now()
        request = AuthorizationRequest(
            client_id=self.client.client_id,
            redirect_uri=next(iter(self.client.redirect_uris)),
            scopes=frozenset({"openid"}),
            code_challenge="c" * 43,
            state="s",
            nonce=None,
            prompt=frozenset(prompt.split()),
            max_age=None,
            ui_locales=locales,
            dpop_jkt=None,
            releases=releases,
        )
        self.asked = releases
        with self.web.storage.unit() as unit:
            unit.add_pending(PendingRequest(digest(HANDLE), request, at, at + timedelta(minutes=15), asked_at=at))

    def get(self, path: str = PATH) -> httpx.Response:
        return self.http.get(path)

    def send(
        self, page: httpx.Response, press: tuple[str, str], *ticks: str, changed: dict[str, str] | None = None
    ) -> httpx.Response:
        (form,) = forms_of(page)
        altered = [(name, (changed or {}).get(name, value)) for name, value in form.fields]
        boxes = [(name, "yes") for name in ticks]
        return submit(
            self.http, page, Form(form.action, form.method, altered, form.checkboxes), press=press, tick=boxes
        )

    def settled(self, person: UUID | None = None) -> Cover:
        with self.web.world.begin() as work:
            return settle(
                work, handle_hash=digest(HANDLE), traveller=person or self.person, client=self.client,
                releases=self.asked, at=self.web.now(),
            )  # fmt: skip

    def consents(self) -> list[ConsentRecord]:
        with self.web.world.begin() as work:
            return [record for record, _ in work.consents.of(self.person)]


@pytest.fixture
def pages(web: WebWorld) -> Iterator[Pages]:
    agency = PartnerWorld(web.world)
    client = client_of(web.world)
    configured = {**web.server.clients.configured, client.client_id: client}
    web.ports = replace(web.ports, authorization=replace(web.server, clients=Clients(configured)))
    person = web.world.link().traveller
    with web.client() as http:
        http.cookies.update(web.session(person))
        yield Pages(web, http, agency, person, client)


def _is_over(answer: httpx.Response) -> bool:
    return answer.status_code == 303 and answer.headers["location"] == f"{ISSUER}/oauth/continue/{HANDLE}"


def _is_next(answer: httpx.Response) -> bool:
    return answer.status_code == 303 and urlsplit(answer.headers["location"]).path == PATH


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_who_what_why_how_long_how_often_and_where_to(pages: Pages, language: str) -> None:
    asked = opening("name", "document_number", optional=["birthdate"])
    pages.wait_for(asked)
    answer = pages.get(f"{PATH}?lang={language}")

    assert answer.status_code == 200
    texts, rules = catalogue(language), pages.web.world.rulebook.partner
    purpose = rules.purpose("account-opening")
    named = [
        NAMES[language], f"privacy@{BANK}.example", purpose.texts["title"][language],
        purpose.texts["purpose"][language], purpose.texts["effect"][language], purpose.texts["law"][language],
        rules.words.place("HK", language), texts["duration"]["days"].format(number=30),
    ]  # fmt: skip
    named += [rules.words.words(claim, language) for claim in asked.claims]
    named += [rules.shared[part][language] for part in ("method", "refusal", "withdrawal", "rights", "sensitive")]
    named.append(texts["authorization"]["often"].format(times=3, period=texts["duration"]["day"]))
    plain = answer.text.replace("&#39;", "'")
    assert not [text for text in named if text not in plain]
    assert f'<html lang="{language}">' in answer.text
    assert "no-store" in answer.headers["cache-control"]
    assert "script" not in answer.text.replace("description", "")


def test_nothing_is_ticked_and_optional_claims_are_chosen_one_by_one(pages: Pages) -> None:
    pages.wait_for(opening("name", optional=["birthdate", "family_name"]))
    page = pages.get()
    (form,) = forms_of(page)
    assert {name for name, _ in form.checkboxes} == {"claim:birthdate", "claim:family_name", "agree"}
    assert not form.ticked
    assert dict(form.fields)["days"] == "30"

    assert _is_next(pages.send(page, AGREE, "agree", "claim:birthdate"))
    assert _is_over(pages.get())
    (record,) = pages.consents()
    assert record.categories == {"name", "birthdate"}
    assert pages.settled().releases[0].claims == {"name", "birthdate"}


def test_data_that_leave_and_sensitive_data_need_a_tick_of_their_own(web: WebWorld) -> None:
    agency = PartnerWorld(web.world, jurisdiction="CN")
    client = client_of(web.world)
    web.ports = replace(web.ports, authorization=replace(web.server, clients=Clients({client.client_id: client})))
    person = web.world.link().traveller
    with web.client() as http:
        http.cookies.update(web.session(person))
        pages = Pages(web, http, agency, person, client)
        pages.wait_for(opening("document_number"))
        page = pages.get()
        assert catalogue("en")["authorization"]["abroad_title"] in page.text
        assert web.world.rulebook.partner.shared["overseas"]["en"] in page.text
        for ticks in (["agree"], ["agree", "abroad"], ["agree", "sensitive"], ["abroad", "sensitive"]):
            again = pages.send(page, AGREE, *ticks)
            assert again.status_code == 422
            assert 'role="alert"' in again.text
            assert {name for name, _ in forms_of(again)[0].ticked} == set(ticks)
        assert not pages.consents()
        assert _is_next(pages.send(page, AGREE, "agree", "abroad", "sensitive"))
        assert pages.consents()[0].jurisdiction == "CN"


@pytest.mark.parametrize(
    ("contact", "linked"),
    [
        ("privacy@bank.example", True),
        ("+852 2345 6789", False),
        ("1 Harbour Road, Hong Kong", False),
        ("Ms Chan, privacy@bank.example", False),
        ("privacy@bank.example?subject=x", False),
    ],
)
def test_only_an_e_mail_address_is_linked_as_one(web: WebWorld, contact: str, linked: bool) -> None:
    agency = PartnerWorld(web.world, contact=contact)
    client = client_of(web.world)
    web.ports = replace(web.ports, authorization=replace(web.server, clients=Clients({client.client_id: client})))
    person = web.world.link().traveller
    with web.client() as http:
        http.cookies.update(web.session(person))
        pages = Pages(web, http, agency, person, client)
        pages.wait_for(opening("name"))
        page = pages.get()
    assert contact in page.text
    assert ("mailto:" in page.text) is linked


def test_one_page_after_another_and_refusing_one_leaves_the_other(pages: Pages) -> None:
    first, second = opening("name"), opening("over_18", purpose="age-check")
    pages.wait_for(first, second)
    one = pages.get()
    assert catalogue("en")["authorization"]["step"].format(number=1, of=2) in one.text
    assert _is_next(pages.send(one, REFUSE))
    two = pages.get()
    assert catalogue("en")["authorization"]["step"].format(number=2, of=2) in two.text
    assert _is_next(pages.send(two, AGREE, "agree"))
    assert _is_over(pages.get())

    cover = pages.settled()
    assert (cover.releases, cover.refused, cover.outstanding) == ((second,), (first,), ())
    assert [record.purpose for record in pages.consents()] == ["age-check"]


def test_refusing_everything_leaves_nothing(pages: Pages) -> None:
    pages.wait_for(opening("name"))
    assert _is_next(pages.send(pages.get(), REFUSE))
    assert _is_over(pages.get())
    assert pages.settled() == Cover(refused=pages.asked)
    assert not pages.consents()


def test_back_refresh_and_double_submit_change_nothing(pages: Pages) -> None:
    pages.wait_for(opening("name"), opening("over_18", purpose="age-check"))
    one = pages.get()
    assert pages.get().text == one.text
    pages.send(one, AGREE, "agree")
    # The same form again, and with the other answer, from the page that the browser's back button shows.
    assert _is_next(pages.send(one, AGREE, "agree"))
    assert _is_next(pages.send(one, REFUSE))
    assert [record.purpose for record in pages.consents()] == ["account-opening"]
    assert len(pages.settled().releases) == 1


def test_who_already_agreed_is_not_asked(pages: Pages) -> None:
    pages.agency.agree(pages.person, opening("name"))
    pages.wait_for(opening("name"))
    assert _is_over(pages.get())


def test_a_wider_request_asks_only_for_what_is_new(pages: Pages) -> None:
    pages.agency.agree(pages.person, opening("name"))
    pages.wait_for(opening("name", "birthdate"))
    page = pages.get()
    before, _, after = page.text.partition(catalogue("en")["authorization"]["agreed"])
    words = pages.web.world.rulebook.partner.words
    assert words.words("birthdate", "en") in before
    assert words.words("name", "en") not in before
    assert words.words("name", "en") in after
    pages.send(page, AGREE, "agree")
    assert [(record.version, sorted(record.categories)) for record in pages.consents() if record.version == 2] == [
        (2, ["birthdate", "name"])
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_that_changed_meanwhile_is_read_again(pages: Pages, language: str) -> None:
    pages.wait_for(opening("birthdate", optional=["family_name"]))
    page = pages.get(f"{PATH}?lang={language}")
    pages.agency.agree(pages.person, opening("family_name"))

    again = pages.send(page, AGREE, "agree", "claim:family_name")
    assert again.status_code == 422
    assert catalogue(language)["authorization"]["changed"] in again.text
    assert not forms_of(again)[0].ticked
    assert {record.version for record in pages.consents()} == {1}

    assert _is_next(pages.send(again, AGREE, "agree"))
    assert {record.version for record in pages.consents()} == {1, 2}


def test_whoever_refuses_needs_not_read_the_changed_text(pages: Pages) -> None:
    pages.wait_for(opening("birthdate"))
    assert _is_next(pages.send(pages.get(), REFUSE, changed={"notice": "00" * 32}))


def test_asked_anew_everything_is_asked(pages: Pages) -> None:
    pages.agency.agree(pages.person, opening("name"))
    pages.wait_for(opening("name"), prompt="consent")
    assert pages.get().status_code == 200


def test_the_clients_language_is_taken_and_the_persons_choice_wins(pages: Pages) -> None:
    pages.wait_for(opening("name"), locales=("fr", "pt"))
    assert '<html lang="pt">' in pages.get().text
    assert '<html lang="zh-Hans">' in pages.get(f"{PATH}?lang=zh-Hans").text


def test_without_a_session_the_person_logs_in_and_comes_back(pages: Pages) -> None:
    pages.wait_for(opening("name"), locales=("pt",))
    pages.http.cookies.clear()
    answer = pages.get()
    assert answer.status_code == 303
    address = urlsplit(answer.headers["location"])
    assert address.path == "/login"
    assert parse_qs(address.query) == {"return_to": [PATH], "lang": ["pt"]}


def test_another_person_at_the_same_address_is_asked_for_themselves(pages: Pages) -> None:
    pages.wait_for(opening("name"))
    page = pages.get()
    other = pages.web.world.link("person-2").traveller
    pages.http.cookies.clear()
    pages.http.cookies.update(pages.web.session(other))
    # The form of the first person's session is worth nothing in another one.
    assert pages.send(page, AGREE, "agree").status_code == 403
    assert _is_next(pages.send(pages.get(), AGREE, "agree"))
    assert pages.settled().outstanding == pages.asked
    assert len(pages.settled(other).releases) == 1
    assert not pages.consents()


@pytest.mark.parametrize("headers", [{"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_form_from_elsewhere_is_refused(pages: Pages, headers: dict[str, str]) -> None:
    pages.wait_for(opening("name"))
    (form,) = forms_of(pages.get())
    fields = {**dict(form.fields), "agree": "yes", "decision": "agree"}
    assert pages.http.post(PATH, data=fields, headers=headers).status_code == 403
    assert pages.http.post(PATH, data={**fields, "csrf": "x" * 43}).status_code == 403
    assert pages.http.post(PATH, data={name: v for name, v in fields.items() if name != "csrf"}).status_code == 403
    assert not pages.consents()


@pytest.mark.parametrize(
    "changed",
    [{"days": "3650"}, {"days": "no"}, {"purpose": "signing"}, {"claim:document_number": "yes"}],
)
def test_a_form_that_this_page_did_not_send_is_refused(pages: Pages, changed: dict[str, str]) -> None:
    pages.wait_for(opening("name", optional=["birthdate"]))
    (form,) = forms_of(pages.get())
    fields = {**dict(form.fields), "agree": "yes", "decision": "agree"} | changed
    assert pages.http.post(PATH, data=fields).status_code == 422
    assert not pages.consents()


def test_agreeing_to_nothing_is_no_answer(pages: Pages) -> None:
    pages.wait_for(opening(optional=["birthdate"]))
    again = pages.send(pages.get(), AGREE, "agree")
    assert again.status_code == 422
    assert catalogue("en")["authorization"]["nothing_chosen"] in again.text
    assert not pages.consents()


def test_a_request_that_is_over_or_unknown_has_no_page(pages: Pages) -> None:
    assert pages.get().status_code == 404
    pages.wait_for(opening("name"))
    page = pages.get()
    pages.web.pass_time(timedelta(minutes=16))
    assert pages.get().status_code == 404
    assert pages.send(page, AGREE, "agree").status_code == 404
    assert pages.get("/consent/authorize/x").status_code in (404, 422)


def test_a_form_may_lead_to_the_client_and_nowhere_else(pages: Pages) -> None:
    pages.wait_for(opening("name"))
    policy = pages.get().headers["content-security-policy"]
    assert f"form-action 'self' https://{BANK}.example" in policy
    assert "frame-ancestors 'none'" in policy
