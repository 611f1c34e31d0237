"""RFC 9126: pushed authorization requests, optional for the wallet."""

import httpx
import pytest

from tests.support.oidc_world import ISSUER, OTHER_CLIENT, OidcWorld
from tests.support.wallet_client import DpopKey, WalletClient

PAR = f"{ISSUER}/oauth/par"


def _push(wallet: WalletClient, headers: dict[str, str] | None = None, **change: str) -> httpx.Response:
    form = {
        "response_type": "code",
        "client_id": wallet.client_id,
        "redirect_uri": wallet.redirect_uri,
        "scope": "openid wallet",
        "state": "pushed",
        "nonce": "n",
        "code_challenge": "A" * 43,
        "code_challenge_method": "S256",
        **change,
    }
    return wallet.api.post(PAR, data={k: v for k, v in form.items() if v}, headers=headers)


def _use(wallet: WalletClient, uri: str, client_id: str | None = None) -> httpx.Response:
    query = {"client_id": client_id or wallet.client_id, "request_uri": uri}
    return wallet.browser.get(f"{ISSUER}/oauth/authorize", params=query)


def test_2_2_a_pushed_request_is_used_once(world: OidcWorld) -> None:
    wallet = world.logged_in()
    pushed = _push(wallet)
    assert pushed.status_code == 201
    assert pushed.json()["expires_in"] == 60
    uri = pushed.json()["request_uri"]
    answer = wallet.follow(_use(wallet, uri))
    assert isinstance(answer, dict)
    assert answer["state"] == "pushed"
    assert "code" in answer
    assert _use(wallet, uri).status_code == 400


def test_4_parameters_beside_request_uri_change_nothing(world: OidcWorld) -> None:
    wallet = world.logged_in()
    uri = _push(wallet).json()["request_uri"]
    query = {"client_id": wallet.client_id, "request_uri": uri, "state": "injected", "redirect_uri": "http://evil.test"}
    answer = wallet.follow(wallet.browser.get(f"{ISSUER}/oauth/authorize", params=query))
    assert isinstance(answer, dict)
    assert answer["state"] == "pushed"


def test_4_expired(world: OidcWorld) -> None:
    wallet = world.logged_in()
    uri = _push(wallet).json()["request_uri"]
    world.clock.forward(seconds=60)
    assert _use(wallet, uri).status_code == 400


def test_4_another_clients_request(world: OidcWorld) -> None:
    wallet = world.logged_in()
    uri = _push(wallet).json()["request_uri"]
    assert _use(wallet, uri, OTHER_CLIENT).status_code == 400


@pytest.mark.parametrize("uri", ["urn:ietf:params:oauth:request_uri:guess", "https://evil.test/request", "x"])
def test_4_unknown(world: OidcWorld, uri: str) -> None:
    assert _use(world.logged_in(), uri).status_code == 400


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, 400, "invalid_request"),
        ({"redirect_uri": "http://evil.test"}, 400, "invalid_request"),
        ({"code_challenge": ""}, 400, "invalid_request"),
        ({"scope": "openid admin"}, 400, "invalid_scope"),
        ({"client_id": "stranger"}, 401, "invalid_client"),
    ],
)
def test_2_3_errors(world: OidcWorld, change: dict[str, str], status: int, error: str) -> None:
    response = _push(world.wallet(), **change)
    assert (response.status_code, response.json()["error"]) == (status, error)


def test_rfc9449_10_1_a_proof_binds_the_code(world: OidcWorld) -> None:
    wallet = world.wallet()
    nonce = world.server.nonces.current(world.clock())
    proof = wallet.key.proof("POST", PAR, nonce=nonce)
    assert _push(wallet, {"DPoP": proof}).status_code == 201
    assert _push(wallet, {"DPoP": proof}).json()["error"] == "invalid_dpop_proof"
    other = DpopKey(world.clock.seconds)
    proof = wallet.key.proof("POST", PAR, nonce=nonce)
    assert _push(wallet, {"DPoP": proof}, dpop_jkt=other.jkt).json()["error"] == "invalid_request"


def test_prompt_login_asks_for_a_login_since_the_browser_came_not_since_the_push(world: OidcWorld) -> None:
    wallet = world.wallet()
    uri = _push(wallet, prompt="login").json()["request_uri"]
    world.clock.forward(seconds=5)
    wallet.login("iamsmart", "iamsmart-chan")
    world.clock.forward(seconds=30)
    page = wallet.follow(_use(wallet, uri))
    assert isinstance(page, httpx.Response)
    assert page.url.path == "/login"
    answer = wallet.follow(wallet.browser.get(f"{ISSUER}{page.url.params['return_to']}"))
    assert isinstance(answer, dict)
    assert answer["error"] == "login_required"


def test_a_pushed_request_is_not_continued_before_it_is_opened(world: OidcWorld) -> None:
    wallet = world.wallet()
    handle = _push(wallet, prompt="login").json()["request_uri"].rpartition(":")[2]
    world.clock.forward(seconds=5)
    wallet.login("iamsmart", "iamsmart-chan")
    assert wallet.browser.get(f"{ISSUER}/oauth/continue/{handle}").status_code == 400


def test_a_pushed_request_can_wait_for_the_login(world: OidcWorld) -> None:
    wallet = world.wallet()
    page = wallet.follow(_use(wallet, _push(wallet).json()["request_uri"]))
    assert isinstance(page, httpx.Response)
    answer = wallet.at_provider(page, "macau", "macau-lei")
    assert isinstance(answer, dict)
    assert answer["state"] == "pushed"
