"""The authorization server as one value: everything its endpoints need, given by the composition root."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from broker.core.authorization import Admission, AdmissionQuestion
from broker.core.denial import Denied
from broker.core.identity_release import ReleasedClaims
from broker.core.sealing import derive
from broker.flows.release_claims import ClaimOrder
from broker.oidc.buckets import Buckets
from broker.oidc.client import Clients
from broker.oidc.client_keys import ClientKeys
from broker.oidc.dpop import Nonces
from broker.oidc.keys import TokenKeys
from broker.oidc.ports import Admit, CheckRelease, ConsentDesk, EndLogins, LinkIdentity, OpenUnit, ReleaseClaims
from broker.wire.identity_connector import IdentityConnector

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

Clock = Callable[[], datetime]
Entropy = Callable[[int], bytes]

LANGUAGES: Final = ("zh-Hant", "zh-Hans", "en", "pt")


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long things last."""

    code: timedelta = timedelta(seconds=60)
    access_token: timedelta = timedelta(minutes=5)
    refresh_token: timedelta = timedelta(days=14)  # idle; each rotation starts anew
    grant: timedelta = timedelta(days=90)  # then the person logs in again
    session: timedelta = timedelta(hours=1)
    login_attempt: timedelta = timedelta(minutes=10)
    pending_request: timedelta = timedelta(minutes=15)
    pushed_request: timedelta = timedelta(seconds=60)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Errand(Generic[T]):
    """What a request needs of the database, done together with the errands of others at that moment: it is admitted
    (`OidcUnit.admit`), and what `then` orders because of that is released, each in a transaction of its own.
    """

    question: AdmissionQuestion
    then: Callable[[Admission], tuple[T, ClaimOrder | None]]
    """May look into the registry; may raise, which ends the errand."""


class RunErrand(Protocol):
    """Raises what `then` raises, and DatabaseUnavailable."""

    async def __call__(self, errand: Errand[T], /) -> tuple[T, ReleasedClaims | Denied | None]:
        """What `then` made of the admission, and what came of its order."""


@dataclass(frozen=True)
class AuthorizationServer:
    """`issuer` is the public origin, without a trailing slash."""

    issuer: str
    clients: Clients
    token_keys: TokenKeys
    secret_key: bytes = field(repr=False)
    open_unit: OpenUnit
    admit: Admit
    client_keys: ClientKeys
    consents: ConsentDesk
    logins: EndLogins
    release_claims: ReleaseClaims
    run_errand: RunErrand
    link_identity: LinkIdentity
    connectors: Mapping[str, IdentityConnector]
    clock: Clock
    entropy: Entropy
    check_release: CheckRelease  # raises InvalidInput for a release beyond its purpose
    language: str = "zh-Hant"  # when the browser states none of ours
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    pushes_per_minute: int = 600  # of one client, in this process

    @property
    def secure(self) -> bool:
        """Whether browsers reach us over TLS."""
        return self.issuer.startswith("https://")

    @property
    def wallet_audience(self) -> str:
        """`aud` of access tokens for the wallet API (RFC 9068 3)."""
        return f"{self.issuer}/wallet/v1"

    @property
    def agencies_audience(self) -> str:
        return f"{self.issuer}/agencies/v1"

    @property
    def userinfo_audience(self) -> str:
        return f"{self.issuer}/oauth/userinfo"

    @property
    def grants_audience(self) -> str:
        """Grant management."""
        return f"{self.issuer}/oauth/grants"

    @cached_property
    def nonces(self) -> Nonces:
        return Nonces(self.derive("dpop-nonce"))

    @cached_property
    def pushes(self) -> Buckets:
        return Buckets(self.pushes_per_minute)

    @cached_property
    def sid_key(self) -> bytes:
        return self.derive("sid")

    def derive(self, label: str) -> bytes:
        """32 bytes for a purpose of this server's own: every worker has the same."""
        return server_secret(self.secret_key, label)

    def secret(self) -> str:
        """A fresh 256-bit secret in base64url."""
        return urlsafe_b64encode(self.entropy(32)).rstrip(b"=").decode()


def server_secret(secret_key: bytes, label: str) -> bytes:
    """32 bytes for one purpose of the authorization server."""
    return derive(secret_key, info=b"tongguan/authorization-server/" + label.encode())


def server_of(request: "HTTPConnection") -> AuthorizationServer:
    """The server that `routes.install` put on the application."""
    server: AuthorizationServer = request.app.state.oidc
    return server
