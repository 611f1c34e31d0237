"""npm `oidc-provider` as a process, and our generic connector towards it, over real HTTP."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey

import connectors
from broker.wire.identity_connector import IdentityConnector, LoginStart, Redirection, WantedLogin
from broker.wire.identity_grant import IdentityGrant
from tests.support.html_forms import form_with, submit
from tests.support.node import NODE_HOME, node
from tests.support.process import Process, free_port

CALLBACK = "http://127.0.0.1:9/login/acme/callback"
PORTRAIT = b"\xff\xd8\xff\xe0 a synthetic photograph"


@dataclass
class Tamper(httpx.BaseTransport):
    """The network to the provider; `answers` by path may replace what comes back."""

    inner: httpx.BaseTransport = field(default_factory=lambda: httpx.HTTPTransport(trust_env=False))
    answers: dict[str, Callable[[httpx.Response], httpx.Response]] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        response = self.inner.handle_request(request)
        change = self.answers.get(request.url.path)
        if change is None:
            return response
        response.read()
        return change(response)


@dataclass
class OtherProvider:
    """A running provider. `configuration` is what its next start reads."""

    folder: Path
    configuration: dict[str, Any]
    process: Process
    issuer: str
    tamper: Tamper = field(default_factory=Tamper)

    @property
    def key(self) -> ECKey:
        """The provider's own signing key."""
        return ECKey.import_key(self.configuration["jwks"]["keys"][0])

    def restart(self, **change: Any) -> None:
        """The same address, another configuration."""
        self.process.stop()
        self.configuration |= change
        self.process, _ = _start(self.folder, self.configuration)

    def connector(self, **table: Any) -> IdentityConnector:
        settings = {**self.table(), **table}
        settings = {name: value for name, value in settings.items() if value is not None}
        return connectors.build("acme", "oidc", settings, http=httpx.Client(transport=self.tamper), home=self.folder)

    def table(self) -> dict[str, Any]:
        """`[providers.acme]`."""
        return {
            "issuer": self.issuer,
            "client_id": "basic",
            "client_secret": "basic secret: %+&",
            "names": {"en": "Acme"},
            "scopes": ["openid", "identity", "offline_access"],
            "levels": {"urn:acme:face": "high"},
            "claims": {
                "family_name": "/family_name",
                "given_name": "/given_name",
                "native_name": "/native/name",
                "birth_date": "/birthdate",
                "document_number": "/id_number",
                "document_type": "hkid",
                "document_expires": "/id_expires",
            },
            "portrait": {"claim": "/photo"},
        }


@dataclass
class Attempt:
    """One login: begun, walked in a browser, answered."""

    connector: IdentityConnector
    begun: Redirection
    answer: dict[str, str]

    def finish(self, *, memory: bytes | None = None) -> IdentityGrant:
        remembered = self.begun.memory if memory is None else memory
        return self.connector.finish(self.answer, memory=remembered, redirect_uri=CALLBACK, at=datetime.now(UTC))


def attempt(
    connector: IdentityConnector, person: str = "chan", *, cancel: bool = False, own: httpx.Client | None = None
) -> Attempt:
    """Through the provider's pages, with a browser of its own unless one is given."""
    begun = connector.begin(LoginStart("the-state", CALLBACK, "zh-Hant", datetime.now(UTC), os.urandom))
    with nullcontext(own) if own is not None else httpx.Client(trust_env=False) as browser:
        page = _until(browser, browser.get(begun.url))
        press = ("decision", "cancel") if cancel else ("person", person)
        back = _until(browser, submit(browser, page, form_with(page, *press), press=press))
    return Attempt(connector, begun, dict(parse_qsl(urlsplit(back.headers["location"]).query)))


def goes_straight_back(connector: IdentityConnector, browser: httpx.Client, wanted: WantedLogin) -> bool:
    """Whether the provider answers this browser with the session it has of it, showing no page."""
    start = LoginStart("the-state", CALLBACK, "en", datetime.now(UTC), os.urandom, wanted)
    return _until(browser, browser.get(connector.begin(start).url)).status_code in (302, 303)


