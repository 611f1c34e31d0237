"""What the bureau signed, and for whom: a packet that opens is not yet one to believe."""

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import httpx
import jwt as pyjwt
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from broker.wire.identity_connector import ConnectorError, ProviderFault
from connectors.macau.envelope import open_packet
from connectors.mock_idps.macau.packet import seal, sign
from tests.support.macau_world import MacauWorld

SECONDS = 1795248000  # 2026-11-21T08:00:00Z


def _claims(macau: MacauWorld, **change: Any) -> dict[str, Any]:
    """A good packet's claims for the login under way, changed; None takes one away."""
    agreed = macau.world.grants.of_person("macau-sousa")[-1]
    good = {
        "iss": "http://macau.test/bureau",
        "aud": ["tongguan"],
        "sub": macau.world.subject("macau-sousa"),
        "iat": SECONDS,
        "exp": SECONDS + 300,
        "jti": "x",
        "txn": agreed.txn,
        "finalidade": "Logging in to Tongguan",
        "campos": ["nome", "documento", "data_nascimento"],
        "dados": {
            "apelido": "de Sousa Exemplo",
            "nome": "Mário",
            "documento": {"tipo": "BIR", "numero": "1000001(2)", "validade": "31/12/2039"},
            "data_nascimento": "12/04/1985",
        },
    }
    return {name: value for name, value in (good | change).items() if value is not None}


def _serve(
    macau: MacauWorld,
    change: dict[str, Any],
    *,
    resign: Callable[[dict[str, Any]], str] | None = None,
) -> None:
    """Have the packet endpoint answer with a packet of our making, signed by the bureau unless `resign` does."""

    def answer(_: httpx.Response) -> httpx.Response:
        claims = _claims(macau, **change)
        bureau = macau.world.bureau.signing
        signed = resign(claims) if resign else sign(claims, bureau, bureau.kid or "")
        key = macau.world.departments["tongguan"].key()
        assert key is not None
        return httpx.Response(200, json=seal(signed, [key]), headers={"Content-Type": "application/jose+json"})

    macau.spoiler.answers["/packet"] = answer


def _fault(macau: MacauWorld) -> ProviderFault:
    with pytest.raises(ConnectorError) as caught:
        macau.login()
    for secret in ("1000001", "Mário", "de Sousa"):
        assert secret not in str(caught.value)
    return caught.value.fault


def test_the_one_of_our_making_is_good(macau: MacauWorld) -> None:
    _serve(macau, {})
    assert macau.login().claims is not None


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "http://macau.test"},  # the provider is not the bureau
        {"iss": None},
        # Another department opened its own copy and sealed the bureau's text anew for us.
        {"aud": ["dsf"]},
        {"aud": None},
        {"exp": SECONDS - 61},
        {"iat": SECONDS - 700},
        {"iat": SECONDS + 61},
        {"sub": "somebody-else"},
        {"txn": "another"},
        {"finalidade": "Something else"},
        {"campos": ["nome", "morada"]},
    ],
)
def test_a_packet_for_somebody_or_something_else(macau: MacauWorld, change: dict[str, Any]) -> None:
    _serve(macau, change)
    assert _fault(macau) is ProviderFault.UNTRUSTED


@pytest.mark.parametrize(
    "change",
    [
        {"exp": None},
        {"campos": None},
        {"campos": "nome"},
        {"dados": None},
        {"dados": []},
        {"txn": 7},
    ],
)
def test_a_packet_of_another_form(macau: MacauWorld, change: dict[str, Any]) -> None:
    _serve(macau, change)
    assert _fault(macau) is ProviderFault.GARBLED


