"""Forms filled through the packet: exactly what was asked for and approved, by the person who was asked."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from broker.wire.approval_connector import FilledForm, FormNotice
from broker.wire.identity_connector import ConnectorError, ProviderFault, Redirection
from broker.wire.upstream_tokens import UpstreamTokens
from tests.support.macau_world import APPROVED, MacauWorld, at_macau

FORM = FormNotice("Renewal of a driving licence", "DSAT-7", "Everything is filled in; nothing else is asked.")
FIELDS = ("nome", "morada", "telemovel", "estado_civil")


def _begin(macau: MacauWorld, *, fields: tuple[str, ...] = FIELDS, tokens: UpstreamTokens | None = None) -> Redirection:
    return macau.connector.begin_form_fill(macau.start(APPROVED), fields=fields, form=FORM, tokens=tokens)


def _fill(macau: MacauWorld, begun: Redirection, person: str = "macau-sousa", **walk: object) -> FilledForm:
    browser = macau.browser()
    back = at_macau(browser, browser.get(begun.url), person, **walk)  # type: ignore[arg-type]
    assert back.headers["location"].startswith(APPROVED)
    answer = dict(parse_qsl(urlsplit(back.headers["location"]).query))
    assert macau.connector.state_of(answer) == "the-state"
    return macau.connector.finish_form_fill(answer, memory=begun.memory, at=macau.clock.at)


def test_a_form_is_filled(macau: MacauWorld) -> None:
    filled = _fill(macau, _begin(macau))
    assert filled.fields == {
        "apelido": "de Sousa Exemplo",
        "nome": "Mário",
        "nome_chines": "蘇示例",
        "morada": "Rua de Exemplo, 1, 1.º A, Macau",
        "telemovel": "+853 60000001",
        "estado_civil": "casado",
    }
    assert len(filled.evidence_hash) == 32
    assert "Mário" not in repr(filled)


def test_the_person_reads_what_the_form_is(macau: MacauWorld) -> None:
    browser = macau.browser()
    begun = _begin(macau)
    page = browser.get(begun.url)
    seen: list[str] = []

    class Reader:
        """The browser, remembering the pages."""

        def request(self, *arguments: object, **more: object) -> object:
            answer = browser.request(*arguments, **more)  # type: ignore[arg-type]
            seen.append(answer.text)
            return answer

        get = browser.get

    at_macau(Reader(), page, "macau-sousa")  # type: ignore[arg-type]
    consent = next(text for text in seen if "campo" in text)
    for text in (FORM.name, FORM.number, FORM.description):
        assert text in consent
    assert consent.count('type="checkbox" name="campo"') == len(FIELDS)
    assert "checked" not in consent


def test_what_was_not_ticked_does_not_come(macau: MacauWorld) -> None:
    assert set(_fill(macau, _begin(macau), share=["morada"]).fields) == {"morada"}
    assert _fill(macau, _begin(macau), share=[]).fields == {}


def test_what_the_bureau_does_not_hold_does_not_come(macau: MacauWorld) -> None:
    assert set(_fill(macau, _begin(macau), "macau-lei").fields) == {
        "apelido",
        "nome",
        "nome_chines",
        "morada",
        "telemovel",
    }


def test_the_linked_person_approves_and_nobody_else(macau: MacauWorld) -> None:
    tokens = macau.login().tokens
    assert _fill(macau, _begin(macau, tokens=tokens)).fields
    with pytest.raises(ConnectorError) as caught:
        _fill(macau, _begin(macau, tokens=tokens), "macau-lei")
    assert caught.value.fault is ProviderFault.NOT_SAME_PERSON


@pytest.mark.parametrize("fields", [(), ("nome", "nome"), ("salario",)])
def test_fields_there_are_not(macau: MacauWorld, fields: tuple[str, ...]) -> None:
    with pytest.raises(ConnectorError) as caught:
        _begin(macau, fields=fields)
    assert caught.value.fault is ProviderFault.MISCONFIGURED


def test_a_password_alone_fills_no_form(macau: MacauWorld) -> None:
    with pytest.raises(ConnectorError) as caught:
        _fill(macau, _begin(macau), eid="palavra-passe")
    assert caught.value.fault is ProviderFault.NOT_ENROLLED


def test_a_login_is_no_form(macau: MacauWorld) -> None:
    """A packet released for a login carries another purpose than the form's."""
    answer = macau.answer()
    begun = _begin(macau)
    with pytest.raises(ConnectorError):
        macau.connector.finish_form_fill(answer, memory=begun.memory, at=macau.clock.at)
