"""Login at a certified OpenID provider that nobody here wrote (npm `oidc-provider`), by configuration alone."""

import hmac
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from joserfc.jwk import ECKey

from broker.wire.identity_connector import ConnectorError, ProviderFault, WantedLogin
from broker.wire.identity_grant import Assurance, DocumentType
from connectors.generic_oidc import GenericConnector
from connectors.openid.encoding import b64url
from tests.support.other_provider import (
    PORTRAIT,
    Attempt,
    OtherProvider,
    attempt,
    goes_straight_back,
    other_provider,
    signing_key,
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OtherProvider]:
    with other_provider(tmp_path_factory.mktemp("other-provider")) as made:
        yield made


@pytest.fixture
def provider(running: OtherProvider) -> Iterator[OtherProvider]:
    yield running
    running.tamper.answers.clear()
    running.tamper.asked.clear()


def _fault(made: Attempt, **more: Any) -> ProviderFault:
    with pytest.raises(ConnectorError) as caught:
        made.finish(**more)
    for secret in ("QX900", "CHAN", "basic secret", made.answer.get("code", "") or "\0"):
        assert secret not in str(caught.value)
    return caught.value.fault


def test_a_login_becomes_a_grant(provider: OtherProvider) -> None:
    grant = attempt(provider.connector()).finish()
    assert (grant.provider, grant.issuer, grant.subject) == ("acme", provider.issuer, "chan")
    assert (grant.acr, grant.provider_acr, grant.amr) == (Assurance.HIGH, "urn:acme:face", ("face", "hwk"))
    assert grant.claims is not None
    assert grant.claims.model_dump(exclude={"further_documents"}) == {
        "family_name": "CHAN",
        "given_name": "Si Fan",
        "native_name": "陳示範",
        "birth_date": date(1985, 4, 12),
        "document_type": DocumentType.HKID,
        "document_number": "QX9001236",
        "document_expires": date(2039, 12, 31),
    }
    assert grant.portrait == PORTRAIT
    assert abs((grant.auth_time - datetime.now(UTC)).total_seconds()) < 60
    assert grant.verified_claims() is not None


@pytest.mark.parametrize("pushed", [True, False])
@pytest.mark.parametrize(
    "table",
    [
        {},
        {"client_id": "post", "client_secret": "post secret", "client_authentication": "client_secret_post"},
        {
            "client_id": "keyed",
            "client_secret": None,
            "client_key": "ours-1.pem",
            "client_authentication": "private_key_jwt",
        },
    ],
    ids=["basic", "post", "private_key_jwt"],
)
def test_every_way_of_proving_who_we_are(provider: OtherProvider, table: dict[str, Any], pushed: bool) -> None:
    made = attempt(provider.connector(**table, pushed_requests=pushed))
    assert ("request_uri=" in made.begun.url) is pushed
    assert made.finish().subject == "chan"


def test_a_provider_that_takes_pushed_requests_gets_them(provider: OtherProvider) -> None:
    assert "request_uri=" in attempt(provider.connector()).begun.url


def test_signed_user_information(provider: OtherProvider) -> None:
    table = {"client_id": "signed", "client_secret": "signed secret", "claims_from": "signed_userinfo"}
    assert attempt(provider.connector(**table)).finish().subject == "chan"
    # The same provider to a client that did not ask for signatures.
    assert _fault(attempt(provider.connector(claims_from="signed_userinfo"))) is ProviderFault.UNTRUSTED


def test_a_provider_that_only_says_who_it_was(provider: OtherProvider) -> None:
    grant = attempt(provider.connector(claims=None, portrait=None)).finish()
    assert (grant.subject, grant.claims, grant.portrait, grant.verified_claims()) == ("chan", None, None, None)


def test_a_person_without_everything(provider: OtherProvider) -> None:
    grant = attempt(provider.connector(), "wong").finish()
    assert grant.claims is not None
    assert (grant.claims.display_name, grant.claims.document_number) == ("WONG", "QX9004561")
    assert (grant.claims.document_expires, grant.portrait) == (None, None)


@pytest.mark.parametrize(
    ("person", "fault"),
    [
        ("broken", ProviderFault.GARBLED),
        ("yearless", ProviderFault.GARBLED),
        ("unnumbered", ProviderFault.WITHHELD),
    ],
)
def test_people_whose_claims_do_not_do(provider: OtherProvider, person: str, fault: ProviderFault) -> None:
    assert _fault(attempt(provider.connector(), person)) is fault


