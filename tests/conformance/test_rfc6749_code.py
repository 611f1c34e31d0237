"""RFC 6749 4.1: authorization requests, codes and their exchange; RFC 9207: the issuer in every answer."""

import os
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest

from tests.support.oidc_world import ISSUER, OTHER_CLIENT, OidcWorld
from tests.support.wallet_client import WalletClient, WalletError, b64url


def _code(wallet: WalletClient, **extra: str) -> tuple[str, str]:
    verifier = b64url(os.urandom(32))
    return wallet.authorize(verifier, "iamsmart", "iamsmart-chan", **extra)["code"], verifier


def _exchange(wallet: WalletClient, code: str, verifier: str, /, **change: str) -> dict[str, object]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": wallet.redirect_uri,
        "code_verifier": verifier,
        **change,
    }
    return wallet.token(**{name: value for name, value in form.items() if value})


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"client_id": "stranger"}, "not registered"),
        ({"client_id": ""}, "not registered"),
        ({"redirect_uri": "http://wallet.test/callback/"}, "has not registered"),
        ({"redirect_uri": "http://wallet.test/callback?x=1"}, "has not registered"),
        ({"redirect_uri": "http://WALLET.test/callback"}, "has not registered"),
        ({"redirect_uri": "http://wallet.test.evil.test/callback"}, "has not registered"),
        ({"redirect_uri": ""}, "has not registered"),
    ],
)
def test_4_1_2_1_client_and_redirect_mistakes_are_shown_not_redirected(
    world: OidcWorld, change: dict[str, str], key: str
) -> None:
    wallet = world.wallet()
    url = wallet.authorization_url(b64url(os.urandom(32)), "s", "n", **change)
    page = wallet.browser.get(url, headers={"Accept-Language": "en"})
    assert page.status_code == 400
    assert "location" not in page.headers
    assert key in page.text


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": ""}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": "wallet"}, "invalid_scope"),
        ({"scope": "openid admin"}, "invalid_scope"),
        ({"scope": ""}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "sometimes"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"dpop_jkt": "short"}, "invalid_request"),
    ],
)
def test_4_1_2_1_other_mistakes_go_back_with_state_and_iss(
    world: OidcWorld, change: dict[str, str], error: str
) -> None:
    wallet = world.wallet()
    response = wallet.browser.get(wallet.authorization_url(b64url(os.urandom(32)), "xyz", "n", **change))
    assert response.status_code == 303
    answer = dict(parse_qsl(urlsplit(response.headers["location"]).query))
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "xyz", ISSUER)


def test_3_1_repeated_parameters_are_refused(world: OidcWorld) -> None:
    wallet = world.wallet()
    url = wallet.authorization_url(b64url(os.urandom(32)), "s", "n") + "&scope=openid"
    assert wallet.browser.get(url).status_code == 400


def test_3_1_unknown_parameters_are_ignored(world: OidcWorld) -> None:
    code, verifier = _code(wallet := world.wallet(), frobnicate="yes")
    assert _exchange(wallet, code, verifier)["token_type"] == "DPoP"


def test_3_1_the_request_may_be_posted(world: OidcWorld) -> None:
    wallet = world.wallet()
    url = wallet.authorization_url(b64url(os.urandom(32)), "s", "n")
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    response = wallet.browser.post(f"{ISSUER}/oauth/authorize", data=query)
    assert response.status_code == 303
    assert urlsplit(response.headers["location"]).path == "/login"


def test_4_1_2_a_code_works_once_and_reuse_revokes_what_it_founded(world: OidcWorld) -> None:
    wallet = world.wallet()
    code, verifier = _code(wallet)
    wallet.redeem(code, verifier)
    assert wallet.me()["provider"] == "iamsmart"
    with pytest.raises(WalletError) as again:
        _exchange(wallet, code, verifier)
    assert again.value.body["error"] == "invalid_grant"
    with pytest.raises(WalletError) as access:
        wallet.me()
    assert access.value.status == 401
    with pytest.raises(WalletError) as refresh:
        wallet.refresh()
    assert refresh.value.body["error"] == "invalid_grant"


