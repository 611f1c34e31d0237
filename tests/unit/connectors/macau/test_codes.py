"""Every error code of specs/macau.md 7: the mock produces it, the connector gives it its outcome."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from broker.wire.identity_connector import ConnectorError, LoginStart, ProviderFault
from connectors.adapter import Surroundings
from connectors.macau.codes import CODES
from connectors.macau.connector import MacauConnector
from connectors.macau.counter import Counter
from connectors.mock_idps.faults import Fault, Setting
from connectors.openid.registration import CODES as OPENID_CODES
from tests.support.html_forms import form_with, submit
from tests.support.macau_world import CALLBACK, NOW, MacauWorld, macau_world

Produce = Callable[[MacauWorld], object]


@dataclass(frozen=True)
class Row:
    code: str | None
    fault: ProviderFault
    produce: Produce
    options: tuple[tuple[str, str], ...] = ()


def _login(person: str = "macau-sousa", **walk: Any) -> Produce:
    return lambda macau: macau.login(person, **walk)


def _switched(fault: Fault, *paths: str) -> Produce:
    def produce(macau: MacauWorld) -> object:
        macau.world.settings.switch.set(Setting(fault, paths=paths))
        return macau.login()

    return produce


def _registered_as(macau: MacauWorld, **change: Any) -> MacauConnector:
    """Our connector with another registration than the provider's."""

    settings = macau.connector._settings.model_copy(update=change)
    return MacauConnector("macau", settings, Surroundings(macau.connector.flow.fetch, macau.keys))


def _wrong_secret(macau: MacauWorld) -> object:

    return _registered_as(macau, client_secret=SecretStr("wrong")).begin(macau.start())


def _unknown_department(macau: MacauWorld) -> object:
    return _registered_as(macau, department="nobody").begin(macau.start())


def _redirect_not_registered(macau: MacauWorld) -> object:
    return macau.connector.begin(macau.start("http://broker.test/elsewhere"))


def _ask_with(macau: MacauWorld, **change: str) -> object:
    return macau.connector.flow.begin(macau.start(), extra=change)


def _another_telephone(macau: MacauWorld) -> object:
    browser = macau.browser()
    page = browser.get("http://macau.test/app")
    submit(browser, page, form_with(page, "person", "macau-sousa"), press=("person", "macau-sousa"))
    return macau.login()  # in another browser


def _code_twice(macau: MacauWorld) -> object:
    answer = macau.answer()
    macau.finish(answer)
    return macau.finish(answer)


def _late_packet(macau: MacauWorld) -> object:
    answer = macau.answer()

    def later(response: httpx.Response) -> httpx.Response:
        macau.clock.forward(minutes=6)  # between the token and the packet
        return response

    macau.spoiler.answers["/token"] = later
    return macau.finish(answer)


def _withdrawn_packet(macau: MacauWorld) -> object:
    answer = macau.answer()

    def withdrawn(response: httpx.Response) -> httpx.Response:
        for agreed in macau.world.grants.of_person("macau-sousa"):
            macau.world.grants.withdraw(agreed.txn)
        return response

    macau.spoiler.answers["/token"] = withdrawn
    return macau.finish(answer)


def _our_key_is_gone(macau: MacauWorld) -> object:
    for path in macau.keys.glob("*.pem"):
        path.unlink()
    return macau.login()


def _shown(macau: MacauWorld) -> tuple[httpx.Client, str]:
    """A telephone with an EID, and the code it shows."""
    browser = macau.browser()
    page = browser.get("http://macau.test/app")
    submit(browser, page, form_with(page, "person", "macau-sousa"), press=("person", "macau-sousa"))
    shown = browser.get("http://macau.test/app/qr")
    return browser, shown.text.partition('<code id="qr">')[2].partition("<")[0]


def _scan(macau: MacauWorld, text: str) -> Any:
    return Counter(macau.connector).scan(text, fields=("nome",), purpose="At the counter", at=macau.clock.at)


def _old_qr(macau: MacauWorld) -> object:
    _, text = _shown(macau)
    macau.clock.forward(seconds=36)
    return _scan(macau, text)


def _used_qr(macau: MacauWorld) -> object:
    _, text = _shown(macau)
    _scan(macau, text)
    return _scan(macau, text)


def _refused_at_counter(macau: MacauWorld) -> object:
    browser, text = _shown(macau)
    scanned = _scan(macau, text)
    page = browser.get("http://macau.test/app/qr")
    submit(browser, page, form_with(page, "decision", "cancel"), press=("decision", "cancel"), tick=[])
    return Counter(macau.connector).collect(scanned, at=macau.clock.at)


def _never_answered(macau: MacauWorld) -> object:
    _, text = _shown(macau)
    scanned = _scan(macau, text)
    macau.clock.forward(minutes=3)
    return Counter(macau.connector).collect(scanned, at=macau.clock.at)


def _refresh_twice(macau: MacauWorld) -> object:
    tokens = macau.login().tokens
    assert tokens is not None
    macau.connector.refresh(tokens, at=macau.clock.at)
    return macau.connector.refresh(tokens, at=macau.clock.at)


