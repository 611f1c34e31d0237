"""What the endpoints work with, given once by the composition root."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from broker.core.rulebook import Rulebook
from broker.flows.ports import BeginWork, FaceExaminer, KeyStore, Work
from broker.wire.approval_connector import ProviderNotice
from broker.wire.keys import Entropy, PublicKey, Signer
from broker.wire.trust_list import TrustedKey
from broker.wire.upstream_tokens import UpstreamTokens

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Services:
    """Ports, keys and the few settings that pages need. `ready` raises when the broker cannot work now."""

    begin: BeginWork
    keys: KeyStore
    rulebook: Rulebook
    examiner: FaceExaminer
    pass_signer: Signer
    status_signer: Signer
    receipt_signer: Signer
    answer_signer: Signer
    root_key: PublicKey
    pass_keys: tuple[TrustedKey, ...]
    ready: Callable[[], None]
    clock: Clock
    entropy: Entropy
    issuer: str
    language: str
    wallet_origins: tuple[str, ...]
    return_uris: tuple[str, ...]
    # What partners verify answers and notices with, the present key first.
    statement_keys: tuple[PublicKey, ...]
    sandbox: bool = False
    # What the journal's checkpoints are verified with, the present key first.
    checkpoint_keys: tuple[PublicKey, ...] = ()
    # A person's tokens at a provider, refreshed if need be. Raises ConnectorError.
    upstream: Callable[[UUID, str], UpstreamTokens | None] = lambda _traveller, _provider: None
    # A provider's verified callback is acted on, once. Whether it was new.
    take_notice: Callable[[Work, str, ProviderNotice, datetime], bool] = lambda *_: False
    # How the way to each provider is, by its name, as this process sees it.
    provider_health: Callable[[], Mapping[str, Any]] = dict


def services_of(request: HTTPConnection) -> Services:
    """The services of this application."""
    services: Services = request.app.state.services
    return services


async def _services(request: Request) -> Services:
    return services_of(request)


def unit_of_work(request: Request) -> Iterator[Work]:
    """One transaction for one endpoint. It takes a connection at its first statement, within the endpoint's body."""
    with services_of(request).begin() as work:
        yield work


Provided = Annotated[Services, Depends(_services)]
# Scope "function": the commit happens before the response leaves, so a failed commit is never answered with success.
Transaction = Annotated[Work, Depends(unit_of_work, scope="function")]
