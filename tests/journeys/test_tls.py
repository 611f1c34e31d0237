"""Everything over TLS under a local authority: the broker, the providers, the wallet and a gate believe it, by
configuration alone."""

import ssl
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest

from tests.support.stage import Stage, Tls
from tests.support.wallet_client import WalletClient

PERSON = "iamsmart-chan"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home: Path = tmp_path_factory.mktemp("tls")
    portraits = home / "portraits"
    portraits.mkdir()
    (portraits / f"{PERSON}.jpg").write_bytes(b"\xff\xd8\xff\xe0 synthetic")
    with pytest.MonkeyPatch.context() as environment:
        for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
            environment.delenv(name, raising=False)
        tls = Tls.make(home / "authority", "127.0.0.1")
        with Stage(home / "stage", portraits, tls=tls, providers=("iamsmart",)) as running:
            yield running


def test_a_wallet_logs_in_and_its_cookies_are_for_tls_and_this_host_alone(stage: Stage) -> None:
    assert stage.broker_url.startswith("https://") and stage.ca is not None
    set_by_broker: list[SimpleCookie] = []

    def note(response: httpx.Response) -> None:
        if str(response.url).startswith(stage.broker_url):
            set_by_broker.extend(SimpleCookie(value) for value in response.headers.get_list("set-cookie"))

    trust = ssl.create_default_context(cafile=str(stage.ca))
    with httpx.Client(verify=trust, trust_env=False, timeout=30, event_hooks={"response": [note]}) as browser:
        wallet = WalletClient(stage.broker_url, f"{stage.wallet_url}/callback", ca=stage.ca, browser=browser)
        wallet.login("iamsmart", PERSON)
        assert wallet.me()["provider"] == "iamsmart"
        wallet.give_consent("face-enrolment")
        wallet.close()
    cookies = {name: morsel for cookie in set_by_broker for name, morsel in cookie.items()}
    assert "__Host-tongguan-session" in cookies
    for name, morsel in cookies.items():
        assert name.startswith("__Host-"), name
        assert morsel["secure"] and morsel["httponly"] and morsel["path"] == "/" and not morsel["domain"], name


def test_a_gate_enrols_and_stays_in_step(stage: Stage) -> None:
    home = stage.enrolled_gate("HK-SZB", "gate")
    assert '"reached": true' in stage.run("gate", "sync", "--home", home)
    assert stage.broker_url in stage.run("gate", "status", "--home", home)


def test_without_the_authority_nobody_is_believed(stage: Stage) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{stage.broker_url}/readyz", trust_env=False)


def test_the_authority_is_kept_so_that_a_phone_installs_it_once(tmp_path: Path) -> None:
    first = Tls.make(tmp_path, "127.0.0.1")
    installed, server = first.ca.read_bytes(), first.certificate.read_bytes()
    second = Tls.make(tmp_path, "127.0.0.1")
    assert second == first and second.ca.read_bytes() == installed
    assert second.certificate.read_bytes() != server