def _until(browser: httpx.Client, response: httpx.Response) -> httpx.Response:
    """Follow redirects to a page, or to the one that leads back to us."""
    for _ in range(10):
        if response.status_code not in (302, 303):
            assert response.status_code == 200, response.text[:500]
            return response
        target = urljoin(str(response.url), response.headers["location"])
        if target.startswith(CALLBACK):
            return response
        response = browser.get(target)
    raise AssertionError("too many redirects")


def signing_key(kid: str) -> dict[str, Any]:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"}).as_dict(private=True)


@contextmanager
def other_provider(folder: Path) -> Iterator[OtherProvider]:
    """Three clients, one for each way of proving who they are; two people."""
    client_key = ec.generate_private_key(ec.SECP256R1())
    pem = client_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "ours-1.pem").write_bytes(pem)
    public = ECKey.import_key(pem, {"kid": "ours-1", "use": "sig", "alg": "ES256"}).as_dict(private=False)
    common = {
        "redirect_uris": [CALLBACK],
        "response_types": ["code"],
        "grant_types": ["authorization_code", "refresh_token"],
        "id_token_signed_response_alg": "ES256",
    }
    people = {
        "chan": {
            "family_name": "CHAN",
            "given_name": "Si Fan",
            "native": {"name": "陳示範"},
            "birthdate": "1985-04-12",
            "id_number": "QX900123(6)",
            "id_expires": "2039-12-31",
            "photo": "data:image/jpeg;base64," + b64encode(PORTRAIT).decode(),
        },
        "wong": {"family_name": "WONG", "birthdate": "1992-11-03", "id_number": "QX9004561"},
        "broken": {"family_name": "X", "birthdate": "1992-11-03", "id_number": "QX9004562"},
        "yearless": {"family_name": "X", "birthdate": "0000-11-03", "id_number": "QX9004561"},
        "unnumbered": {"family_name": "X", "birthdate": "1992-11-03"},
    }
    configuration = {
        "port": free_port(),
        "jwks": {"keys": [signing_key("theirs-1")]},
        "clients": [
            {**common, "client_id": "basic", "client_secret": "basic secret: %+&"},
            {
                **common,
                "client_id": "post",
                "client_secret": "post secret",
                "token_endpoint_auth_method": "client_secret_post",
            },
            {
                **common,
                "client_id": "keyed",
                "token_endpoint_auth_method": "private_key_jwt",
                "token_endpoint_auth_signing_alg": "ES256",
                "jwks": {"keys": [public]},
            },
            {
                **common,
                "client_id": "signed",
                "client_secret": "signed secret",
                "userinfo_signed_response_alg": "ES256",
            },
        ],
        "people": people,
        "acr": ["urn:acme:face"],
        "amr": ["face", "hwk"],
        "claims": {
            "openid": ["sub", "amr"],
            "identity": [
                "family_name",
                "given_name",
                "native",
                "birthdate",
                "id_number",
                "id_expires",
                "photo",
            ],
            "acr": None,
            "auth_time": None,
        },
    }
    process, issuer = _start(folder, configuration)
    made = OtherProvider(folder, configuration, process, issuer)
    try:
        yield made
    finally:
        made.process.stop()


def _start(folder: Path, configuration: dict[str, Any]) -> tuple[Process, str]:
    path = folder / "provider.json"
    path.write_text(json.dumps(configuration))
    command = [node(), str(NODE_HOME / "oidc_provider.mjs"), str(path)]
    process = Process("oidc-provider", command, log=folder / "provider.log", environment={"NODE_ENV": "test"})
    issuer = f"http://127.0.0.1:{configuration['port']}"
    process.await_http(f"{issuer}/.well-known/openid-configuration", seconds=60)
    return process, issuer