PF = ProviderFault
TABLE = [
    # the person, or their account
    Row("access_denied", PF.CANCELLED, _login(cancel=True)),
    Row("conta_nao_pessoal", PF.WRONG_ACCOUNT, _login("macau-empresa")),
    Row("conta_nao_pessoal", PF.WRONG_ACCOUNT, _login("macau-servico")),
    Row("conta_suspensa", PF.FROZEN, _login("macau-suspensa")),
    Row("documento_caducado", PF.EXPIRED_CREDENTIAL, _login("macau-caducado")),
    Row("eid_nao_vinculada", PF.NOT_ENROLLED, _login("macau-sem-eid")),
    Row("eid_noutro_telemovel", PF.NOT_ENROLLED, _another_telephone),
    Row(None, PF.NOT_ENROLLED, _login(eid="palavra-passe")),
    Row("rosto_diferente", PF.NOT_SAME_PERSON, _login(eid="diferente")),
    Row("rosto_ilegivel", PF.POOR_PHOTO, _login(eid="ilegivel")),
    Row("tempo_esgotado", PF.TIMED_OUT, _login(eid="tempo")),
    # the packet
    Row("destinatario_nao_escolhido", PF.WITHHELD, _login(recipients=["dsf"])),
    Row("consentimento_retirado", PF.WITHHELD, _withdrawn_packet),
    Row("invalid_token", PF.REFUSED, _late_packet),
    Row("quota_esgotada", PF.QUOTA, _login(), (("packets", "0"),)),
    Row(None, PF.MISCONFIGURED, _our_key_is_gone),
    # ours to mend
    Row("departamento_nao_registado", PF.MISCONFIGURED, _unknown_department),
    Row("invalid_client", PF.MISCONFIGURED, _wrong_secret),
    Row("invalid_redirect_uri", PF.MISCONFIGURED, _redirect_not_registered),
    Row("invalid_scope", PF.MISCONFIGURED, lambda macau: _ask_with(macau, scope="openid everything")),
    Row("unsupported_response_type", PF.MISCONFIGURED, lambda macau: _ask_with(macau, response_type="token")),
    Row("invalid_request", PF.MISCONFIGURED, lambda macau: _ask_with(macau, code_challenge_method="plain")),
    Row("invalid_authorization_details", PF.MISCONFIGURED, lambda macau: _ask_with(macau, authorization_details="[]")),
    # codes and tokens
    Row("invalid_grant", PF.REFUSED, _code_twice),
    Row("invalid_grant", PF.REFUSED, _refresh_twice),
    # the counter
    Row("qr_caducado", PF.TIMED_OUT, _old_qr),
    Row("qr_usado", PF.REFUSED, _used_qr),
    Row("qr_desconhecido", PF.REFUSED, lambda macau: _scan(macau, "MO1.invented")),
    Row("pedido_caducado", PF.TIMED_OUT, _never_answered),
    Row(None, PF.CANCELLED, _refused_at_counter),
    # the fault switches
    Row("access_denied", PF.CANCELLED, _switched(Fault.CANCELLED)),
    Row("conta_suspensa", PF.FROZEN, _switched(Fault.FROZEN)),
    Row("invalid_grant", PF.REFUSED, _switched(Fault.REPLAYED_CALLBACK)),
    Row(None, PF.UNREACHABLE, _switched(Fault.DOWN, "/token")),
    Row(None, PF.UNREACHABLE, _switched(Fault.DOWN, "/packet")),
    Row(None, PF.GARBLED, _switched(Fault.GARBAGE, "/token")),
    Row(None, PF.UNTRUSTED, _switched(Fault.GARBAGE, "/packet")),
    Row(None, PF.UNTRUSTED, _switched(Fault.WRONG_SIGNATURE, "/token")),
    Row(None, PF.UNTRUSTED, _switched(Fault.WRONG_SIGNATURE, "/packet")),
    Row(None, PF.UNTRUSTED, _switched(Fault.EXPIRED_KEY, "/packet")),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.code or row.fault}")
def test_every_code_has_its_outcome(tmp_path: Path, row: Row) -> None:
    with macau_world(tmp_path, **dict(row.options)) as macau:
        with pytest.raises(ConnectorError) as caught:
            row.produce(macau)
        assert (caught.value.fault, caught.value.code) == (row.fault, row.code)


def test_no_code_is_left_out() -> None:
    assert set(CODES) <= {row.code for row in TABLE}


def test_a_code_nobody_listed_is_refused(macau: MacauWorld) -> None:
    begun = macau.connector.begin(LoginStart("s", CALLBACK, "en", NOW, lambda size: bytes(size)))
    with pytest.raises(ConnectorError) as caught:
        answer = {"error": "novidade", "state": "s", "iss": "http://macau.test"}
        macau.connector.finish(answer, memory=begun.memory, redirect_uri=CALLBACK, at=NOW)
    assert (caught.value.fault, caught.value.code) == (ProviderFault.REFUSED, "novidade")


def test_the_specification_lists_the_same_codes() -> None:
    """specs/macau.md 7, row by row."""
    text = (Path(__file__).parents[4] / "specs" / "macau.md").read_text(encoding="utf-8")
    section = text.partition("## 7.")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*`) \| [^|]* \| (\w+) \|$", section, re.MULTILINE)
    specified = {code: outcome for codes, outcome in rows for code in re.findall(r"`(\w+)`", codes)}
    assert set(CODES) <= set(specified)
    for code, outcome in specified.items():
        assert ({**OPENID_CODES, **CODES})[code] == outcome
