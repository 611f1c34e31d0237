"""Every error code of the dialect: the mock produces it from what is so, and the connector makes one outcome of it."""

import json
import os
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from broker.wire.identity_connector import ConnectorError, ProviderFault
from connectors.ctid import app, package, retain
from connectors.ctid.codes import APP, PLATFORM, code_in, meaning
from connectors.ctid.modes import AuthMode, DownloadMode
from connectors.mock_idps.ctid.refusals import Code
from connectors.mock_idps.ctid.register import Status
from connectors.mock_idps.faults import Fault
from tests.support.ctid_world import WANG, CtidWorld, portrait
from tests.support.html_forms import form_with, submit

TWO = {"xM": "王示例", "gMSFZHM": "990001198504123015"}
Cause = Callable[[CtidWorld], object]


def _expired(world: CtidWorld) -> object:
    world.clock.forward(days=160)  # enrolled 30 days before
    return world.login()


def _card_expired(world: CtidWorld) -> object:
    people = world.world.register.people
    person = people[WANG]
    people[WANG] = replace(person, record={**person.record, "yXQJZRQ": "20261120"})  # type: ignore[index]
    return world.login()


def _downloaded_elsewhere(world: CtidWorld) -> object:
    begun = world.begin()
    answer = world.answer(begun)
    world.world.register.issue(WANG, "135791")
    return world.finish(begun, answer)


def _status(status: Status) -> Cause:
    def cause(world: CtidWorld) -> object:
        world.world.register.change(WANG, status=status)
        return world.login()

    return cause


def _no_photo(world: CtidWorld) -> object:
    people = world.world.register.people
    people[WANG] = replace(people[WANG], portrait=None)  # type: ignore[index]
    return world.login()


def _never_enrolled(world: CtidWorld) -> object:
    world.world.register.forget(WANG)
    return world.login()


def _wrong_password(world: CtidWorld) -> object:
    world.rebuild(mode="R04")
    return world.login(password="000000")


def _quota(world: CtidWorld) -> object:
    world.world.quota = 1
    world.login()
    return world.login()


def _other_name(world: CtidWorld) -> object:
    service = world.connector.service
    retained = retain.write(identity=TWO | {"xM": "李样本"})
    return service.authenticate(service.apply(AuthMode.NAME_NUMBER, at=world.at), at=world.at, retained=retained)


def _qr(world: CtidWorld, *, content: str | None = None, later: float = 0, times: int = 1) -> object:
    service = world.connector.service
    credential = downloaded(world)
    shown = service.qr_apply(_serial(world), credential, picture=False, at=world.at)
    world.clock.forward(seconds=later)
    for _ in range(times):
        answer = service.qr_verify(_serial(world), content or shown.content, at=world.at)
    return answer


def _serial(world: CtidWorld) -> str:
    return world.connector.service.apply(AuthMode.CREDENTIAL_FACE, at=world.at).serial


def downloaded(world: CtidWorld) -> str:
    """A credential, downloaded with name, number and face."""
    service = world.connector.service
    applied = service.apply(DownloadMode.NAME_NUMBER_FACE, at=world.at)
    retained = retain.write(identity=TWO)
    return service.download(applied, at=world.at, retained=retained, code="135791", photo=portrait(WANG)).info


def _stranger(world: CtidWorld) -> object:
    (world.keys / "client-sign.key").write_bytes((world.keys / "client-encrypt.key").read_bytes())
    (world.keys / "client-sign.pem").write_bytes((world.keys / "client-encrypt.pem").read_bytes())
    world.rebuild()
    return world.login()


def _clock(world: CtidWorld) -> object:
    world.lag = timedelta(minutes=6)
    return world.login()


def _serial_twice(world: CtidWorld) -> object:
    service = world.connector.service
    applied = service.apply(AuthMode.NAME_NUMBER, at=world.at)
    retained = retain.write(identity=TWO)
    service.authenticate(applied, at=world.at, retained=retained)
    return service.authenticate(applied, at=world.at, retained=retained)


def _other_customer(world: CtidWorld) -> object:
    world.rebuild(customer_number="somebody")
    return world.login()


def _no_envelope(world: CtidWorld) -> object:
    service = world.connector.service
    return service.authenticate(service.apply(AuthMode.NAME_NUMBER, at=world.at), at=world.at)


def _of_another_login(world: CtidWorld) -> object:
    mine, theirs = world.begin(), world.begin()
    world.answer(mine)
    return world.finish(mine, world.answer(theirs))


