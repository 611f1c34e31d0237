"""RFC 6749 6 with RFC 9700 4.14.2: rotation, reuse detection, and the family that dies with it."""

import pytest

from broker.core.denial import Denied
from broker.wire.reasons import Reason
from tests.support.oidc_world import OidcWorld
from tests.support.wallet_client import DpopKey, WalletError


def test_6_each_use_rotates(world: OidcWorld) -> None:
    wallet = world.logged_in()
    seen = {wallet.refresh_token}
    for _ in range(3):
        wallet.refresh()
        assert wallet.refresh_token not in seen
        seen.add(wallet.refresh_token)
    assert wallet.me()["provider"] == "iamsmart"


def test_reuse_revokes_the_whole_family(world: OidcWorld) -> None:
    wallet = world.logged_in()
    stolen = wallet.refresh_token or ""
    wallet.refresh()
    with pytest.raises(WalletError) as reused:
        wallet.token(grant_type="refresh_token", refresh_token=stolen)
    assert reused.value.body["error"] == "invalid_grant"
    with pytest.raises(WalletError):
        wallet.refresh()  # the newest link is dead as well
    with pytest.raises(WalletError) as access:
        wallet.me()
    assert access.value.status == 401


def test_another_family_of_the_same_person_lives_on(world: OidcWorld) -> None:
    first, second = world.logged_in(), world.logged_in()
    stolen = first.refresh_token or ""
    first.refresh()
    with pytest.raises(WalletError):
        first.token(grant_type="refresh_token", refresh_token=stolen)
    assert second.me()["traveller"] == second.id_token["sub"]


def test_a_public_clients_token_is_bound_to_its_key(world: OidcWorld) -> None:
    wallet = world.logged_in()
    owner = wallet.key
    wallet.key = DpopKey(world.clock.seconds)
    with pytest.raises(WalletError) as thief:
        wallet.refresh()
    assert thief.value.body["error"] == "invalid_grant"
    wallet.key = owner
    wallet.refresh()  # a thief without the key ends nothing


def test_scope_may_shrink_but_not_grow(world: OidcWorld) -> None:
    wallet = world.logged_in()
    body = wallet.token(grant_type="refresh_token", refresh_token=wallet.refresh_token or "", scope="openid")
    assert body["scope"] == "openid"
    wallet.access_token, wallet.refresh_token = body["access_token"], body["refresh_token"]
    with pytest.raises(WalletError) as narrow:
        wallet.me()
    assert narrow.value.status == 403
    with pytest.raises(WalletError) as wide:
        wallet.token(grant_type="refresh_token", refresh_token=wallet.refresh_token or "", scope="openid admin")
    assert wide.value.body["error"] == "invalid_scope"


def test_idle_and_absolute_lifetimes(world: OidcWorld) -> None:
    idle, busy = world.logged_in(), world.logged_in()
    for _ in range(8):
        world.clock.forward(days=10)
        busy.refresh()
    with pytest.raises(WalletError):
        idle.refresh()
    world.clock.forward(days=10)
    with pytest.raises(WalletError):
        busy.refresh()  # 90 days after the login, however busy


def test_whoever_may_not_be_told_of_the_person_gets_no_token(world: OidcWorld) -> None:
    wallet = world.logged_in()
    world.desk.withheld = Denied(Reason.TRANSFER_HELD, "not now")
    with pytest.raises(WalletError) as held:
        wallet.refresh()
    assert held.value.body["error"] == "invalid_grant"
    assert "transfer_held" in held.value.body["error_description"]
    # What it has is as good as before: nobody used it, and the law may say something else tomorrow.
    world.desk.withheld = None
    assert wallet.refresh()