def test_tokens_are_renewed(provider: OtherProvider) -> None:
    connector = provider.connector()
    assert isinstance(connector, GenericConnector)
    tokens = attempt(connector).finish().tokens
    assert tokens is not None
    renewed = connector.refresh(tokens, at=datetime.now(UTC))
    assert renewed.access_token != tokens.access_token
    assert renewed.refresh_token != tokens.refresh_token
    with pytest.raises(ConnectorError) as caught:
        connector.refresh(tokens, at=datetime.now(UTC))
    assert (caught.value.fault, caught.value.code) == (ProviderFault.REFUSED, "invalid_grant")


def test_the_person_cancels(provider: OtherProvider) -> None:
    assert _fault(attempt(provider.connector(), cancel=True)) is ProviderFault.CANCELLED


def test_a_code_counts_once(provider: OtherProvider) -> None:
    made = attempt(provider.connector())
    made.finish()
    assert _fault(made) is ProviderFault.REFUSED


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"nonce": "another"}, ProviderFault.UNTRUSTED),
        ({"verifier": "x" * 43}, ProviderFault.REFUSED),
    ],
)
def test_what_was_remembered_counts(provider: OtherProvider, change: dict[str, str], fault: ProviderFault) -> None:
    made = attempt(provider.connector())
    assert _fault(made, memory=json.dumps(json.loads(made.begun.memory) | change).encode()) is fault


def test_a_wrong_secret_is_ours_to_mend(provider: OtherProvider) -> None:
    connector = provider.connector(client_secret="wrong")
    with pytest.raises(ConnectorError) as caught:
        attempt(connector)
    assert (caught.value.fault, caught.value.code) == (ProviderFault.MISCONFIGURED, "invalid_client")


def test_a_level_nobody_listed_is_refused(provider: OtherProvider) -> None:
    assert _fault(attempt(provider.connector(levels={"urn:acme:other": "high"}))) is ProviderFault.UNTRUSTED


def _id_token(provider: OtherProvider, spoil: Callable[[dict[str, Any]], str]) -> None:
    """Have the token endpoint's ID token made anew from its claims."""

    def answer(response: httpx.Response) -> httpx.Response:
        body = response.json()
        claims = jwt.decode(body["id_token"], options={"verify_signature": False})
        return httpx.Response(200, json=body | {"id_token": spoil(claims)})

    provider.tamper.answers["/token"] = answer


def _resigned(provider: OtherProvider, key: ECKey | None = None, **change: Any) -> Callable[[dict[str, Any]], str]:
    def spoil(claims: dict[str, Any]) -> str:
        made = {name: value for name, value in (claims | change).items() if value is not None}
        private: Any = (key or provider.key).private_key
        return jwt.encode(made, private, algorithm="ES256", headers={"kid": provider.key.kid})

    return spoil


def test_the_one_we_sign_again_unchanged_is_good(provider: OtherProvider) -> None:
    _id_token(provider, _resigned(provider))
    assert attempt(provider.connector()).finish().subject == "chan"


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "http://evil.test"},
        {"aud": "another-client"},
        {"aud": ["basic", "another-client"]},
        {"aud": ["basic"], "azp": "another-client"},
        {"nonce": "another"},
        {"nonce": None},
        {"at_hash": "AAAA"},
        {"exp": 1},
        {"iat": 1},
        {"auth_time": 1},
        {"acr": "urn:acme:none"},
        {"acr": None},
        {"sub": "wong"},
    ],
)
def test_an_id_token_that_is_not_for_this_login(provider: OtherProvider, change: dict[str, Any]) -> None:
    _id_token(provider, _resigned(provider, **change))
    assert _fault(attempt(provider.connector())) is ProviderFault.UNTRUSTED