CAUSES: dict[str, Cause] = {
    "0x00A19001": _expired,
    "0x00A19002": _card_expired,
    "0x00A19003": _status(Status.CANCELLED),
    "0x00A19004": _status(Status.FROZEN),
    "0x00A19006": _downloaded_elsewhere,
    "0x00A19102": lambda world: world.login(face="other"),
    "0x00A19103": _no_photo,
    "0x00A19105": lambda world: world.login(face="poor"),
    "0x00A19201": _wrong_password,
    "0x00A19202": _never_enrolled,
    "0x00A19300": lambda world: _qr(world, content="CTID:nobody's"),
    "0x00A19301": lambda world: _qr(world, later=61),
    "0x00A19302": lambda world: _qr(world, times=2),
    "0x00A19401": _other_name,
    "0x00A19404": _quota,
    "0x00A1FF01": _stranger,
    "0x00A1FF02": _clock,
    "0x00A1FF03": _serial_twice,
    "0x00A1FF04": _other_customer,
    "0x00A1FF05": _no_envelope,
    "0x00A1FF06": _of_another_login,
}

# The dialect page's own list: none may be missing from the table, and none may be there without a cause above.
PAGE = [9001, 9002, 9003, 9004, 9006, 9102, 9103, 9105, 9201, 9202, 9300, 9301, 9302, 9401, 9404]


def test_the_tables_are_whole() -> None:
    assert {f"0x00A1{code}" for code in PAGE} <= set(PLATFORM)
    assert set(CAUSES) == set(PLATFORM) == {code.value for code in Code}
    assert set(APP) == {"C0412002", "C0412003", "C0405001"}


@pytest.mark.parametrize("code", sorted(CAUSES))
def test_every_code_is_produced_and_has_its_outcome(ctid: CtidWorld, code: str) -> None:
    with pytest.raises(ConnectorError) as refused:
        CAUSES[code](ctid)
    assert (refused.value.code, refused.value.fault) == (code, PLATFORM[code].fault)


EXPECTED = {
    "0x00A19001": ProviderFault.EXPIRED_CREDENTIAL,
    "0x00A19002": ProviderFault.EXPIRED_CREDENTIAL,
    "0x00A19003": ProviderFault.FROZEN,
    "0x00A19004": ProviderFault.FROZEN,
    "0x00A19006": ProviderFault.EXPIRED_CREDENTIAL,
    "0x00A19102": ProviderFault.NOT_SAME_PERSON,
    "0x00A19103": ProviderFault.NOT_ENROLLED,
    "0x00A19105": ProviderFault.POOR_PHOTO,
    "0x00A19201": ProviderFault.REFUSED,
    "0x00A19202": ProviderFault.NOT_ENROLLED,
    "0x00A19300": ProviderFault.REFUSED,
    "0x00A19301": ProviderFault.TIMED_OUT,
    "0x00A19302": ProviderFault.REFUSED,
    "0x00A19401": ProviderFault.REFUSED,
    "0x00A19404": ProviderFault.QUOTA,
    "C0412002": ProviderFault.NOT_ENROLLED,
    "C0412003": ProviderFault.CANCELLED,
    "C0405001": ProviderFault.MISCONFIGURED,
}


@pytest.mark.parametrize("code", sorted(EXPECTED))
def test_the_outcome_is_the_one_of_the_specification(code: str) -> None:
    """specs/ctid.md 7, written down a second time."""
    assert meaning(code).fault is EXPECTED[code]


def _callback(response: httpx.Response) -> dict[str, str]:
    assert response.status_code == 303
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


@pytest.mark.parametrize("code", sorted(APP))
def test_every_code_of_the_app_is_produced(ctid: CtidWorld, code: str) -> None:
    begun = ctid.begin()
    browser = httpx.Client(transport=ctid.spoiler)
    if code == "C0405001":
        answer = _callback(browser.get(begun.url.replace("type=0", "type=7")))
    else:
        press = ("decision", "missing" if code == "C0412002" else "cancel")
        page = browser.get(begun.url)
        answer = _callback(submit(browser, page, form_with(page, *press), press=press))
    assert answer["resultCode"] == code
    with pytest.raises(ConnectorError) as refused:
        ctid.finish(begun, answer)
    assert (refused.value.fault, refused.value.code) == (APP[code].fault, code)


def test_cancelling_at_the_consent_is_the_same(ctid: CtidWorld) -> None:
    begun = ctid.begin()
    with pytest.raises(ConnectorError) as refused:
        ctid.finish(begun, ctid.answer(begun, cancel=True))
    assert refused.value.code == "C0412003"


