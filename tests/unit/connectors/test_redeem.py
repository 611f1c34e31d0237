"""What a connector makes of a login, and what it refuses to make anything of."""

import hmac
import json
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import httpx
import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.wire.identity_connector import ConnectorError, ProviderFault
from broker.wire.identity_grant import Assurance, DocumentType
from connectors.mock_idps.keys import ProviderKey
from tests.support.wallet_client import b64url
from tests.unit.connectors.conftest import NOW, PORTRAIT, Bench

EXPECTED: dict[str, dict[str, Any]] = {
    "macau": {
        "native_name": "蘇示例",
        "family_name": "de Sousa Exemplo",
        "given_name": "Mário",
        "document_type": DocumentType.MACAU_BIR,
        "document_number": "10000012",
    },
}


def _fault(bench: Bench, **change: Any) -> ProviderFault:
    with pytest.raises(ConnectorError) as caught:
        bench.redeem(**change)
    assert caught.value.provider == bench.name
    # The operator's text names fields and addresses, never what they held.
    for secret in ("990001198504123015", "QX900123", "1000001", "王示例", "CHAN", "Mário", bench.verifier):
        assert secret not in str(caught.value)
    return caught.value.fault


def test_a_login_becomes_a_grant(bench: Bench) -> None:
    grant = bench.redeem()
    assert grant.provider == bench.name
    assert grant.issuer == f"http://{bench.name}.test"
    assert grant.acr is Assurance.HIGH
    assert grant.auth_time == NOW
    assert grant.portrait == PORTRAIT
    assert grant.claims.birth_date == date(1985, 4, 12)
    for name, value in EXPECTED[bench.name].items():
        assert getattr(grant.claims, name) == value
    assert "openid" in grant.scopes
    assert grant.claims.document_number not in repr(grant)


def test_the_same_person_keeps_the_same_subject(bench: Bench) -> None:
    assert bench.redeem().subject == bench.redeem().subject
    others = [person for person in bench.provider.people if bench.name + "-" in person]
    subjects = {bench.redeem(bench.code(person)).subject for person in others}
    assert len(subjects) == len(others) == 3


def test_the_evidence_hash_covers_what_was_signed(bench: Bench) -> None:
    raw: list[bytes] = []

    def keep(response: httpx.Response) -> httpx.Response:
        body = response.read()
        raw.append(json.loads(body)["id_token"].encode() if body.startswith(b"{") else body)
        return response

    bench.spoiler.answers |= {"/token": keep, "/userinfo": keep}
    grant = bench.redeem()
    hasher = sha256()
    for text in raw:
        hasher.update(len(text).to_bytes(4, "big") + text)
    assert len(raw) == 2
    assert grant.evidence_hash == hasher.digest()


def test_a_code_is_redeemed_once(bench: Bench) -> None:
    code = bench.code()
    bench.redeem(code)
    assert _fault(bench, code=code) is ProviderFault.REFUSED


def test_the_providers_are_strict_about_the_exchange(bench: Bench) -> None:
    assert _fault(bench, code_verifier="x" * 43) is ProviderFault.REFUSED
    assert _fault(bench, redirect_uri="http://broker.test/elsewhere") is ProviderFault.REFUSED
    assert _fault(bench, nonce="another") is ProviderFault.UNTRUSTED
    assert _fault(bench, code="guess") is ProviderFault.REFUSED


def _resign(
    bench: Bench,
    path: str,
    *,
    key: ProviderKey | None = None,
    header: dict[str, Any] | None = None,
    **change: Any,
) -> None:
    """Have the provider's token at `path` say something else, signed with its own key unless told otherwise."""

    def spoil(token: str) -> str:
        claims = jwt.decode(token, options={"verify_signature": False, "verify_aud": False})
        claims = {name: value for name, value in (claims | change).items() if value is not None}
        signer = key or bench.provider.key
        headers = {"kid": bench.provider.key.jwk["kid"], **(header or {})}
        return jwt.encode(claims, signer.private_key, algorithm=signer.algorithm, headers=headers)

    def answer(response: httpx.Response) -> httpx.Response:
        body = response.read()
        if path == "/token":
            document = json.loads(body)
            return httpx.Response(200, json=document | {"id_token": spoil(document["id_token"])})
        return httpx.Response(200, content=spoil(body.decode()), headers={"Content-Type": "application/jwt"})

    bench.spoiler.answers[path] = answer


SECONDS = int(NOW.timestamp())


@pytest.mark.parametrize("path", ["/token", "/userinfo"])
@pytest.mark.parametrize(
    "change",
    [
        {"iss": "http://evil.test"},
        {"aud": "another-client"},
        {"aud": ["tongguan", "another-client"]},
        {"exp": SECONDS - 61},
        {"iat": SECONDS - 700},
        {"iat": SECONDS + 61},
        {"exp": None},
        {"iat": None},
        {"sub": None},
    ],
)
def test_a_token_for_somebody_else_or_another_time(bench: Bench, path: str, change: dict[str, Any]) -> None:
    _resign(bench, path, **change)
    assert _fault(bench) is ProviderFault.UNTRUSTED


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"nonce": "another"}, ProviderFault.UNTRUSTED),
        ({"nonce": None}, ProviderFault.UNTRUSTED),
        ({"nonce": 7}, ProviderFault.UNTRUSTED),
        ({"at_hash": "AAAA"}, ProviderFault.UNTRUSTED),
        ({"at_hash": None}, ProviderFault.UNTRUSTED),
        ({"acr": "0"}, ProviderFault.UNTRUSTED),
        ({"acr": None}, ProviderFault.UNTRUSTED),
        ({"acr": ["0x42"]}, ProviderFault.UNTRUSTED),
        ({"auth_time": None}, ProviderFault.GARBLED),
        ({"auth_time": SECONDS + 3600}, ProviderFault.UNTRUSTED),
        ({"auth_time": 1e300}, ProviderFault.GARBLED),
    ],
)
def test_the_id_token_itself(bench: Bench, change: dict[str, Any], fault: ProviderFault) -> None:
    _resign(bench, "/token", **change)
    assert _fault(bench) is fault


