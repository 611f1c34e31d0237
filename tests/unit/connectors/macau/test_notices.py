"""A person withdraws at the provider, and the provider says so."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from broker.wire.approval_connector import ProviderNotice, Withdrawal
from broker.wire.identity_connector import ConnectorError, ProviderFault
from connectors.mock_idps.faults import Fault, Setting
from connectors.mock_idps.macau.notices import ATTEMPTS
from tests.support.html_forms import form_with, forms_of, submit
from tests.support.macau_world import NOTICES, MacauWorld

TYPE = "application/secevent+jwt"


def _withdraw(macau: MacauWorld) -> None:
    """On the telephone: bind, look at what stands, withdraw the first."""
    browser = macau.browser()
    page = browser.get("http://macau.test/app")
    submit(browser, page, form_with(page, "person", "macau-sousa"), press=("person", "macau-sousa"))
    standing = browser.get("http://macau.test/app/consentimentos")
    assert submit(browser, standing, forms_of(standing)[0]).status_code == 303


def _receive(macau: MacauWorld, body: bytes, media_type: str = TYPE) -> ProviderNotice:
    return macau.connector.receive({"content-type": media_type}, body, at=macau.clock.at)


def test_a_withdrawal_reaches_the_broker(macau: MacauWorld) -> None:
    grant = macau.login()
    _withdraw(macau)
    ((url, body, media_type),) = macau.notices
    assert (url, media_type) == (NOTICES, TYPE)
    notice = _receive(macau, body)
    assert notice.kind == "withdrawal"
    assert notice.outcome == Withdrawal(grant.issuer, grant.subject)
    assert grant.subject not in repr(notice)
    # What rested on the consent is dead at the provider as well.
    assert grant.tokens is not None
    with pytest.raises(ConnectorError):
        macau.connector.refresh(grant.tokens, at=macau.clock.at)


def test_a_notice_sent_twice_is_recognisable(macau: MacauWorld) -> None:
    macau.login()
    macau.world.settings.switch.set(Setting(Fault.REPLAYED_CALLBACK, paths=("/app",)))
    _withdraw(macau)
    first, second = (_receive(macau, body) for _, body, _ in macau.notices)
    assert first.business_id == second.business_id


def test_a_broker_that_is_down_gets_it_later(macau: MacauWorld) -> None:
    macau.login()
    macau.statuses[:] = [0, 503]
    _withdraw(macau)
    assert len(macau.notices) == ATTEMPTS
    assert len({body for _, body, _ in macau.notices}) == 1
    macau.clock.forward(days=6)
    assert _receive(macau, macau.notices[-1][1]).kind == "withdrawal"
    macau.clock.forward(days=2)
    with pytest.raises(ConnectorError):
        _receive(macau, macau.notices[-1][1])


def test_a_suspended_account_is_said(macau: MacauWorld) -> None:
    body = _made(macau, events={"urn:mo:conta-unica:evento:conta-suspensa": {}})
    notice = _receive(macau, body)
    assert (notice.kind, notice.outcome) == ("other", ProviderFault.FROZEN)


def _made(macau: MacauWorld, *, key: ECKey | None = None, typ: str = "secevent+jwt", **change: Any) -> bytes:
    claims = {
        "iss": "http://macau.test",
        "aud": "tongguan",
        "iat": int(macau.clock.seconds()),
        "jti": "one",
        "sub": "somebody",
        "events": {"urn:mo:conta-unica:evento:consentimento-retirado": {"txn": "x"}},
    } | change
    claims = {name: value for name, value in claims.items() if value is not None}
    header = {"alg": "ES256", "kid": macau.world.key.kid or "", "typ": typ}
    return jwt.encode(header, claims, key or macau.world.key).encode()


Spoil = Callable[[MacauWorld], bytes]


@pytest.mark.parametrize(
    ("made", "fault"),
    [
        (lambda macau: _made(macau, key=ECKey.generate_key("P-256")), ProviderFault.UNTRUSTED),
        (lambda macau: _made(macau, key=macau.world.bureau.signing), ProviderFault.UNTRUSTED),
        (lambda macau: _made(macau, typ="JWT"), ProviderFault.UNTRUSTED),
        (lambda macau: _made(macau, iss="http://evil.test"), ProviderFault.UNTRUSTED),
        (lambda macau: _made(macau, aud="another"), ProviderFault.UNTRUSTED),
        (lambda macau: _made(macau, iat=int(macau.clock.seconds()) + 61), ProviderFault.UNTRUSTED),
        (lambda macau: _made(macau, sub=None), ProviderFault.GARBLED),
        (lambda macau: _made(macau, jti=None), ProviderFault.GARBLED),
        (lambda macau: _made(macau, jti="x" * 65), ProviderFault.GARBLED),
        (lambda macau: _made(macau, events=None), ProviderFault.GARBLED),
        (lambda macau: _made(macau, events={"urn:other": {}}), ProviderFault.GARBLED),
        (lambda macau: b"not a token", ProviderFault.UNTRUSTED),
        (lambda macau: b"\xff", ProviderFault.GARBLED),
        (lambda macau: b"", ProviderFault.UNTRUSTED),
        (lambda macau: b"a" * 20_000, ProviderFault.UNTRUSTED),
    ],
)
def test_notices_that_are_none(macau: MacauWorld, made: Spoil, fault: ProviderFault) -> None:
    with pytest.raises(ConnectorError) as caught:
        _receive(macau, made(macau))
    assert caught.value.fault is fault


def test_the_media_type_is_part_of_it(macau: MacauWorld) -> None:
    body = _made(macau)
    assert _receive(macau, body, f"{TYPE}; charset=utf-8").kind == "withdrawal"
    for other in ("application/jwt", "text/plain", ""):
        with pytest.raises(ConnectorError):
            _receive(macau, body, other)


def test_an_id_token_is_no_notice(macau: MacauWorld) -> None:
    """It has the same issuer, audience and key; its type says what it is."""
    kept: list[bytes] = []

    def keep(response: Any) -> Any:
        kept.append(response.read())
        return response

    macau.spoiler.answers["/token"] = keep
    macau.login()
    with pytest.raises(ConnectorError) as caught:
        _receive(macau, json.loads(kept[0])["id_token"].encode())
    assert caught.value.fault is ProviderFault.UNTRUSTED
