"""The port every identity provider is reached through, and the one error it raises."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from broker.wire.identity_grant import Assurance, EvidenceKind, IdentityGrant
from broker.wire.keys import Entropy
from broker.wire.upstream_tokens import UpstreamTokens

MAX_MEMORY: Final = 8 * 1024


class ProviderFault(StrEnum):
    """What went wrong at a provider, as far as the traveller's next step is concerned. Each has a page text."""

    CANCELLED = "cancelled"  # the person said no: offer the choice of provider again
    WITHHELD = "withheld"  # the person kept back something a login cannot do without
    TIMED_OUT = "timed_out"  # the person did not answer at the provider in time
    EXPIRED_CREDENTIAL = "expired_credential"  # the card or credential there has expired: renew it
    FROZEN = "frozen"  # the account or credential there is frozen or revoked: ask the provider
    NOT_ENROLLED = "not_enrolled"  # the person is not registered with the provider
    NOT_SAME_PERSON = "not_same_person"  # the provider's comparison found another person
    POOR_PHOTO = "poor_photo"  # the provider's camera picture was not good enough: try again in better light
    WRONG_ACCOUNT = "wrong_account"  # a company's or an office's account: log in with the personal one
    QUOTA = "quota"  # the provider answers no more just now: later, or another provider
    UNREACHABLE = "unreachable"  # no answer, or not in time: try later or another provider
    REFUSED = "refused"  # the provider answered with an error: the login did not count
    UNTRUSTED = "untrusted"  # signature, issuer, audience, nonce or hash did not verify
    GARBLED = "garbled"  # the answer is not what its specification says
    MISCONFIGURED = "misconfigured"  # ours to mend: our registration or keys are not accepted there


class ConnectorError(Exception):
    """A login that produced no grant. `detail` is for the operator's log and never carries personal data or secrets;
    `code` is the provider's own error code, where it gave one.
    """

    def __init__(self, provider: str, fault: ProviderFault, detail: str, *, code: str | None = None) -> None:
        super().__init__(f"{provider}: {fault}: {detail}" + (f" ({code:.40})" if code else ""))
        self.provider = provider
        self.fault = fault
        self.detail = detail
        self.code = code


@dataclass(frozen=True, slots=True)
class WantedLogin:
    """What a login has to be (OpenID Connect Core 3.1.2.1). `fresh`: the person authenticates anew, even with a session
    at the provider. `max_age`: seconds since they did. `level`: the weakest that will do.
    """

    fresh: bool = False
    max_age: int | None = None
    level: Assurance | None = None

    def levels(self, known: Mapping[str, Assurance]) -> list[str]:
        """The provider's names, of those known, for levels that will do; all of them when none would."""
        if self.level is not Assurance.HIGH:
            return list(known)
        return [name for name, level in known.items() if level is Assurance.HIGH] or list(known)


@dataclass(frozen=True, slots=True)
class LoginStart:
    """One journey that sets out. `state`: at most 64 unreserved characters, to come back unchanged. `redirect_uri`: the
    broker's own, one for each provider. `language`: `zh-Hant`, `zh-Hans`, `en` or `pt`. `wanted`: what is asked of the
    login, as far as the dialect can say it; whoever asked looks at what came.
    """

    state: str
    redirect_uri: str
    language: str
    at: datetime
    entropy: Entropy = field(repr=False)
    wanted: WantedLogin = field(default_factory=WantedLogin)


@dataclass(frozen=True, slots=True)
class Redirection:
    """Where to send the browser, and what `finish` needs again (nonce, PKCE verifier, business id): the broker keeps
    `memory` sealed with the login attempt, never in the browser.
    """

    url: str
    memory: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if len(self.memory) > MAX_MEMORY:
            raise ValueError(f"the memory of a login has {len(self.memory)} bytes, more than {MAX_MEMORY}")


class IdentityConnector(Protocol):
    """One identity provider. Implementations hold no per-login state: all a login needs comes in as arguments."""

    @property
    def provider(self) -> str:
        """The provider's short name, as in `IdentityGrant.provider` and in `/login/{provider}/callback`."""

    @property
    def names(self) -> Mapping[str, str]:
        """The provider's name for people, by language (`zh-Hant`, `zh-Hans`, `en`, `pt`)."""

    @property
    def origin(self) -> str:
        """Scheme and authority that browsers are sent to; pages name it in their Content-Security-Policy."""

    @property
    def trust_framework(self) -> str | None:
        """Under which its verified claims come, as in `Verification`; None from a provider that vouches for none."""

    @property
    def evidence(self) -> EvidenceKind:
        """What they rest on."""

    def begin(self, start: LoginStart) -> Redirection:
        """Where to send the browser. Raises ConnectorError."""

    def state_of(self, answer: Mapping[str, str]) -> str | None:
        """The `state` we sent, wherever this dialect's callback carries it. Total: trusts nothing in `answer`."""

    def finish(self, answer: Mapping[str, str], *, memory: bytes, redirect_uri: str, at: datetime) -> IdentityGrant:
        """Exchange the callback's parameters (query or form, each at most once) for a grant and verify everything that
        comes back. Raises ConnectorError, and nothing else; an error in `answer` is one too.
        """


class RefreshingConnector(Protocol):
    """A provider whose tokens can be renewed."""

    @property
    def provider(self) -> str: ...

    def refresh(self, tokens: UpstreamTokens, *, at: datetime) -> UpstreamTokens:
        """New tokens for old ones of this very provider. Raises ConnectorError; REFUSED means they are dead."""
