"""A person opens what a partner asks them to approve, agrees on the broker's pages, and goes to their provider."""

from dataclasses import dataclass, replace
from datetime import datetime
from inspect import signature
from uuid import UUID

from broker.core.approval import OPEN, ApprovalKind, ApprovalRequest, ApprovalStatus, ending_of
from broker.core.authorization import digest
from broker.core.client import Client
from broker.core.form_fields import dialect_fields
from broker.core.identity_release import IdentityRelease
from broker.core.rulebook import Rulebook
from broker.core.sealing import SALT_BYTES, seal
from broker.flows.cover_release import settle
from broker.flows.end_approval import end_approval
from broker.flows.ports import BeginWork, KeyStore, Work
from broker.flows.tell_number import tell_number
from broker.wire.approval_connector import ApprovalConnector, DocumentToSign, FormNotice
from broker.wire.identity_connector import ConnectorError, LoginStart
from broker.wire.keys import Entropy
from broker.wire.upstream_tokens import UpstreamTokens

MEMORY = "tongguan/approval-memory/v1"


@dataclass(frozen=True, slots=True)
class Opened:
    """The request as this person finds it. `outstanding`: the release they still have to decide about."""

    request: ApprovalRequest
    client: Client
    outstanding: IdentityRelease | None


def open_approval(
    work: Work, *, rulebook: Rulebook, request_id: UUID, traveller: UUID, at: datetime, entropy: Entropy
) -> Opened | None:
    """Bind the request to the first person who opens it, and say what is left to decide. None: there is no such
    request for this person, or not any more.
    """
    request = work.approvals.lock(request_id)
    if request is None or request.traveller not in (None, traveller):
        return None
    client = work.clients.find(request.client_id)
    if client is None or not client.active or work.partners.recipient(request.partner_id) is None:
        return None
    release = release_of(rulebook, request)
    if request.status_at(at) not in OPEN:
        return Opened(replace(request, status=request.status_at(at)), client, None)
    if request.traveller is None:
        request = replace(request, traveller=traveller)
        work.approvals.keep(request)
    cover = settle(
        work,
        handle_hash=digest(request.handle),
        traveller=traveller,
        client=client,
        releases=[release],
        at=at,
    )
    if cover.refused:
        request = end_approval(work, request, ApprovalStatus.REFUSED, at=at, entropy=entropy)
        return Opened(request, client, None)
    if cover.outstanding:
        return Opened(request, client, cover.outstanding[0])
    request = replace(request, consent=cover.consents[0])
    work.approvals.keep(request)
    return Opened(request, client, None)


def begin_approval(
    begin: BeginWork,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    request: ApprovalRequest,
    connector: ApprovalConnector,
    provider: str,
    tokens: UpstreamTokens | None,
    names: tuple[str, str],
    start: LoginStart,
) -> str | ApprovalRequest:
    """Ask the provider, and remember what it needs to hear again: the address to send the person to, or the request as
    it ended. `names`: of the partner, in the person's language and in English.

    Raises ConnectorError when the person may try again, InvalidInput when the provider does not offer it.
    """
    if request.traveller is None:
        raise ValueError("a request goes to a provider only after somebody opened it")
    try:
        if request.kind is ApprovalKind.FORM_FILL:
            form = FormNotice(request.asked["form"], request.asked["number"], request.asked["description"] or names[0])
            fields = dialect_fields(provider, request.claims())
            redirection = connector.begin_form_fill(start, fields=fields, form=form, tokens=tokens)
        else:
            document = DocumentToSign(
                bytes.fromhex(request.asked["sha256"]), request.asked["name"], names[0], names[1], request.asked["kind"]
            )
            known: dict[str, str] = {}
            if tokens is None and "identity_number" in signature(connector.begin_signature).parameters:
                told = tell_number(begin, request, keys=keys, rulebook=rulebook, provider=provider, start=start)
                if isinstance(told, ApprovalRequest):
                    return told
                known = {} if told is None else {"identity_number": told}
            redirection = connector.begin_signature(start, document=document, tokens=tokens, **known)
    except ConnectorError as error:
        return _stop(begin, request, error, at=start.at, entropy=start.entropy)
    key = keys.key(request.traveller)
    memory = seal(redirection.memory, key=key, context=context_of(request), salt=start.entropy(SALT_BYTES))
    with begin() as work:
        locked = work.approvals.lock(request.request_id)
        if locked is None or locked.status_at(start.at) not in OPEN:
            return locked or request
        work.approvals.keep(
            replace(
                locked,
                status=ApprovalStatus.APPROVING,
                provider=provider,
                state_hash=digest(start.state),
                memory=memory,
            )
        )
    return redirection.url


def release_of(rulebook: Rulebook, request: ApprovalRequest) -> IdentityRelease:
    """The release that a consent has to cover: the purpose's own retention, once."""
    return request.release(rulebook.partner.purpose(request.purpose).retention)


def context_of(request: ApprovalRequest) -> str:
    return f"{MEMORY}/{request.request_id}"


def _stop(
    begin: BeginWork, request: ApprovalRequest, error: ConnectorError, *, at: datetime, entropy: Entropy
) -> ApprovalRequest:
    """End the request when the provider's no is final; else raise, so that the person may try again."""
    status = ending_of(error.fault)
    if status is None:
        raise error
    with begin() as work:
        locked = work.approvals.lock(request.request_id)
        if locked is None or locked.status_at(at) not in OPEN:
            return locked or request
        return end_approval(work, locked, status, at=at, entropy=entropy)
