"""RFC 9068: the access token's form, and what the resource refuses; RFC 7009: revocation."""

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from broker.oidc.keys import TokenKey
from tests.support.oidc_world import ISSUER, OidcWorld
from tests.support.wallet_client import WalletClient, WalletError


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


def test_2_header_and_claims(world: OidcWorld) -> None:
    wallet = world.logged_in()
    header, claims = _parts(wallet.access_token or "")
    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")
    assert claims["iss"] == ISSUER
    assert claims["aud"] == f"{ISSUER}/wallet/v1"
    assert claims["client_id"] == "tongguan-wallet"
    assert claims["sub"] == wallet.id_token["sub"]
    assert claims["cnf"] == {"jkt": wallet.key.jkt}
    assert claims["exp"] - claims["iat"] == 300
    assert wallet.me()["inside"] not in (wallet.access_token or "")


def _forged(
    world: OidcWorld, wallet: WalletClient, *, typ: str = "at+jwt", key: TokenKey | None = None, **change: Any
) -> str:
    _, claims = _parts(wallet.access_token or "")
    claims = {name: value for name, value in (claims | change).items() if value is not None}
    return (key or world.server.token_keys.current).sign(claims, typ=typ)


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "https://other.test"},
        {"iss": "https://other.test"},
        {"typ": "JWT"},
        {"cnf": None},
        {"cnf": "x"},
        {"grant": "not-a-uuid"},
        {"grant": "00000000-0000-4000-8000-000000000000"},
        {"exp": 1},
        {"exp": None},
        {"exp": "later"},
        {"sub": None},
    ],
)
def test_4_what_the_resource_refuses(world: OidcWorld, change: dict[str, Any]) -> None:
    wallet = world.logged_in()
    wallet.access_token = _forged(world, wallet, **change)
    with pytest.raises(WalletError) as refused:
        wallet.me()
    assert refused.value.status == 401


def test_4_another_key(world: OidcWorld) -> None:
    wallet = world.logged_in()
    wallet.access_token = _forged(world, wallet, key=TokenKey.of(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(WalletError) as refused:
        wallet.me()
    assert refused.value.status == 401


def test_4_an_id_token_is_no_access_token(world: OidcWorld) -> None:
    wallet = world.logged_in()
    wallet.access_token = world.server.token_keys.current.sign(wallet.id_token, typ="JWT")
    with pytest.raises(WalletError) as refused:
        wallet.me()
    assert refused.value.status == 401


def test_4_expiry(world: OidcWorld) -> None:
    wallet = world.logged_in()
    wallet.refresh_token = None  # so that the client does not renew by itself
    world.clock.forward(seconds=300)
    with pytest.raises(WalletError) as refused:
        wallet.me()
    assert refused.value.status == 401


def test_rfc7009_revoking_the_refresh_token_ends_the_grant(world: OidcWorld) -> None:
    wallet = world.logged_in()
    access, refresh = wallet.access_token, wallet.refresh_token
    wallet.logout()
    wallet.access_token = access
    with pytest.raises(WalletError) as refused:
        wallet.me()
    assert refused.value.status == 401
    with pytest.raises(WalletError):
        wallet.token(grant_type="refresh_token", refresh_token=refresh or "")


def test_rfc7009_revoking_the_access_token_ends_the_grant(world: OidcWorld) -> None:
    wallet = world.logged_in()
    data = {"client_id": wallet.client_id, "token": wallet.access_token or "", "token_type_hint": "access_token"}
    assert wallet.api.post(f"{ISSUER}/oauth/revoke", data=data).status_code == 200
    with pytest.raises(WalletError):
        wallet.refresh()


def test_rfc7009_2_2_an_unknown_token_is_no_error(world: OidcWorld) -> None:
    data = {"client_id": "tongguan-wallet", "token": "unknown"}
    assert world.client().post(f"{ISSUER}/oauth/revoke", data=data).status_code == 200
    assert world.client().post(f"{ISSUER}/oauth/revoke", data={"client_id": "x", "token": "y"}).status_code == 401
