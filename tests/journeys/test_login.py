"""Logging in with real processes: database, broker and three providers over HTTP."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.html_forms import forms_of, submit
from tests.support.stage import PROVIDERS, Stage
from tests.support.wallet_client import WalletClient, WalletError, b64url

PEOPLE = {
    "ctid": ["ctid-wang", "ctid-li", "ctid-ouyang"],
    "iamsmart": ["iamsmart-chan", "iamsmart-wong", "iamsmart-dsouza"],
    "macau": ["macau-sousa", "macau-lei", "macau-rosario"],
}


@pytest.fixture
def wallet(stage: Stage) -> Iterator[WalletClient]:
    made = WalletClient(stage.broker_url, f"{stage.wallet_url}/callback")
    yield made
    made.close()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_login_refresh_and_logout_at_each_provider(wallet: WalletClient, provider: str) -> None:
    wallet.login(provider, PEOPLE[provider][0])
    me = wallet.me()
    assert me["provider"] == provider
    assert me["traveller"] == wallet.id_token["sub"]
    assert me["enrolled"] is False
    wallet.refresh()
    assert wallet.me() == me
    access = wallet.access_token
    wallet.logout()
    wallet.access_token = access
    with pytest.raises(WalletError) as refused:
        wallet.me()
    assert refused.value.status == 401


def test_a_stolen_access_token_is_useless(stage: Stage, wallet: WalletClient) -> None:
    wallet.login("ctid", "ctid-li")
    thief = WalletClient(stage.broker_url, f"{stage.wallet_url}/callback")
    thief.access_token = wallet.access_token
    with pytest.raises(WalletError) as refused:
        thief.me()
    assert refused.value.status == 401
    thief.close()


def test_a_replayed_proof_is_refused_whichever_worker_sees_it(stage: Stage, wallet: WalletClient) -> None:
    wallet.login("macau", "macau-lei")
    url = f"{stage.broker_url}/wallet/v1/me"
    wallet.me()
    proof = wallet.key.proof("GET", url, nonce=wallet.nonce, access_token=wallet.access_token)
    headers = {"Authorization": f"DPoP {wallet.access_token}", "DPoP": proof}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: httpx.get(url, headers=headers).status_code, range(8)))
    assert sorted(answers) == [200] + [401] * 7


def test_cancelling_leads_back_to_the_wallet(wallet: WalletClient) -> None:
    verifier = b64url(os.urandom(32))
    page = wallet.follow(wallet.browser.get(wallet.authorization_url(verifier, "state", "n", ui_locales="pt")))
    assert isinstance(page, httpx.Response)
    assert '<html lang="pt">' in page.text
    failed = wallet.at_provider(page, "macau", "macau-rosario", cancel=True)
    assert isinstance(failed, httpx.Response)
    assert "Conta Única de Macau" in failed.text
    path = failed.text.split('href="/oauth/continue/')[1].split('"')[0]
    answer = wallet.follow(wallet.browser.get(f"{wallet.broker_url}/oauth/continue/{path}"))
    assert isinstance(answer, dict)
    assert (answer["error"], answer["state"]) == ("access_denied", "state")


def test_parallel_logins_lose_none_and_cross_none(stage: Stage) -> None:
    plan = [(provider, person) for provider in PROVIDERS for person in PEOPLE[provider]] * 3

    def log_in(who: tuple[str, str]) -> tuple[tuple[str, str], str, str]:
        wallet = WalletClient(stage.broker_url, f"{stage.wallet_url}/callback")
        wallet.login(*who)
        me = wallet.me()
        wallet.close()
        return who, me["provider"], me["traveller"]

    with ThreadPoolExecutor(9) as pool:
        outcomes = list(pool.map(log_in, plan))
    subjects: dict[tuple[str, str], set[str]] = {}
    for who, provider, traveller in outcomes:
        assert provider == who[0]
        subjects.setdefault(who, set()).add(traveller)
    # Nine people, one pseudonym each, however many logged in for the first time at the same moment.
    assert all(len(found) == 1 for found in subjects.values())
    assert len({next(iter(found)) for found in subjects.values()}) == len(set(plan))


def test_a_provider_that_stops_leaves_the_others_alone(stage: Stage, wallet: WalletClient) -> None:
    stage.stop("macau")
    verifier = b64url(os.urandom(32))
    page = wallet.follow(wallet.browser.get(wallet.authorization_url(verifier, "s", "n", ui_locales="en")))
    assert isinstance(page, httpx.Response)
    choice = next(form for form in forms_of(page) if form.action == "/login/macau")
    answer = submit(wallet.browser, page, choice)
    if answer.status_code == 303:  # the broker knew the provider's addresses already: the browser finds out
        with pytest.raises(httpx.ConnectError):
            wallet.browser.get(answer.headers["location"])
    else:
        assert answer.status_code == 502
        assert "is not answering" in answer.text
    assert wallet.login("iamsmart", "iamsmart-dsouza")["sub"]
    stage.start_provider_again("macau")