def test_a_business_number_is_used_once(ctid: CtidWorld) -> None:
    """Loading the page again is no use of it."""
    begun, browser = ctid.begin(), httpx.Client(transport=ctid.spoiler)
    late = browser.get(begun.url)
    assert ctid.answer(begun)["resultCode"] == "C0000000"
    assert _callback(browser.get(begun.url))["resultCode"] == "C0405001"
    press = ("person", WANG)
    page = submit(browser, late, form_with(late, *press), press=press)
    press = ("decision", "allow")
    assert _callback(submit(browser, page, form_with(page, *press), press=press))["resultCode"] == "C0405001"


@pytest.mark.parametrize(
    ("asked", "shown"), [("zh-Hans", "zh-Hans"), ("zh-Hant", "zh-Hant"), ("en", "en"), ("pt", "en")]
)
def test_the_app_speaks_the_persons_language(ctid: CtidWorld, asked: str, shown: str) -> None:
    ctid.rebuild(mode="R04")
    browser = httpx.Client(transport=ctid.spoiler)
    page = browser.get(ctid.begin(asked).url)
    press = ("person", WANG)
    for found in (page, submit(browser, page, form_with(page, *press), press=press)):
        assert f'<html lang="{shown}">' in found.text
        assert "<script" not in found.text
        assert "default-src 'none'" in found.headers["content-security-policy"]
    assert form_with(found, "decision", "allow").ticked == []


def test_a_page_of_another_browser_goes_nowhere(ctid: CtidWorld) -> None:
    browser, other = (httpx.Client(transport=ctid.spoiler) for _ in range(2))
    page = browser.get(ctid.begin().url)
    press = ("person", WANG)
    assert submit(other, page, form_with(page, *press), press=press).status_code == 400


def test_codes_nobody_named_are_refusals() -> None:
    assert meaning("0x00A1BEEF").fault is ProviderFault.REFUSED
    assert meaning(None).fault is ProviderFault.REFUSED
    assert [code_in(value) for value in ("0x00A19001 x", "x 0x00A19001", None, 5)] == ["0x00A19001", None, None, None]


def test_frozen_by_the_switch(ctid: CtidWorld) -> None:
    ctid.fault(Fault.FROZEN, times=1)
    with pytest.raises(ConnectorError) as refused:
        ctid.login()
    assert refused.value.code == "0x00A19004"
    assert ctid.login().subject


@pytest.mark.parametrize("name", ["idCardAuthData", "certPwdData", "verifyData"])
def test_the_apps_envelopes_are_not_interchangeable(ctid: CtidWorld, name: str) -> None:
    """One envelope in the place of another: each says which it is."""
    ctid.rebuild(mode="R04")
    begun = ctid.begin()
    answer = ctid.answer(begun)
    data = json.loads(answer["resultData"])
    other = {"idCardAuthData": "verifyData", "certPwdData": "idCardAuthData", "verifyData": "certPwdData"}[name]
    answer["resultData"] = json.dumps(data | {name: data[other]})
    with pytest.raises(ConnectorError) as refused:
        ctid.finish(begun, answer)
    assert refused.value.code == "0x00A1FF06"


def test_an_application_of_the_wrong_mode_is_refused(ctid: CtidWorld) -> None:
    service = ctid.connector.service
    applied = replace(service.apply(AuthMode.NAME_NUMBER, at=ctid.at), mode=AuthMode.NAME_NUMBER_FACE.value)
    with pytest.raises(ConnectorError) as refused:
        service.authenticate(applied, at=ctid.at, retained=retain.write(identity=TWO), photo=portrait(WANG))
    assert refused.value.code == "0x00A1FF03"


def test_an_unsigned_request_learns_nothing(ctid: CtidWorld) -> None:
    body = package.write({"customerNumber": "tongguan"}, lambda raw: os.urandom(64))
    answer = httpx.Client(transport=ctid.spoiler).post("http://ctid.test/ctid/api/v1/request", content=body)
    assert package.read(answer.content).fields["errorDesc"].startswith("0x00A1FF01")


def test_app_data_is_bounded() -> None:
    big = json.dumps({"idCardAuthData": b64encode(b"x" * 20_000).decode(), "verifyData": "AAAA"})
    with pytest.raises(package.PackageError):
        app.read_result({"resultData": big}, biz_seq="0" * 32, mode=AuthMode.APP_FACE)