def test_4_1_2_reuse_after_expiry_still_revokes(world: OidcWorld) -> None:
    wallet = world.wallet()
    code, verifier = _code(wallet)
    wallet.redeem(code, verifier)
    world.clock.forward(minutes=4)
    with pytest.raises(WalletError):
        _exchange(wallet, code, verifier)
    with pytest.raises(WalletError):
        wallet.me()


def test_4_1_2_a_code_lives_one_minute(world: OidcWorld) -> None:
    wallet = world.wallet()
    code, verifier = _code(wallet)
    world.clock.forward(seconds=60)
    with pytest.raises(WalletError) as late:
        _exchange(wallet, code, verifier)
    assert late.value.body["error"] == "invalid_grant"


def test_4_1_3_a_code_belongs_to_one_client(world: OidcWorld) -> None:
    wallet = world.wallet()
    code, verifier = _code(wallet)
    with pytest.raises(WalletError) as refused:
        _exchange(wallet, code, verifier, client_id=OTHER_CLIENT)
    assert refused.value.body["error"] == "invalid_grant"


def test_6_a_refresh_token_belongs_to_one_client(world: OidcWorld) -> None:
    wallet = world.logged_in()
    form = {"grant_type": "refresh_token", "refresh_token": wallet.refresh_token or "", "client_id": OTHER_CLIENT}
    with pytest.raises(WalletError) as refused:
        wallet.token(**form)
    assert refused.value.body["error"] == "invalid_grant"
    data = {"client_id": OTHER_CLIENT, "token": wallet.refresh_token or ""}
    assert wallet.api.post(f"{ISSUER}/oauth/revoke", data=data).status_code == 200
    assert wallet.me()["provider"] == "iamsmart"  # nobody revokes what is another's


@pytest.mark.parametrize("redirect_uri", ["http://wallet.test/other", ""])
def test_4_1_3_the_exchange_repeats_the_redirect_uri(world: OidcWorld, redirect_uri: str) -> None:
    wallet = world.wallet()
    code, verifier = _code(wallet)
    with pytest.raises(WalletError) as refused:
        _exchange(wallet, code, verifier, redirect_uri=redirect_uri)
    assert refused.value.body["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"code": ""}, 400, "invalid_request"),
        ({"code": "guessed"}, 400, "invalid_grant"),
        ({"client_id": "stranger"}, 401, "invalid_client"),
        ({"client_secret": "hunter2"}, 401, "invalid_client"),
    ],
)
def test_5_2_error_shapes(world: OidcWorld, change: dict[str, str], status: int, error: str) -> None:
    wallet = world.wallet()
    code, verifier = _code(wallet)
    with pytest.raises(WalletError) as refused:
        _exchange(wallet, code, verifier, **change)
    assert (refused.value.status, refused.value.body["error"]) == (status, error)
    assert set(refused.value.body) == {"error", "error_description"}


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 400),
        ("application/x-www-form-urlencoded", b"grant_type=a&grant_type=b", 400),
        ("application/x-www-form-urlencoded", b"grant_type=%ff%fe", 400),
        ("application/x-www-form-urlencoded", b"grant_type=" + b"a" * 20_000, 413),
        ("application/x-www-form-urlencoded", urlencode({"grant_type": "a\x00b"}).encode(), 400),
    ],
)
def test_3_2_malformed_bodies_get_an_oauth_error(world: OidcWorld, content_type: str, body: bytes, status: int) -> None:
    response = world.client().post(f"{ISSUER}/oauth/token", content=body, headers={"Content-Type": content_type})
    assert (response.status_code, response.json()["error"]) == (status, "invalid_request")


def test_5_1_token_answers_are_not_stored(world: OidcWorld) -> None:
    wallet = world.wallet()
    code, verifier = _code(wallet)
    wallet.redeem(code, verifier)
    response = wallet.api.post(f"{ISSUER}/oauth/token", data={"client_id": "tongguan-wallet"})
    assert response.headers["cache-control"] == "no-store"


def test_secrets_are_remembered_only_as_digests(world: OidcWorld, memory: object) -> None:
    wallet = world.wallet()
    code, verifier = _code(wallet)
    wallet.redeem(code, verifier)
    remembered = repr(vars(memory))
    cookie = wallet.browser.cookies["tongguan-session"]
    for secret in (code, verifier, wallet.refresh_token, wallet.access_token, cookie):
        assert secret
        assert secret not in remembered
