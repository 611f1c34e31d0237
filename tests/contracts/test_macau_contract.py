"""Macau One Account as the connector needs it: against the mock, or against any provider that a settings file names.

`TONGGUAN_MACAU_SANDBOX=FILE python -m pytest tests/contracts/test_macau_contract.py` with a TOML file of `[settings]`
(as `[providers.macau]`), `redirect_uri`, and `browser`: a command that gets an address, logs a test person in there,
shares everything with us, and prints the address it was sent back to. Paths start at the file's folder.
"""

import os
import ssl
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from pydantic import SecretStr

from broker.wire.approval_connector import FormNotice
from broker.wire.identity_connector import ConnectorError, LoginStart, ProviderFault
from broker.wire.identity_grant import Assurance, IdentityGrant
from broker.wire.upstream_tokens import UpstreamTokens
from connectors.adapter import Surroundings
from connectors.macau import MacauConnector, MacauSettings
from connectors.macau.counter import Counter
from connectors.transport import provider_client
from tests.support.macau_world import APPROVED, NOW, macau_world
from tests.support.provider_pages import at_macau

SANDBOX = "TONGGUAN_MACAU_SANDBOX"


@dataclass(frozen=True)
class Provider:
    """`walk(address)`: what the person does in the browser, to the address they are sent back to. `at`: where the
    clock of the mock stands; None for a real one. `build(**change)`: our connector with other settings.
    """

    build: Callable[..., MacauConnector]
    walk: Callable[[str], str]
    redirect_uri: str
    at: datetime | None

    @property
    def now(self) -> datetime:
        return self.at or datetime.now(UTC)

    def start(self, redirect_uri: str | None = None) -> LoginStart:
        return LoginStart("contract", redirect_uri or self.redirect_uri, "zh-Hant", self.now, os.urandom)

    def login(self, connector: MacauConnector) -> IdentityGrant:
        begun = connector.begin(self.start())
        answer = dict(parse_qsl(urlsplit(self.walk(begun.url)).query))
        assert connector.state_of(answer) == "contract"
        return connector.finish(answer, memory=begun.memory, redirect_uri=self.redirect_uri, at=self.now)


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    file = os.environ.get(SANDBOX)
    if file is None:
        with macau_world(tmp_path) as world:

            def walk(address: str) -> str:
                browser = world.browser()
                return str(at_macau(browser, browser.get(address), "macau-sousa").headers["location"])

            def build(**change: object) -> MacauConnector:
                settings = world.connector._settings.model_copy(update=change)
                return MacauConnector("macau", settings, Surroundings(world.connector.flow.fetch, world.keys))

            yield Provider(build, walk, APPROVED, NOW)
        return
    home = Path(file).resolve().parent
    document = tomllib.loads(Path(file).read_text(encoding="utf-8"))
    known = MacauSettings.model_validate(document["settings"])

    def by_command(address: str) -> str:
        done = subprocess.run([*document["browser"], address], cwd=home, capture_output=True, check=True, timeout=280)
        return done.stdout.decode().strip()

    with provider_client(ssl.create_default_context()) as http:
        around = Surroundings(known.fetcher("macau", http), home)
        yield Provider(
            lambda **change: MacauConnector("macau", known.model_copy(update=change), around),
            by_command,
            document["redirect_uri"],
            None,
        )


def _fault(call: Callable[[], object]) -> tuple[ProviderFault, str | None]:
    with pytest.raises(ConnectorError) as caught:
        call()
    return caught.value.fault, caught.value.code


def test_a_person_logs_in(provider: Provider) -> None:
    grant = provider.login(provider.build())
    assert grant.acr in Assurance
    assert grant.claims is not None
    assert grant.portrait is not None
    assert grant.tokens is not None


def test_the_same_person_is_the_same_subject(provider: Provider) -> None:
    assert len({provider.login(provider.build()).subject for _ in range(2)}) == 1


def test_tokens_are_renewed_once(provider: Provider) -> None:
    connector = provider.build()
    tokens = provider.login(connector).tokens
    assert tokens is not None
    assert connector.refresh(tokens, at=provider.now).access_token != tokens.access_token
    assert _fault(lambda: connector.refresh(tokens, at=provider.now)) == (ProviderFault.REFUSED, "invalid_grant")


def test_a_form_is_filled(provider: Provider) -> None:
    connector = provider.build()
    form = FormNotice("Contract test", "CT-1", "Nothing is kept.")
    begun = connector.begin_form_fill(provider.start(), fields=("nome", "sexo"), form=form, tokens=None)
    answer = dict(parse_qsl(urlsplit(provider.walk(begun.url)).query))
    filled = connector.finish_form_fill(answer, memory=begun.memory, at=provider.now)
    assert {"apelido", "nome"} <= set(filled.fields) <= {"apelido", "nome", "nome_chines", "sexo"}


def test_a_code_counts_once(provider: Provider) -> None:
    connector = provider.build()
    begun = connector.begin(provider.start())
    answer = dict(parse_qsl(urlsplit(provider.walk(begun.url)).query))
    finish = {"memory": begun.memory, "redirect_uri": provider.redirect_uri, "at": provider.now}
    connector.finish(answer, **finish)  # type: ignore[arg-type]
    assert _fault(lambda: connector.finish(answer, **finish))[0] is ProviderFault.REFUSED  # type: ignore[arg-type]


def test_what_is_not_registered_is_ours_to_mend(provider: Provider) -> None:
    wrong_secret = provider.build(client_secret=SecretStr("wrong"))
    assert _fault(lambda: wrong_secret.begin(provider.start()))[0] is ProviderFault.MISCONFIGURED
    elsewhere = provider.start("https://elsewhere.example/callback")
    assert _fault(lambda: provider.build().begin(elsewhere))[0] is ProviderFault.MISCONFIGURED
    nobody = provider.build(department="nobody-we-know")
    assert _fault(lambda: nobody.begin(provider.start()))[0] is ProviderFault.MISCONFIGURED


def test_invented_tokens_and_codes_are_refused(provider: Provider) -> None:
    connector = provider.build()
    tokens = UpstreamTokens(provider="macau", access_token="x", refresh_token="invented")
    assert _fault(lambda: connector.refresh(tokens, at=provider.now)) == (ProviderFault.REFUSED, "invalid_grant")
    scan = Counter(connector).scan
    assert (
        _fault(lambda: scan("MO1.invented", fields=("nome",), purpose="Contract test", at=provider.now))[0]
        is ProviderFault.REFUSED
    )
