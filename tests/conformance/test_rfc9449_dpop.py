"""RFC 9449: every way a proof can be wrong, at the token endpoint and at the resource."""

from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import ECKey, OctKey

from tests.support.oidc_world import ISSUER, OidcWorld
from tests.support.wallet_client import DpopKey, WalletClient

ME = f"{ISSUER}/wallet/v1/me"
TOKEN = f"{ISSUER}/oauth/token"


def _get(wallet: WalletClient, *proofs: str, token: str | None = None, scheme: str = "DPoP") -> httpx.Response:
    headers = [("Authorization", f"{scheme} {token or wallet.access_token}"), *(("DPoP", proof) for proof in proofs)]
    return wallet.api.get(ME, headers=headers)


def _proof(wallet: WalletClient, **change: Any) -> str:
    settings = {"nonce": wallet.nonce, "access_token": wallet.access_token} | change
    return wallet.key.proof(settings.pop("method", "GET"), settings.pop("url", ME), **settings)


def _refused(response: httpx.Response, error: str = "invalid_dpop_proof") -> None:
    assert response.status_code == 401, response.text
    challenge = response.headers["www-authenticate"]
    assert challenge.startswith("DPoP ")
    assert f'error="{error}"' in challenge
    assert response.headers["dpop-nonce"]


@pytest.fixture
def wallet(world: OidcWorld) -> WalletClient:
    made = world.logged_in()
    assert _get(made, _proof(made)).status_code == 200  # the unspoilt proof works: each test below changes one thing
    return made


def test_4_3_1_missing(wallet: WalletClient) -> None:
    _refused(_get(wallet))


def test_4_3_1_two_headers(wallet: WalletClient) -> None:
    _refused(_get(wallet, _proof(wallet), _proof(wallet)))


@pytest.mark.parametrize("junk", ["x", "a.b.c", "e30.e30.", "é.é.é", "." * 50, "A" * 5000])
def test_4_3_2_not_a_jwt(wallet: WalletClient, junk: str) -> None:
    headers = {"Authorization": f"DPoP {wallet.access_token}".encode(), "DPoP": junk.encode()}
    _refused(wallet.api.get(ME, headers=headers))


@pytest.mark.parametrize("claim", ["jti", "htm", "htu", "iat"])
def test_4_3_3_missing_claim(wallet: WalletClient, claim: str) -> None:
    _refused(_get(wallet, _proof(wallet, **{claim: None})))


@pytest.mark.parametrize("jti", ["", "x" * 129, 7])
def test_4_3_3_jti_form(wallet: WalletClient, jti: Any) -> None:
    _refused(_get(wallet, _proof(wallet, jti=jti)))


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "DPOP"])
def test_4_3_4_wrong_typ(wallet: WalletClient, typ: str) -> None:
    _refused(_get(wallet, _proof(wallet, header={"typ": typ})))


def _signed(wallet: WalletClient, key: Any, algorithm: str, jwk: dict[str, Any]) -> str:
    claims = jwt.decode(_proof(wallet), options={"verify_signature": False})
    return jwt.encode(claims, key, algorithm=algorithm, headers={"typ": "dpop+jwt", "jwk": jwk})


def test_4_3_5_algorithms(wallet: WalletClient) -> None:
    _refused(_get(wallet, _signed(wallet, "", "none", wallet.key.jwk)))
    shared = OctKey.generate_key(256)
    _refused(_get(wallet, _signed(wallet, shared.raw_value, "HS256", shared.as_dict())))
    big = rsa.generate_private_key(65537, 2048)
    _refused(_get(wallet, _signed(wallet, big, "RS256", jwt.algorithms.RSAAlgorithm.to_jwk(big.public_key(), True))))


def test_4_3_6_signed_with_another_key(wallet: WalletClient) -> None:
    other = DpopKey(wallet.now)
    _refused(_get(wallet, _proof(wallet, header={"jwk": other.jwk})))


