"""What a provider does for a service once a person approves it there: fill a form, sign a document, authenticate again;
and what it tells a service of its own accord.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from broker.wire.identity_connector import LoginStart, ProviderFault, Redirection
from broker.wire.upstream_tokens import UpstreamTokens


@dataclass(frozen=True, slots=True)
class FormNotice:
    """What the person reads about the form before agreeing to fill it."""

    name: str
    number: str
    description: str


@dataclass(frozen=True, slots=True)
class DocumentToSign:
    """A document by its SHA-256 (32 bytes). `kind`: a bare hash, or a PDF whose digest is signed."""

    sha256: bytes
    name: str
    service: str
    department: str
    kind: Literal["hash", "pdf"] = "hash"


@dataclass(frozen=True, slots=True)
class FilledForm:
    """Fields by name, as the provider vouches for them; exactly those asked for and approved."""

    fields: Mapping[str, Any] = field(repr=False)
    evidence_hash: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DocumentSignature:
    """A person's signature over the document hash. `signature` and `certificate` (DER) as the provider made them."""

    sha256: bytes
    signature: bytes = field(repr=False)
    certificate: bytes = field(repr=False)
    algorithm: str
    signed_at: datetime
    evidence_hash: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class StepUp:
    """Whether the person proved themselves again, and when."""

    passed: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The person told the provider that this service may no longer know them."""

    issuer: str
    subject: str = field(repr=False)


NoticeOutcome = FilledForm | DocumentSignature | StepUp | Withdrawal | ProviderFault


@dataclass(frozen=True, slots=True)
class ProviderNotice:
    """A verified server-to-server callback. `business_id` is unique at that provider: the broker acts on it once.
    `state` is ours, for a request that a browser began.
    """

    business_id: str
    kind: Literal["form_fill", "signature", "step_up", "withdrawal", "other"]
    outcome: NoticeOutcome = field(repr=False)
    state: str | None = None


class NotifyingConnector(Protocol):
    """A provider that calls the broker back from server to server: POST /providers/{provider}/callback."""

    def receive(self, headers: Mapping[str, str], body: bytes, *, at: datetime) -> ProviderNotice:
        """Verify a callback (`headers` by lower-case name, `body` at most 1 MiB as received). Raises ConnectorError;
        answering one business id once is the broker's part.
        """


class ApprovalConnector(NotifyingConnector, Protocol):
    """Services on a person's approval. Every begin may go with the person's tokens, or without for an anonymous one."""

    def begin_form_fill(
        self, start: LoginStart, *, fields: tuple[str, ...], form: FormNotice, tokens: UpstreamTokens | None
    ) -> Redirection: ...

    def finish_form_fill(self, answer: Mapping[str, str], *, memory: bytes, at: datetime) -> FilledForm: ...

    def begin_signature(
        self, start: LoginStart, *, document: DocumentToSign, tokens: UpstreamTokens | None
    ) -> Redirection: ...

    def finish_signature(self, answer: Mapping[str, str], *, memory: bytes, at: datetime) -> DocumentSignature: ...

    def step_up(self, start: LoginStart, *, tokens: UpstreamTokens) -> Redirection: ...

    def finish_step_up(self, answer: Mapping[str, str], *, memory: bytes, at: datetime) -> StepUp: ...
