"""RFC 7636: a challenge always, S256 always, and the verifier that belongs to it."""

import os
from typing import Any

import pytest

from broker.core.authorization import digest
from broker.core.client import Authentication, Profile
from tests.support.oidc_agency import Agency
from tests.support.oidc_world import OidcWorld
from tests.support.wallet_client import WalletClient, WalletError, b64url


def _authorize(wallet: WalletClient, **extra: str) -> dict[str, str]:
    answer = wallet.follow(wallet.browser.get(wallet.authorization_url(b64url(os.urandom(32)), "s", "n", **extra)))
    assert isinstance(answer, dict)
    return answer


@pytest.mark.parametrize(
    "change",
    [
        {"code_challenge": ""},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": ""},
        {"code_challenge_method": "s256"},
        {"code_challenge": "short"},
        {"code_challenge": "A" * 44},
        {"code_challenge": "A" * 42 + "!"},
    ],
    ids=["4.3 no challenge", "plain", "no method means plain", "method is case-sensitive", "short", "long", "alphabet"],
)
def test_4_4_1_anything_but_an_s256_challenge_is_refused(world: OidcWorld, change: dict[str, str]) -> None:
    answer = _authorize(world.wallet(), **change)
    assert answer["error"] == "invalid_request"
    assert answer["state"] == "s"


def test_rfc9700_2_1_1_a_public_client_may_not_leave_it_out(world: OidcWorld) -> None:
    change: dict[str, Any] = {"profile": Profile.OIDC_BASIC}
    asked = {"code_challenge": None, "code_challenge_method": None}
    public = Agency(world, auth=Authentication.NONE, **change)
    public.log_in()
    assert public.authorize(**asked)["error"] == "invalid_request"
    assert "code" in public.authorize()
    secret = Agency(world, "other-web", auth=Authentication.CLIENT_SECRET_POST, secret_hash=digest("secret"), **change)
    secret.log_in()
    assert "code" in secret.authorize(**asked)


@pytest.mark.parametrize("wrong", ["B" * 43, "short", "", "A" * 129, "ä" * 43])
def test_4_6_another_verifier_is_refused_and_the_code_is_gone(world: OidcWorld, wrong: str) -> None:
    wallet, verifier = world.wallet(), b64url(os.urandom(32))
    code = wallet.authorize(verifier, "ctid", "ctid-wang")["code"]
    exchange: dict[str, Any] = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": wallet.redirect_uri,
    }
    for attempt in (wrong, verifier):  # even the right verifier comes too late: the code was shown to somebody
        with pytest.raises(WalletError) as refused:
            wallet.token(**exchange, code_verifier=attempt)
        assert (refused.value.status, refused.value.body["error"]) == (400, "invalid_grant")


def test_4_6_the_right_verifier_is_accepted(world: OidcWorld) -> None:
    assert world.logged_in().access_token