def test_4_3_6_damaged_signature(wallet: WalletClient) -> None:
    head, body, signature = _proof(wallet).split(".")
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    _refused(_get(wallet, f"{head}.{body}.{flipped}"))


def test_4_3_7_private_key_inside(wallet: WalletClient) -> None:
    key = ECKey.generate_key("P-256")
    _refused(_get(wallet, _signed(wallet, key.private_key, "ES256", key.as_dict(private=True))))


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        [],
        "x",
        {"kty": "EC", "crv": "P-256"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": 1, "y": []},
        {"kty": ["EC"], "crv": "P-256"},
        {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"},
    ],
)
def test_4_3_7_no_usable_key(wallet: WalletClient, jwk: Any) -> None:
    _refused(_get(wallet, _proof(wallet, header={"jwk": jwk})))


@pytest.mark.parametrize("method", ["POST", "get", "G"])
def test_4_3_8_wrong_htm(wallet: WalletClient, method: str) -> None:
    _refused(_get(wallet, _proof(wallet, method=method)))


@pytest.mark.parametrize(
    "url",
    [
        f"{ISSUER}/wallet/v1/consents",
        f"{ISSUER}/wallet/v1/me/",
        "http://evil.test/wallet/v1/me",
        "https://broker.test/wallet/v1/me",
        "http://broker.test:8080/wallet/v1/me",
        "http://user@broker.test/wallet/v1/me",
        "http://broker.test:x/wallet/v1/me",
        "/wallet/v1/me",
        "",
    ],
)
def test_4_3_9_wrong_htu(wallet: WalletClient, url: str) -> None:
    _refused(_get(wallet, _proof(wallet, url=url)))


@pytest.mark.parametrize("url", [f"{ME}?page=2#top", "HTTP://BROKER.test:80/wallet/v1/me"])
def test_4_3_9_htu_is_compared_normalised_and_without_query(wallet: WalletClient, url: str) -> None:
    assert _get(wallet, _proof(wallet, url=url)).status_code == 200


def test_4_3_10_nonce_missing_or_wrong(wallet: WalletClient) -> None:
    for nonce in (None, "guess", "ü"):
        response = _get(wallet, _proof(wallet, nonce=nonce))
        _refused(response, "use_dpop_nonce")
        assert _get(wallet, _proof(wallet, nonce=response.headers["dpop-nonce"])).status_code == 200


def test_8_a_nonce_ends(world: OidcWorld, wallet: WalletClient) -> None:
    old = wallet.nonce
    world.clock.forward(seconds=301)
    wallet.refresh()
    assert wallet.nonce != old
    _refused(_get(wallet, _proof(wallet, nonce=old)), "use_dpop_nonce")


@pytest.mark.parametrize("offset", [-301, 61, -(10**9), 10**12])
def test_4_3_11_iat_too_old_or_early(wallet: WalletClient, offset: int) -> None:
    _refused(_get(wallet, _proof(wallet, iat=int(wallet.now()) + offset)))


@pytest.mark.parametrize("offset", [-300, 0, 60])
def test_4_3_11_iat_bounds_are_inclusive(wallet: WalletClient, offset: int) -> None:
    assert _get(wallet, _proof(wallet, iat=int(wallet.now()) + offset)).status_code == 200


@pytest.mark.parametrize("iat", ["now", True, [], 1e400, float("nan")])
def test_4_3_11_iat_form(wallet: WalletClient, iat: Any) -> None:
    _refused(_get(wallet, _proof(wallet, iat=iat)))


@pytest.mark.parametrize("bounds", [{"exp": -1}, {"nbf": 61}, {"exp": "x"}])
def test_4_3_11_exp_and_nbf_are_kept_when_present(wallet: WalletClient, bounds: dict[str, Any]) -> None:
    claims = {k: v if isinstance(v, str) else int(wallet.now()) + v for k, v in bounds.items()}
    _refused(_get(wallet, _proof(wallet, **claims)))


