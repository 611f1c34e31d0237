"""A sandbox broker as processes over TLS, with two partners taken on by the operator's commands; and clients nobody
here wrote, each a process that says which address to open and is told where the browser arrived.
"""

import json
import os
import ssl
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Timer
from typing import Any, Final

import httpx
from joserfc.jwk import ECKey

from tests.support.mock_providers import Setup
from tests.support.person_browser import PersonBrowser
from tests.support.provider_pages import WALKS, Choice
from tests.support.stage import Stage

PARTNER: Final = "harbour-bank"
FAPI2_CLIENT, BASIC_CLIENT, POST_CLIENT = "bank-app", "bank-site", "bank-kiosk"
KEY_CLIENT: Final = "bank-key"
PROVIDER, PERSON = "macau", "macau-sousa"
SCOPES: Final = ("openid", "profile", "offline_access", "partner")
PURPOSES: Final = ("sign-in", "age-check")
CLAIMS: Final = ("name", "family_name", "given_name", "native_name", "birthdate", "over_18")
_SECONDS: Final = 60


def redirect_uri(client_id: str) -> str:
    return f"https://{client_id}.example/callback"


@dataclass
class SandboxStage(Stage):
    """`key` is the partner's private JWK; `secrets` those of the clients that have one."""

    key: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    def _configuration(self, setups: dict[str, Setup]) -> str:
        lines = super()._configuration(setups).splitlines()
        marked = [f"{line}\nsynthetic = true" if line.startswith("[providers.") else line for line in lines]
        return "\n".join(["sandbox = true", *marked]) + "\n"

    def _start(self) -> None:
        super()._start()
        private = ECKey.generate_key("P-256", {"kid": "bank-1", "alg": "ES256", "use": "sig"})
        self.key = dict(private.as_dict(private=True))
        jwks = self.home / "bank.jwks"
        jwks.write_text(json.dumps({"keys": [private.as_dict(private=False)]}), encoding="utf-8")
        ceilings = [*_repeated("--scope", SCOPES), *_repeated("--purpose", PURPOSES), *_repeated("--claim", CLAIMS)]
        self._partners(
            "add", PARTNER, "--name", "Harbour Bank", "--contact", "privacy@bank.example", "--jurisdiction", "MO",
            "--kind", "company", "--jwks", str(jwks), *ceilings,
        )  # fmt: skip
        self._client(FAPI2_CLIENT, "fapi2", "private_key_jwt")
        self._client(BASIC_CLIENT, "oidc_basic", "client_secret_basic")
        self._client(POST_CLIENT, "oidc_basic", "client_secret_post", "--id-token-alg", "RS256")
        self._client(KEY_CLIENT, "oidc_basic", "private_key_jwt")

    def _client(self, client_id: str, profile: str, auth: str, *more: str) -> None:
        scopes = [scope for scope in SCOPES if profile == "fapi2" or scope != "partner"]
        said = self._partners(
            "client", "add", PARTNER, "--client-id", client_id, "--profile", profile, "--auth", auth,
            "--redirect-uri", redirect_uri(client_id), "--logout-uri", redirect_uri(client_id),
            *_repeated("--scope", scopes), *more,
        )  # fmt: skip
        _, _, secret = said.strip().splitlines()[-1].partition(" ")
        if secret:
            self.secrets[client_id] = secret

    def _partners(self, *arguments: str) -> str:
        return self.run("partners", *arguments, "--home", self.broker_home)

    def browser(self) -> PersonBrowser:
        """A person of the mock provider, with a browser of their own."""
        verify = ssl.create_default_context(cafile=str(self.ca)) if self.ca else True
        http = httpx.Client(verify=verify, trust_env=False, timeout=30)

        def walk(browser: httpx.Client, target: str, person: str | None) -> httpx.Response:
            choice = Choice(person or PERSON, cancel=person is None)
            return WALKS[PROVIDER](browser, browser.get(target), choice)

        return PersonBrowser(http, PERSON, provider=PROVIDER, provider_origin=self.idp_urls[PROVIDER], at_provider=walk)

    def order(self, client_id: str, **more: Any) -> dict[str, Any]:
        """What a client is told on its first line."""
        known = {"secret": self.secrets[client_id]} if client_id in self.secrets else {"jwk": self.key}
        return {
            "issuer": self.broker_url,
            "client_id": client_id,
            "redirect_uri": redirect_uri(client_id),
            **known,
            **more,
        }

    def drive(self, command: Sequence[str], order: Mapping[str, Any], browser: PersonBrowser) -> dict[str, Any]:
        """Run a client to its end. It prints JSON lines: {"visit": address}, answered with {"arrived": address}; and at
        last {"done": ...}, which is returned. Raises AssertionError with what it said when it fails.
        """
        with subprocess.Popen(
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=self._trusting(),
        ) as process:  # fmt: skip
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            watchdog = Timer(_SECONDS, process.kill)
            watchdog.start()
            try:
                _say(process, order)
                for line in process.stdout:
                    told = json.loads(line)
                    if "done" in told:
                        return dict(told["done"])
                    answer = browser.go(told["visit"], back_at=str(order["redirect_uri"]))
                    assert isinstance(answer, dict), (answer.status_code, answer.text[:2000])
                    _say(process, {"arrived": browser.arrived})
                raise AssertionError(f"{command[-1]} ended: {process.stderr.read()[-3000:]}")
            finally:
                watchdog.cancel()
                process.kill()

    def run_to_end(self, command: Sequence[str], stdin: str) -> dict[str, Any]:
        """Run a program that reads once and prints one JSON object. Raises AssertionError when it fails."""
        done = subprocess.run(
            list(command), input=stdin, capture_output=True, text=True, check=False, timeout=_SECONDS,
            env=self._trusting(),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return dict(json.loads(done.stdout))

    def _trusting(self) -> dict[str, str]:
        """The environment in which Node, OpenSSL and requests believe the local authority."""
        trust = {name: str(self.ca) for name in _CA_VARIABLES} if self.ca is not None else {}
        return {**os.environ, "NO_PROXY": "*", "NODE_NO_WARNINGS": "1", **trust}


_CA_VARIABLES: Final = ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


def _say(process: "subprocess.Popen[str]", message: Mapping[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(message) + "\n")
    process.stdin.flush()


def _repeated(option: str, values: Sequence[str]) -> list[str]:
    return [part for value in values for part in (option, value)]
