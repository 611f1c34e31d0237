"""Macau One Account with real processes: what its people meet at the broker, and a withdrawal that travels back."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.html_forms import form_with, forms_of, submit
from tests.support.stage import Stage
from tests.support.wallet_client import WalletClient, WalletError


@pytest.fixture
def wallet(stage: Stage) -> Iterator[WalletClient]:
    made = WalletClient(stage.broker_url, f"{stage.wallet_url}/callback")
    yield made
    made.close()


def _page(wallet: WalletClient, person: str) -> httpx.Response:
    """What the broker shows after a login that came to nothing."""
    url = wallet.authorization_url("v" * 43, "state", "nonce", ui_locales="en")
    page = wallet.follow(wallet.browser.get(url))
    assert isinstance(page, httpx.Response)
    answer = wallet.at_provider(page, "macau", person)
    assert isinstance(answer, httpx.Response)
    return answer


@pytest.mark.parametrize(
    ("person", "words"),
    [
        ("macau-empresa", "with your personal one"),
        ("macau-servico", "with your personal one"),
        ("macau-suspensa", "is frozen or cancelled"),
        ("macau-caducado", "has expired"),
        ("macau-sem-eid", "not registered"),
    ],
)
def test_accounts_that_cannot_log_in_are_told_why(wallet: WalletClient, person: str, words: str) -> None:
    page = _page(wallet, person)
    assert words in page.text
    assert 'href="/login?return_to=' in page.text  # and may choose again


def test_faults_are_switched_from_loopback(stage: Stage, wallet: WalletClient) -> None:
    switch = f"{stage.idp_urls['macau']}/_mock/faults"
    assert httpx.post(switch, json={"fault": "wrong_signature", "paths": ["/packet"], "times": 1}).status_code == 200
    assert _page(wallet, "macau-lei").status_code == 502
    assert httpx.get(switch).json()["fault"] == "none"  # struck once
    wallet.login("macau", "macau-lei")


def test_withdrawing_at_the_provider_ends_the_login_here(stage: Stage, wallet: WalletClient) -> None:
    wallet.login("macau", "macau-sousa")
    assert wallet.me()["provider"] == "macau"
    with httpx.Client(base_url=stage.idp_urls["macau"], timeout=30) as telephone:
        page = telephone.get("/app")
        submit(telephone, page, form_with(page, "person", "macau-sousa"), press=("person", "macau-sousa"))
        standing = telephone.get("/app/consentimentos")
        assert submit(telephone, standing, forms_of(standing)[0]).status_code == 303
    with pytest.raises(WalletError) as refused:
        wallet.me()
    assert refused.value.status == 401
