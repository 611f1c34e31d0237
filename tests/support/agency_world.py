"""An agency that calls the partner API for people who agreed, without the journey through a login."""

import os
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwe
from joserfc.jwk import ECKey
from jwt import PyJWK, decode

from broker.core.authorization import Grant
from broker.core.client import Client
from broker.core.identity_release import IdentityRelease
from broker.core.jws import public_jwk
from broker.oidc.client import Clients
from broker.oidc.token.issue import client_access_token, issue_tokens
from broker.wire.registry import KeyUse
from tests.support.partner_world import BANK, SHOP, PartnerWorld, client_of
from tests.support.web_world import ISSUER, WalletClient, WebWorld

PREFIX = "/agencies/v1"


@dataclass
class AgencyClient(WalletClient):
    """A DPoP client with its token at hand."""

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        return self.call("GET", PREFIX + path, **arguments)

    def post(self, path: str, **arguments: Any) -> httpx.Response:
        return self.call("POST", PREFIX + path, **arguments)


@dataclass
class AgencyWorld:
    """`web` with the partners of PartnerWorld, each with one client and one encryption key."""

    web: WebWorld
    partners: PartnerWorld = field(init=False)
    clients: dict[str, Client] = field(default_factory=dict)
    keys: dict[str, ECKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.partners = PartnerWorld(self.web.world)
        for partner_id in (BANK, SHOP):
            key = ECKey.generate_key("P-256", parameters={"use": "enc", "kid": f"{partner_id}-enc"})
            self.keys[partner_id] = key
            scopes = frozenset({"openid", "partner"})
            self.clients[partner_id] = client_of(self.web.world, partner_id, scopes=scopes)
            with self.web.world.begin() as work:
                key_set = {"keys": [key.as_dict(private=False)]}
                work.partners.set_keys(partner_id, jwks_uri=None, jwks=key_set, at=self.web.now())
                work.clients.add(self.clients[partner_id])
        stored = Clients(self.web.server.clients.configured, self.web.storage.find_client)
        server = replace(self.web.server, clients=stored)
        self.web.server = server
        self.web.ports = replace(self.web.ports, authorization=server)

    def person(self, subject: str = "person-1") -> UUID:
        return self.web.world.link(subject).traveller

    def agency(self, http: httpx.Client, partner_id: str = BANK, *, scopes: str = "partner") -> AgencyClient:
        """With a token for the client itself."""
        made = self._client(http)
        held = frozenset(scopes.split())
        made.token = client_access_token(
            self.web.server, self.clients[partner_id], held, _thumbprint(made), self.web.now()
        )
        return made

    def for_person(
        self,
        http: httpx.Client,
        traveller: UUID,
        releases: Sequence[IdentityRelease],
        *,
        partner_id: str = BANK,
        consents: Sequence[UUID] = (),
        scopes: frozenset[str] = frozenset({"openid"}),
        auth_time: datetime | None = None,
    ) -> tuple[AgencyClient, Grant]:
        """With a token for a person whose grant has these releases, whether or not anybody agreed to them. Without
        `auth_time` they logged in just now.
        """
        made, at = self._client(http), self.web.now()
        with self.web.storage.unit() as unit:
            subject = unit.pairwise_subject(traveller, self.clients[partner_id].sector, _random())
            grant = Grant(
                uuid4(), self.clients[partner_id].client_id, traveller, subject, "iamsmart",
                "urn:tongguan:acr:high", auth_time or at, scopes, _thumbprint(made), at, at + timedelta(days=1),
                releases=tuple(releases), consents=tuple(consents),
            )  # fmt: skip
            unit.add_grant(grant)
            issued = issue_tokens(self.web.server, unit, grant, scopes, at, nonce=None, client=self.clients[partner_id])
        made.token = str(issued.response["access_token"])
        return made, grant

    def consented(self, http: httpx.Client, traveller: UUID, release: IdentityRelease) -> tuple[AgencyClient, Grant]:
        """The same, for a person who agreed."""
        given = self.partners.agree(traveller, release)
        return self.for_person(http, traveller, [release], consents=[given.record.consent_id])

    def opened(self, sealed: str, partner_id: str = BANK) -> dict[str, Any]:
        """What the partner reads in an answer: decrypted with its key, verified with ours."""
        inner = jwe.decrypt_compact(sealed, self.keys[partner_id]).plaintext
        assert inner is not None
        key = PyJWK(public_jwk(self.web.world.signers[KeyUse.ANSWER].public)).key
        return decode(
            inner, key, algorithms=["EdDSA"], audience=partner_id, issuer=ISSUER, options={"verify_iat": False}
        )

    def _client(self, http: httpx.Client) -> AgencyClient:
        return AgencyClient(http, "", ec.generate_private_key(ec.SECP256R1()), self.web.now)


def _thumbprint(client: AgencyClient) -> str:
    return ECKey.import_key(client.key.public_key()).thumbprint()


def _random() -> str:
    return urlsafe_b64encode(os.urandom(16)).rstrip(b"=").decode()