@pytest.mark.parametrize("path", ["/token", "/userinfo"])
def test_signatures(bench: Bench, path: str) -> None:
    algorithm = bench.provider.dialect.algorithm
    _resign(bench, path, key=ProviderKey.generate(algorithm))
    assert _fault(bench) is ProviderFault.UNTRUSTED
    _resign(bench, path, key=ProviderKey.generate("ES256" if algorithm == "RS256" else "RS256"))
    assert _fault(bench) is ProviderFault.UNTRUSTED
    _resign(bench, path, header={"kid": "unpublished"})
    assert _fault(bench) is ProviderFault.UNTRUSTED


def test_an_unsigned_id_token(bench: Bench) -> None:
    def answer(response: httpx.Response) -> httpx.Response:
        document = json.loads(response.read())
        claims = jwt.decode(document["id_token"], options={"verify_signature": False})
        bare = jwt.encode(claims, "", algorithm="none", headers={"kid": bench.provider.key.jwk["kid"]})
        return httpx.Response(200, json=document | {"id_token": bare})

    bench.spoiler.answers["/token"] = answer
    assert _fault(bench) is ProviderFault.UNTRUSTED


def test_the_public_key_used_as_a_shared_secret(bench: Bench) -> None:
    """The classic confusion: HS256 over the published key. The algorithm is fixed for each provider."""

    def answer(response: httpx.Response) -> httpx.Response:
        document = json.loads(response.read())
        payload = document["id_token"].split(".")[1]
        header = b64url(json.dumps({"alg": "HS256", "kid": bench.provider.key.jwk["kid"]}).encode())
        # By hand, because a library refuses to sign like this.
        mac = hmac.digest(json.dumps(bench.provider.key.jwk).encode(), f"{header}.{payload}".encode(), "sha256")
        return httpx.Response(200, json=document | {"id_token": f"{header}.{payload}.{b64url(mac)}"})

    bench.spoiler.answers["/token"] = answer
    assert _fault(bench) is ProviderFault.UNTRUSTED


def test_user_information_about_another_subject(bench: Bench) -> None:
    _resign(bench, "/userinfo", sub="somebody-else")
    assert _fault(bench) is ProviderFault.UNTRUSTED


def test_unsigned_user_information(bench: Bench) -> None:
    bench.spoiler.answers["/userinfo"] = lambda _: httpx.Response(200, json={"sub": "x"})
    assert _fault(bench) is ProviderFault.UNTRUSTED


def test_a_rotated_key_is_found_without_a_restart(bench: Bench) -> None:
    bench.redeem()
    bench.provider.key = ProviderKey.generate(bench.provider.dialect.algorithm)
    assert bench.redeem().provider == bench.name


WRONG: dict[str, list[dict[str, Any]]] = {
    "macau": [
        {"apelido": 7},
        {"nome": " "},
        {"numero_bir": "2000001(2)"},
        {"data_nascimento": "1985-04-12"},
        {"nome_chines": {"a": 1}},
        {"fotografia": "%%%%"},
    ],
}


def test_malformed_claims_are_garbled(bench: Bench) -> None:
    for change in WRONG[bench.name]:
        _resign(bench, "/userinfo", **change)
        assert _fault(bench) is ProviderFault.GARBLED, change


MISSING = {
    "macau": ["apelido", "nome", "numero_bir", "data_nascimento", "fotografia"],
}


def test_missing_claims_were_withheld(bench: Bench) -> None:
    for name in MISSING[bench.name]:
        _resign(bench, "/userinfo", **{name: None})
        assert _fault(bench) is ProviderFault.WITHHELD, name


def test_people_keep_back_what_they_like(bench: Bench) -> None:
    assert _fault(bench, code=bench.code(share=[])) is ProviderFault.WITHHELD


def test_a_provider_that_drips_bytes_is_given_up(bench: Bench) -> None:
    class Slow(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            for _ in range(1000):
                clock[0] += 1.0
                yield b" "

    clock = [0.0]
    fetcher = bench.connector._oidc.fetch  # type: ignore[attr-defined]
    object.__setattr__(fetcher, "monotonic", lambda: clock[0])
    bench.spoiler.answers["/token"] = lambda _: httpx.Response(200, stream=Slow())
    assert _fault(bench) is ProviderFault.UNREACHABLE
    assert clock[0] < 20


def test_redirects_are_not_followed(bench: Bench) -> None:
    bench.redeem()
    answer = httpx.Response(302, headers={"Location": "http://evil.test/"})
    bench.spoiler.answers["/userinfo"] = lambda _: answer
    assert _fault(bench) is ProviderFault.REFUSED
    assert all(request.url.host == f"{bench.name}.test" for request in bench.spoiler.asked)


@pytest.mark.parametrize("bench", ["macau"], indirect=True)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
            max_leaves=8,
        ).map(lambda value: json.dumps({"access_token": value, "token_type": "Bearer", "id_token": value}).encode()),
    )
)
def test_any_answer_at_all_gives_a_connector_error(bench: Bench, body: bytes) -> None:
    bench.spoiler.answers["/token"] = lambda _: httpx.Response(200, content=body)
    with pytest.raises(ConnectorError):
        bench.redeem(code="any")


def test_time_is_the_callers(bench: Bench) -> None:
    code = bench.code()
    with pytest.raises(ConnectorError):
        bench.redeem(code, at=NOW + timedelta(hours=1))
