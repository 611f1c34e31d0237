"""The mock is as strict as a real one: signatures, window, nonces, certificates, pages in their languages."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.documents import hkid_number
from connectors.iamsmart.content_key import KeyWrap, unwrap
from connectors.iamsmart.request_signature import signed_headers
from connectors.iamsmart.settings import read_private_key
from connectors.mock_idps.people import load_people
from tests.support.html_forms import form_with, forms_of, submit
from tests.support.iamsmart_world import (
    CLIENT,
    ISSUER,
    SECRET,
    SERVICE_KEY,
    IamSmartWorld,
    iamsmart_keys,
    iamsmart_world,
)

GET_KEY = f"{ISSUER}/api/v1/security/getKey"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[IamSmartWorld]:
    with iamsmart_world(tmp_path) as made:
        yield made


def ask(
    world: IamSmartWorld, url: str = GET_KEY, body: bytes = b"{}", *, later: float = 0, **change: str
) -> dict[str, Any]:
    timestamp = change.pop("timestamp", str(int((world.clock.seconds() + later) * 1000)))
    nonce = change.pop("nonce", os.urandom(16).hex())
    headers = signed_headers(SECRET, client_id=CLIENT, timestamp=timestamp, nonce=nonce, body=body)
    answer = world.browser().post(url, content=body, headers=headers | change)
    assert answer.status_code == 200
    members: dict[str, Any] = answer.json()
    assert set(members) == {"txID", "code", "message", "content"}
    return members


def test_the_key_that_is_issued(world: IamSmartWorld) -> None:
    first, second = ask(world), ask(world)
    assert first["code"] == "D00000"
    assert set(first["content"]) == {"secretKey", "pubKey", "issueAt", "expiresIn"}
    assert first["content"]["expiresIn"] == 86_400_000
    assert first["content"]["issueAt"] == int(world.clock.seconds() * 1000)
    private_key = read_private_key(iamsmart_keys() / SERVICE_KEY)
    keys = [unwrap(each["content"]["secretKey"], private_key, KeyWrap.PKCS1V15) for each in (first, second)]
    assert keys[0] == keys[1]
    assert ask(world, f"{ISSUER}/api/v1/security/revokeKey")["code"] == "D00000"
    assert unwrap(ask(world)["content"]["secretKey"], private_key, KeyWrap.PKCS1V15) != keys[0]


def test_what_is_not_signed_is_not_answered(world: IamSmartWorld) -> None:
    assert ask(world, signature="AAAA")["code"] == "S10001"
    assert ask(world, signatureMethod="HmacMD5")["code"] == "S10001"
    assert ask(world, clientID="nobody")["code"] == "S10004"
    headers = signed_headers(
        SECRET, client_id=CLIENT, timestamp=str(int(world.clock.seconds() * 1000)), nonce="0" * 32, body=b"{}"
    )
    changed = world.browser().post(GET_KEY, content=b'{"a":1}', headers=headers)
    assert changed.json()["code"] == "S10001"


@pytest.mark.parametrize(("later", "code"), [(300, "D00000"), (-300, "D00000"), (301, "S10002"), (-301, "S10002")])
def test_the_window_of_time(world: IamSmartWorld, later: float, code: str) -> None:
    assert ask(world, later=later)["code"] == code


def test_a_nonce_is_used_once_as_long_as_its_time_would_pass(world: IamSmartWorld) -> None:
    nonce = "6f2b6a56-0b3b-4b7e-9a55-111111111111"
    assert ask(world, nonce=nonce, later=300)["code"] == "D00000"
    assert ask(world, nonce=nonce)["code"] == "S10003"
    world.clock.forward(seconds=599)
    assert ask(world, nonce=nonce)["code"] == "S10003"
    assert ask(world, nonce="not a nonce")["code"] == "S10005"
    assert ask(world, timestamp="1")["code"] == "S10005"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"content": 7}', b'{"content": "AAAA"}', b"\xff", b"[" * 9000])
def test_contents_that_are_none(world: IamSmartWorld, body: bytes) -> None:
    ask(world)
    assert ask(world, f"{ISSUER}/api/v1/profiles", body)["code"] in {"M30003", "S10005"}


def test_numbers_pass_their_check_digit_and_are_clearly_invented(tmp_path: Path) -> None:
    for person in load_people("iamsmart", portraits=tmp_path).values():
        number = person.record["idNo"]
        assert hkid_number(number["Identification"], number["CheckDigit"])
        assert number["Identification"].startswith("QX")


@pytest.mark.parametrize(
    ("language", "lang", "words"),
    [
        ("zh-Hant", "zh-Hant", ("以「智方便」掃描二維碼", "登入「通關」", "拒絕")),
        ("zh-Hans", "zh-Hans", ("以“智方便”扫描二维码", "登录“通关”", "拒绝")),
        ("en", "en", ("Scan the QR code with iAM Smart", "Log in to “Tongguan”", "Reject")),
        ("pt", "en", ("Scan the QR code with iAM Smart", "Log in to “Tongguan”", "Reject")),
    ],
)
def test_pages_speak_the_persons_language(
    world: IamSmartWorld, language: str, lang: str, words: tuple[str, str, str]
) -> None:
    browser = world.browser()
    page = browser.get(world.connector.begin(world.start(language=language)).url)
    assert f'<html lang="{lang}">' in page.text
    assert words[0] in page.text
    assert "hk.gov.iamsmart://auth?ticketID=" in page.text
    form = form_with(page, "person", "iamsmart-wong")
    shown = submit(browser, page, form, press=("person", "iamsmart-wong"))
    assert words[1] in shown.text
    assert words[2] in shown.text
    assert "<script" not in page.text + shown.text


def test_the_consent_lists_the_scopes_and_ticks_none(world: IamSmartWorld) -> None:
    browser = world.browser()
    page = browser.get(world.connector.begin(world.start()).url)
    shown = submit(browser, page, form_with(page, "person", "iamsmart-wong"), press=("person", "iamsmart-wong"))
    (form,) = forms_of(shown)
    boxes = ["eidapi_profiles", "eidapi_formFilling", "eidapi_sign", "eidapi_fr"]
    assert form.checkboxes == [("scope", name) for name in boxes]
    assert form.ticked == []
    assert [value for _, value in form.buttons] == ["allow", "reject", "cancel"]


def test_an_answer_must_come_from_the_browser_that_was_asked(world: IamSmartWorld) -> None:
    page = world.browser().get(world.connector.begin(world.start()).url)
    form = forms_of(page)[0]
    foreign = world.browser().post(f"{ISSUER}/app/person", data={**dict(form.fields), "person": "iamsmart-chan"})
    assert foreign.status_code == 400


def test_a_page_that_nobody_answers_leads_back_by_itself(world: IamSmartWorld) -> None:
    browser = world.browser()
    page = browser.get(world.connector.begin(world.start()).url)
    target = page.text.split("url=")[1].split('"')[0]
    assert browser.get(f"{ISSUER}{target}").status_code == 400  # not yet
    world.clock.forward(seconds=240)
    back = browser.get(f"{ISSUER}{target}")
    assert back.status_code == 303
    assert back.headers["location"].endswith("error_code=D40003&state=the-state")


def test_the_fault_switch_is_served(world: IamSmartWorld) -> None:
    answer = httpx.Client(transport=world.hosts).get(f"{ISSUER}/_mock/faults")
    assert json.loads(answer.text)["fault"] == "none"