def test_the_providers_own_session_does_unless_a_fresh_login_is_wanted(provider: OtherProvider) -> None:
    connector = provider.connector(scopes=["openid", "identity"])
    silent_of_age = provider.connector(scopes=["openid", "identity"], max_age=False)
    with httpx.Client(trust_env=False) as browser:
        assert attempt(connector, own=browser).finish().subject == "chan"
        assert goes_straight_back(connector, browser, WantedLogin())
        assert goes_straight_back(connector, browser, WantedLogin(max_age=3600))
        assert not goes_straight_back(connector, browser, WantedLogin(fresh=True))
        assert not goes_straight_back(connector, browser, WantedLogin(max_age=0))
        assert goes_straight_back(silent_of_age, browser, WantedLogin())
        assert not goes_straight_back(silent_of_age, browser, WantedLogin(max_age=3600))


def test_auth_time_is_needed_where_max_age_was_asked(provider: OtherProvider) -> None:
    _id_token(provider, _resigned(provider, auth_time=None))
    assert _fault(attempt(provider.connector())) is ProviderFault.GARBLED
    assert attempt(provider.connector(max_age=False)).finish().subject == "chan"


def test_an_unsigned_id_token(provider: OtherProvider) -> None:
    _id_token(provider, lambda claims: jwt.encode(claims, "", algorithm="none", headers={"kid": provider.key.kid}))
    assert _fault(attempt(provider.connector())) is ProviderFault.UNTRUSTED


def test_an_id_token_signed_with_the_public_key_as_a_secret(provider: OtherProvider) -> None:
    def spoil(claims: dict[str, Any]) -> str:
        # By hand, because a library refuses to sign like this.
        header = {"alg": "HS256", "kid": provider.key.kid}
        text = ".".join(b64url(json.dumps(part).encode()) for part in (header, claims))
        secret = json.dumps(provider.key.as_dict(private=False)).encode()
        return f"{text}.{b64url(hmac.digest(secret, text.encode(), 'sha256'))}"

    _id_token(provider, spoil)
    assert _fault(attempt(provider.connector())) is ProviderFault.UNTRUSTED


def test_an_id_token_of_a_stranger(provider: OtherProvider) -> None:
    _id_token(provider, _resigned(provider, ECKey.generate_key("P-256")))
    assert _fault(attempt(provider.connector())) is ProviderFault.UNTRUSTED


def test_user_information_about_somebody_else(provider: OtherProvider) -> None:
    provider.tamper.answers["/me"] = lambda answer: httpx.Response(200, json=answer.json() | {"sub": "wong"})
    assert _fault(attempt(provider.connector())) is ProviderFault.UNTRUSTED


def test_a_discovery_document_of_another_issuer(provider: OtherProvider) -> None:
    path = "/.well-known/openid-configuration"
    provider.tamper.answers[path] = lambda answer: httpx.Response(
        200, json=answer.json() | {"issuer": "http://evil.test"}
    )
    with pytest.raises(ConnectorError) as caught:
        attempt(provider.connector())
    assert caught.value.fault is ProviderFault.UNTRUSTED


@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", "userinfo_endpoint"])
def test_endpoints_at_a_foreign_origin(provider: OtherProvider, name: str) -> None:
    path = "/.well-known/openid-configuration"
    provider.tamper.answers[path] = lambda answer: httpx.Response(
        200, json=answer.json() | {name: "http://127.0.0.1:1/x"}
    )
    assert _fault(attempt(provider.connector())) is ProviderFault.UNTRUSTED
    assert not [request for request in provider.tamper.asked if request.url.port == 1]
    # Where the settings say that they may be there, they are asked.
    assert _fault(attempt(provider.connector(endpoint_origins=["http://127.0.0.1:1"]))) is ProviderFault.UNREACHABLE


def test_the_answer_names_its_issuer(provider: OtherProvider) -> None:
    made = attempt(provider.connector())
    assert made.answer["iss"] == provider.issuer
    made.answer["iss"] = "http://evil.test"
    assert _fault(made) is ProviderFault.UNTRUSTED
    del made.answer["iss"]  # the provider says that it always names itself
    assert _fault(made) is ProviderFault.UNTRUSTED


def test_the_providers_keys_rotate_without_a_restart_of_ours(provider: OtherProvider, tmp_path: Path) -> None:
    connector = provider.connector()
    assert attempt(connector).finish().subject == "chan"
    provider.restart(jwks={"keys": [signing_key("theirs-2")]})
    assert attempt(connector).finish().subject == "chan"
    asked = [request for request in provider.tamper.asked if request.url.path == "/jwks"]
    assert len(asked) == 2