DOCUMENT = {"tipo": "BIR", "numero": "1000001(2)", "validade": "31/12/2039"}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"apelido": 7}, ProviderFault.GARBLED),
        ({"nome": " "}, ProviderFault.GARBLED),
        ({"nome_chines": {"a": 1}}, ProviderFault.GARBLED),
        ({"data_nascimento": "1985-04-12"}, ProviderFault.GARBLED),
        ({"documento": "1000001(2)"}, ProviderFault.GARBLED),
        ({"documento": DOCUMENT | {"numero": "2000001(2)"}}, ProviderFault.GARBLED),
        ({"documento": DOCUMENT | {"validade": ""}}, ProviderFault.GARBLED),
        ({"documento": DOCUMENT | {"tipo": "CIRPC", "numero": "990001198504123016"}}, ProviderFault.GARBLED),
        ({"documento": DOCUMENT | {"tipo": "CIRPC", "numero": "990001199211034021"}}, ProviderFault.GARBLED),
        ({"documento": DOCUMENT | {"tipo": "HKID", "numero": "QX900123(5)"}}, ProviderFault.GARBLED),
        ({"documento": DOCUMENT | {"tipo": "HKID", "numero": 7}}, ProviderFault.GARBLED),
        ({"documento": DOCUMENT | {"tipo": "PASSAPORTE"}}, ProviderFault.REFUSED),
        ({"documento": DOCUMENT | {"validade": "20/11/2026"}}, ProviderFault.EXPIRED_CREDENTIAL),
        ({"fotografia": "%%%%"}, ProviderFault.GARBLED),
        ({"fotografia": "AAAA"}, ProviderFault.GARBLED),
        ({"apelido": None}, ProviderFault.WITHHELD),
        ({"documento": None}, ProviderFault.WITHHELD),
    ],
)
def test_data_of_another_form(macau: MacauWorld, change: dict[str, Any], fault: ProviderFault) -> None:
    good = {"apelido": "de Sousa Exemplo", "nome": "Mário", "documento": DOCUMENT, "data_nascimento": "12/04/1985"}
    _serve(macau, {"dados": {name: value for name, value in (good | change).items() if value is not None}})
    assert _fault(macau) is fault


def test_the_last_day_of_a_document_counts(macau: MacauWorld) -> None:
    good = {"apelido": "A", "nome": "B", "data_nascimento": "12/04/1985"}
    _serve(macau, {"dados": good | {"documento": DOCUMENT | {"validade": "21/11/2026"}}})
    assert macau.login().claims is not None


def test_only_the_bureau_signs_packets(macau: MacauWorld) -> None:
    provider = macau.world.key
    _serve(macau, {}, resign=lambda claims: sign(claims, provider, provider.kid or ""))
    assert _fault(macau) is ProviderFault.UNTRUSTED
    stranger = ECKey.generate_key("P-256")
    _serve(macau, {}, resign=lambda claims: sign(claims, stranger, macau.world.bureau.signing.kid or ""))
    assert _fault(macau) is ProviderFault.UNTRUSTED


def test_an_id_token_is_no_packet(macau: MacauWorld) -> None:
    """Same key, same audience: the type in the header keeps the two apart."""
    bureau = macau.world.bureau.signing
    header = {"alg": "ES256", "kid": bureau.kid or "", "typ": "JWT"}
    _serve(macau, {}, resign=lambda claims: jwt.encode(header, claims, bureau))
    assert _fault(macau) is ProviderFault.UNTRUSTED


def test_an_unsigned_packet(macau: MacauWorld) -> None:
    def unsigned(claims: dict[str, Any]) -> str:
        headers = {"kid": macau.world.bureau.signing.kid, "typ": "pacote+jwt"}
        return pyjwt.encode(claims, "", algorithm="none", headers=headers)

    _serve(macau, {}, resign=unsigned)
    assert _fault(macau) is ProviderFault.UNTRUSTED


def test_company_accounts_are_refused_by_us_too(macau: MacauWorld) -> None:
    """The provider refuses them as we ask it to; one that let them in would not help."""
    macau.world.people["macau-sousa"].record["conta"] = "entidade"  # type: ignore[index]
    original = macau.world.pushed.take
    macau.world.pushed.take = lambda name: replace(original(name), kind="entidade")  # type: ignore
    assert _fault(macau) is ProviderFault.WRONG_ACCOUNT


def test_the_evidence_is_what_was_signed(macau: MacauWorld) -> None:
    raw: list[bytes] = []

    def keep(response: httpx.Response) -> httpx.Response:
        body = response.read()
        document = json.loads(body)
        find = macau.connector.packets._keys.find
        raw.append(document["id_token"].encode() if "id_token" in document else open_packet(body, find).encode())
        return response

    macau.spoiler.answers |= {"/token": keep, "/packet": keep}
    grant = macau.login()
    hasher = sha256()
    for text in raw:
        hasher.update(len(text).to_bytes(4, "big") + text)
    assert len(raw) == 2
    assert grant.evidence_hash == hasher.digest()
