"""A whole sandbox broker in one process: the real application over PostgreSQL, invented people, two agencies with
clients of the profiles fapi2 and oidc_basic, and a clock that moves when told.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import httpx
from anyio.from_thread import start_blocking_portal
from fastapi import FastAPI
from joserfc.jwk import ECKey, Key, RSAKey

from broker.core.authorization import digest
from broker.core.client import Authentication, Client, Encryption, Profile
from broker.core.partner import Ceilings, Partner, PartnerKind
from broker.main import Ports, compose, create_app
from broker.oidc.server import AuthorizationServer
from broker.settings import Settings, WalletSettings
from broker.stores.key_store import FileKeyStore
from broker.stores.signing_keys import SigningKeys
from tests.support.oidc_world import FakeClock, Hosts
from tests.support.sandbox_idp import LANGUAGES, SandboxIdp

ISSUER: Final = "https://broker.example"
SECRET: Final = "the sandbox's own +/%: secret"  # with characters that RFC 6749 2.3.1 wants encoded
SCOPES: Final = frozenset({"openid", "profile", "offline_access"})
AGENCY, OTHER_AGENCY, RSA_AGENCY, SEALED_AGENCY = "agency", "other-agency", "rsa-agency", "sealed-agency"
BASIC, BASIC_POST = "basic", "basic-post"
PARTNERS: Final = ("harbour-bank", "corner-shop")


def redirect_uri(client_id: str, which: str = "callback") -> str:
    return f"https://{client_id}.example/{which}"


def make_home(home: Path) -> None:
    """Keys and key store, as `tongguan broker init` makes them."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    SigningKeys.generate(home / "keys").secret("identity-link")
    FileKeyStore.open(home / "keystore").close()


@dataclass(frozen=True)
class SandboxWorld:
    """`keys` are the private keys that clients sign with; to `opens` answers for SEALED_AGENCY are encrypted."""

    app: FastAPI
    ports: Ports
    clock: FakeClock
    hosts: Hosts
    keys: Mapping[str, Key]
    opens: Key

    @property
    def server(self) -> AuthorizationServer:
        return self.ports.authorization

    def http(self) -> httpx.Client:
        """An HTTP client, or a browser, of its own."""
        return httpx.Client(transport=self.hosts, trust_env=False, base_url=ISSUER)

    def metadata(self) -> dict[str, Any]:
        document: dict[str, Any] = self.http().get("/.well-known/openid-configuration").json()
        return document


@contextmanager
def sandbox_world(home: Path, database_url: str, *, sandbox: bool = True) -> Iterator[SandboxWorld]:
    """`home` was made by `make_home`, and may be shared: nothing is written to it but travellers' keys. With
    `sandbox=False` the same registrations are at a broker that is none.
    """
    clock = FakeClock()
    settings = Settings(
        home=home,
        issuer=ISSUER,
        language="en",
        sandbox=sandbox,
        threads=8,
        logins_per_minute=10_000,
        wallet=WalletSettings(redirect_uris=("https://wallet.example/callback",)),
    )
    made = compose(settings, database_url)
    idp = SandboxIdp()
    ports = replace(
        made,
        services=replace(made.services, clock=clock),
        authorization=replace(made.authorization, clock=clock, connectors={idp.provider: idp}),
    )
    opens = ECKey.generate_key("P-256", {"kid": "sealed-enc", "use": "enc", "alg": "ECDH-ES"})
    keys = _register(ports, clock, opens)
    app = create_app(settings, ports)
    with start_blocking_portal() as portal:
        yield SandboxWorld(app, ports, clock, Hosts(portal, {"broker.example": app}), keys, opens)
    for port in ports.closing:
        port.close()


def _register(ports: Ports, clock: FakeClock, opens: Key) -> dict[str, Key]:
    """Partners and clients, as the operator enters them."""
    keys: dict[str, Key] = {
        AGENCY: ECKey.generate_key("P-256", {"kid": "agency-1", "alg": "ES256"}),
        OTHER_AGENCY: ECKey.generate_key("P-256", {"kid": "other-1", "alg": "ES256"}),
        SEALED_AGENCY: ECKey.generate_key("P-256", {"kid": "sealed-1", "alg": "ES256", "use": "sig"}),
        RSA_AGENCY: RSAKey.generate_key(2048, {"kid": "rsa-1"}),
        BASIC: ECKey.generate_key("P-256", {"kid": "basic-1", "alg": "ES256"}),
    }
    partner_of = {OTHER_AGENCY: PARTNERS[1]}
    with ports.services.begin() as work:
        for partner_id in PARTNERS:
            work.partners.add(
                Partner(
                    partner_id, _names(partner_id), f"privacy@{partner_id}.example", "HK", PartnerKind.COMPANY,
                    sandbox=True, ceilings=Ceilings(), created_at=clock(),
                )
            )  # fmt: skip
        purposes = frozenset(ports.services.rulebook.partner.purposes)
        claims = frozenset(ports.services.rulebook.partner.words.claims)
        for client_id in (AGENCY, OTHER_AGENCY, RSA_AGENCY, SEALED_AGENCY, BASIC, BASIC_POST):
            fapi = client_id not in (BASIC, BASIC_POST)
            partner = partner_of.get(client_id, PARTNERS[0])
            published = [keys[client_id]] if client_id in keys else []
            sealed = client_id == SEALED_AGENCY
            if sealed:
                published.append(opens)
            client = Client(
                client_id=client_id,
                profile=Profile.FAPI2 if fapi else Profile.OIDC_BASIC,
                redirect_uris=frozenset({redirect_uri(client_id), redirect_uri(client_id, "other")}),
                scopes=SCOPES,
                sector=partner,
                partner_id=partner,
                names=_names(client_id),
                auth=_authentication(client_id),
                secret_hash=None if fapi else digest(SECRET),
                jwks={"keys": [key.as_dict(private=False) for key in published]} if published else None,
                userinfo_signed_alg="ES256" if sealed else None,
                userinfo_encryption=Encryption("ECDH-ES", "A256GCM") if sealed else None,
                purposes=purposes,
                claims=claims,
            )
            work.clients.add(client)
    return keys


def _authentication(client_id: str) -> Authentication:
    if client_id == BASIC:
        return Authentication.CLIENT_SECRET_BASIC
    return Authentication.CLIENT_SECRET_POST if client_id == BASIC_POST else Authentication.PRIVATE_KEY_JWT


def _names(what: str) -> dict[str, str]:
    return dict.fromkeys(LANGUAGES, what)


def random_string(length: int) -> str:
    """That many unreserved characters."""
    return os.urandom(length).hex()[:length]
