"""A counter reads the code on a telephone; the person agrees there; the counter gets a packet, once."""

import re

import httpx
import numpy as np
import pytest
import zxingcpp
from numpy.typing import NDArray

from broker.wire.identity_connector import ConnectorError, ProviderFault
from connectors.macau.counter import Counter, Scanned
from tests.support.html_forms import Form, form_with, forms_of, submit
from tests.support.macau_world import MacauWorld

PURPOSE = "Enrolment at the counter"


def _telephone(macau: MacauWorld, person: str = "macau-sousa") -> httpx.Client:
    browser = macau.browser()
    page = browser.get("http://macau.test/app")
    assert submit(browser, page, form_with(page, "person", person), press=("person", person)).status_code == 303
    return browser


def _code(browser: httpx.Client) -> str:
    page = browser.get("http://macau.test/app/qr")
    assert page.headers["refresh"] == "30"
    return page.text.partition('<code id="qr">')[2].partition("<")[0]


def _scan(macau: MacauWorld, text: str, *fields: str) -> Scanned:
    return Counter(macau.connector).scan(text, fields=fields or ("nome", "morada"), purpose=PURPOSE, at=macau.clock.at)


def _asked(browser: httpx.Client) -> tuple[httpx.Response, Form]:
    page = browser.get("http://macau.test/app/qr")
    return page, form_with(page, "decision", "allow")


def _drawn(page: str) -> NDArray[np.uint8]:
    """The page's SVG, four pixels a module: it consists of dark squares."""
    side = re.search(r'viewBox="0 0 (\d+) \1"', page)
    assert side is not None
    modules = np.full((int(side[1]), int(side[1])), 255, np.uint8)
    for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1Z", page):
        modules[int(y), int(x)] = 0
    return modules.repeat(4, axis=0).repeat(4, axis=1)


def test_a_release_at_a_counter(macau: MacauWorld) -> None:
    telephone, counter = _telephone(macau), Counter(macau.connector)
    scanned = _scan(macau, _code(telephone))
    assert counter.collect(scanned, at=macau.clock.at) is None  # the person has not answered
    page, form = _asked(telephone)
    assert PURPOSE in page.text
    assert form.ticked == []
    submit(telephone, page, form, press=("decision", "allow"), tick=[("campo", "morada")])
    packet = counter.collect(scanned, at=macau.clock.at)
    assert packet is not None
    assert packet.data == {"morada": "Rua de Exemplo, 1, 1.º A, Macau"}
    assert packet.shared == {"morada"}
    with pytest.raises(ConnectorError) as caught:
        counter.collect(scanned, at=macau.clock.at)
    assert caught.value.fault is ProviderFault.TIMED_OUT


def test_the_code_changes_and_says_nothing_by_itself(macau: MacauWorld) -> None:
    telephone = _telephone(macau)
    first, second = _code(telephone), _code(telephone)
    assert first != second
    assert first.startswith("MO1.")
    # Five parts of a JWE with an empty key: the header is all that is legible.
    assert [bool(part) for part in first.removeprefix("MO1.").split(".")] == [True, False, True, True, True]


def test_the_picture_is_the_code(macau: MacauWorld) -> None:
    page = _telephone(macau).get("http://macau.test/app/qr")
    text = page.text.partition('<code id="qr">')[2].partition("<")[0]
    (read,) = zxingcpp.read_barcodes(_drawn(page.text))
    assert read.text == text


def test_only_the_telephone_that_holds_the_eid_shows_codes(macau: MacauWorld) -> None:
    old = _telephone(macau)
    _code(old)
    _telephone(macau)  # bound to a new one
    assert old.get("http://macau.test/app/qr").headers["location"] == "/app"


def test_somebody_elses_request_is_not_shown_nor_answered(macau: MacauWorld) -> None:
    sousa, lei = _telephone(macau), _telephone(macau, "macau-lei")
    scanned = _scan(macau, _code(sousa))
    page = lei.get("http://macau.test/app/qr")
    assert not [form for form in forms_of(page) if form.has("decision", "allow")]
    answer = lei.post("http://macau.test/app/balcao", data={"pedido": scanned.request, "decision": "allow"})
    assert answer.status_code == 400


def test_an_account_that_cannot_log_in_binds_no_telephone(macau: MacauWorld) -> None:
    browser = macau.browser()
    page = browser.get("http://macau.test/app")
    answer = submit(browser, page, form_with(page, "person", "macau-suspensa"), press=("person", "macau-suspensa"))
    assert answer.status_code == 400
    assert "conta_suspensa" in answer.text


@pytest.mark.parametrize(("text", "fields"), [("x" * 3000, ("nome",)), ("MO1.x", ("salario",))])
def test_what_a_counter_cannot_ask(macau: MacauWorld, text: str, fields: tuple[str, ...]) -> None:
    with pytest.raises(ConnectorError) as caught:
        _scan(macau, text, *fields)
    assert caught.value.fault is ProviderFault.MISCONFIGURED


def test_a_packet_of_another_request_is_not_taken(macau: MacauWorld) -> None:
    """The provider, or somebody between, answers one counter with what another was given."""
    counter, kept = Counter(macau.connector), []
    for person in ("macau-sousa", "macau-lei"):
        telephone = _telephone(macau, person)
        scanned = _scan(macau, _code(telephone), "morada")
        page, form = _asked(telephone)
        submit(telephone, page, form, press=("decision", "allow"), tick=form.checkboxes)
        kept.append(scanned)

    def keep(response: httpx.Response) -> httpx.Response:
        body = response.read()
        macau.spoiler.answers["/counter/result"] = lambda _: httpx.Response(200, content=body)
        return httpx.Response(200, content=body)

    macau.spoiler.answers["/counter/result"] = keep
    assert counter.collect(kept[0], at=macau.clock.at) is not None
    with pytest.raises(ConnectorError) as caught:
        counter.collect(kept[1], at=macau.clock.at)
    assert caught.value.fault is ProviderFault.UNTRUSTED