def test_4_3_12_ath_missing_or_of_another_token(wallet: WalletClient) -> None:
    _refused(_get(wallet, _proof(wallet, access_token=None)))
    _refused(_get(wallet, _proof(wallet, access_token="another")))


def test_4_3_12_token_bound_to_another_key(world: OidcWorld, wallet: WalletClient) -> None:
    thief = DpopKey(world.clock.seconds)
    proof = thief.proof("GET", ME, nonce=wallet.nonce, access_token=wallet.access_token)
    _refused(_get(wallet, proof), "invalid_token")


def test_7_1_bearer_presentation_is_refused(wallet: WalletClient) -> None:
    assert _get(wallet, _proof(wallet), scheme="Bearer").status_code == 401
    assert wallet.api.get(ME).status_code == 401


def test_11_1_replay_is_refused(wallet: WalletClient) -> None:
    proof = _proof(wallet)
    assert _get(wallet, proof).status_code == 200
    _refused(_get(wallet, proof))


def test_11_1_the_guard_is_per_key_and_jti(world: OidcWorld, wallet: WalletClient) -> None:
    """A changed signature or payload over the same jti is still the same proof: nothing is keyed on signature bytes."""
    assert _get(wallet, _proof(wallet, jti="chosen")).status_code == 200
    _refused(_get(wallet, _proof(wallet, jti="chosen", extra="claim")))
    other = world.logged_in("macau", "macau-lei")
    assert _get(other, _proof(other, jti="chosen")).status_code == 200


def test_11_1_replay_is_refused_at_the_token_endpoint(world: OidcWorld, wallet: WalletClient) -> None:
    proof = wallet.key.proof("POST", TOKEN, nonce=wallet.nonce)
    form = {"client_id": wallet.client_id, "grant_type": "refresh_token", "refresh_token": wallet.refresh_token or ""}
    first = wallet.api.post(TOKEN, data=form, headers={"DPoP": proof})
    assert first.status_code == 200
    form["refresh_token"] = first.json()["refresh_token"]
    again = wallet.api.post(TOKEN, data=form, headers={"DPoP": proof})
    assert (again.status_code, again.json()["error"]) == (400, "invalid_dpop_proof")
    # The replay spent nothing.
    fresh = wallet.key.proof("POST", TOKEN, nonce=wallet.nonce)
    assert wallet.api.post(TOKEN, data=form, headers={"DPoP": fresh}).status_code == 200


def test_5_a_token_request_needs_a_proof(world: OidcWorld) -> None:
    wallet = world.logged_in()
    form = {"client_id": wallet.client_id, "grant_type": "refresh_token", "refresh_token": wallet.refresh_token or ""}
    response = wallet.api.post(TOKEN, data=form)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_dpop_proof")


def test_8_the_token_endpoint_asks_for_its_nonce(world: OidcWorld) -> None:
    wallet = world.logged_in()
    form = {"client_id": wallet.client_id, "grant_type": "refresh_token", "refresh_token": wallet.refresh_token or ""}
    response = wallet.api.post(TOKEN, data=form, headers={"DPoP": wallet.key.proof("POST", TOKEN)})
    assert (response.status_code, response.json()["error"]) == (400, "use_dpop_nonce")
    assert response.headers["dpop-nonce"]


def test_10_a_code_bound_to_a_key_is_useless_to_another(world: OidcWorld) -> None:
    wallet = world.wallet()
    announced = DpopKey(world.clock.seconds)
    verifier = "v" * 43
    code = wallet.authorize(verifier, "ctid", "ctid-li", dpop_jkt=announced.jkt)["code"]
    form = {
        "client_id": wallet.client_id,
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": wallet.redirect_uri,
        "code_verifier": verifier,
    }
    nonce = world.server.nonces.current(world.clock())
    proof = wallet.key.proof("POST", TOKEN, nonce=nonce)
    response = wallet.api.post(TOKEN, data=form, headers={"DPoP": proof})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")
