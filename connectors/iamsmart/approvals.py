"""Requests that a person approves in the app: profile, form filling, step-up, signatures (specs/iamsmart.md 5, 6).

With the person's token a request goes below /account and its result comes by server callback; without, it goes below
/anonymous and the result is fetched. An anonymous result says nothing about who approved it, signatures apart, which
HKICHash binds to one person: nothing here falls back from the first to the second.
"""

import logging
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from broker.wire.approval_connector import (
    DocumentSignature,
    DocumentToSign,
    FilledForm,
    FormNotice,
    ProviderNotice,
    StepUp,
)
from broker.wire.identity_connector import ConnectorError, LoginStart, ProviderFault, Redirection
from broker.wire.upstream_tokens import UpstreamTokens
from connectors.iamsmart.answer import SUCCESS
from connectors.iamsmart.api import Api, Opened
from connectors.iamsmart.business_id import LIFETIME, Begun, BusinessIds, Kind
from connectors.iamsmart.callbacks import Callbacks
from connectors.iamsmart.document_signature import ALGORITHM
from connectors.iamsmart.envelope import EnvelopeError, compact_json, read_object
from connectors.iamsmart.fields import EME_FIELDS, PROFILE_FIELDS, hkic_hash, identity_number
from connectors.iamsmart.login import Login, pull, refuse_errors
from connectors.iamsmart.mailbox import Mailbox
from connectors.iamsmart.results import Outcome, Results

R = TypeVar("R", bound=Outcome)
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Service:
    """Where requests of one kind go: `/account/{part}` or `/anonymous/{part}`, and the scope a token needs."""

    part: str
    scope: str


_SERVICES: Final[Mapping[Kind, _Service]] = {
    Kind.PROFILE: _Service("auth/profile", "eidapi_profiles"),
    Kind.FORM_FILL: _Service("eme", "eidapi_formFilling"),
    Kind.STEP_UP: _Service("stepup", "eidapi_auth"),
    Kind.HASH_SIGNATURE: _Service("signing", "eidapi_sign"),
    Kind.PDF_SIGNATURE: _Service("pdfsigning", "eidapi_sign"),
}


@dataclass(frozen=True)
class Shop:
    """What every approval needs."""

    api: Api
    login: Login
    business_ids: BusinessIds
    results: Results
    callbacks: Callbacks
    mailbox: Mailbox
    source: str


class Approvals:
    """Implements `ApprovalConnector`."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def begin_profile(self, start: LoginStart, *, fields: tuple[str, ...], tokens: UpstreamTokens) -> Redirection:
        """Ask for profile fields once more, in the app."""
        self._known(fields, PROFILE_FIELDS)
        return self._begin(start, Kind.PROFILE, {"profileFields": list(fields)}, tokens, fields=fields)

    def begin_form_fill(
        self, start: LoginStart, *, fields: tuple[str, ...], form: FormNotice, tokens: UpstreamTokens | None
    ) -> Redirection:
        self._known(fields, EME_FIELDS)
        content = {
            "formName": form.name,
            "formNum": form.number,
            "formDesc": form.description,
            "eMEFields": list(fields),
        }
        return self._begin(start, Kind.FORM_FILL, content, tokens, fields=fields)

    def begin_signature(
        self,
        start: LoginStart,
        *,
        document: DocumentToSign,
        tokens: UpstreamTokens | None,
        identity_number: str | None = None,
    ) -> Redirection:
        """`identity_number`: the signer's, with its check digit; without it, it is pulled with the token."""
        pdf = document.kind == "pdf"
        number = identity_number or self._number_behind(tokens, start.at)
        digest = b64encode(document.sha256).decode()
        content = {
            **({"docDigest": digest} if pdf else {"hashCode": digest, "sigAlgo": ALGORITHM}),
            "HKICHash": hkic_hash(number),
            "department": document.department,
            "serviceName": document.service,
            "documentName": document.name,
        }
        kind = Kind.PDF_SIGNATURE if pdf else Kind.HASH_SIGNATURE
        return self._begin(start, kind, content, tokens, document=document.sha256)

    def step_up(self, start: LoginStart, *, tokens: UpstreamTokens) -> Redirection:
        return self._begin(start, Kind.STEP_UP, {}, tokens)

    def finish_profile(self, answer: Mapping[str, str], *, memory: bytes, at: datetime) -> FilledForm:
        return self._finished(answer, memory, at, FilledForm, Kind.PROFILE)

    def finish_form_fill(self, answer: Mapping[str, str], *, memory: bytes, at: datetime) -> FilledForm:
        return self._finished(answer, memory, at, FilledForm, Kind.FORM_FILL)

    def finish_signature(self, answer: Mapping[str, str], *, memory: bytes, at: datetime) -> DocumentSignature:
        return self._finished(answer, memory, at, DocumentSignature, Kind.HASH_SIGNATURE, Kind.PDF_SIGNATURE)

    def finish_step_up(self, answer: Mapping[str, str], *, memory: bytes, at: datetime) -> StepUp:
        return self._finished(answer, memory, at, StepUp, Kind.STEP_UP)

    def receive(self, headers: Mapping[str, str], body: bytes, *, at: datetime) -> ProviderNotice:
        """A server callback; nothing in `headers` proves anything here. The result also waits for `finish_*`."""
        notice, answer, opened = self._shop.callbacks.read(body, at=at)
        kept = answer.code.encode() + b"\n" + opened.raw
        self._shop.mailbox.put(notice.business_id, kept, until=at + LIFETIME)
        if isinstance(notice.outcome, DocumentSignature):
            self._acknowledge(notice.business_id, at)
        return notice

    def _begin(
        self,
        start: LoginStart,
        kind: Kind,
        content: dict[str, Any],
        tokens: UpstreamTokens | None,
        *,
        fields: tuple[str, ...] = (),
        document: bytes | None = None,
    ) -> Redirection:
        shop, service = self._shop, _SERVICES[kind]
        business_id = shop.business_ids.new(kind, at=start.at, entropy=start.entropy, fields=fields, document=document)
        request = {
            "businessID": business_id,
            "source": shop.source,
            "redirectURI": start.redirect_uri,
            "state": start.state,
            **self._person(tokens, service.scope, start.at),
            **content,
        }
        where = "anonymous" if tokens is None else "account"
        begun = shop.api.post(f"/{where}/{service.part}/initiateRequest", request, at=start.at)
        ticket = begun.members.get("ticketID")
        if not isinstance(ticket, str) or not 0 < len(ticket) <= 256 or not ticket.isprintable():
            raise shop.api.error(ProviderFault.GARBLED, "the started request has no ticketID")
        memory = {"businessID": business_id, "anonymous": tokens is None}
        return Redirection(shop.login.page(start, ticket=ticket), compact_json(memory))

    def _person(self, tokens: UpstreamTokens | None, scope: str, at: datetime) -> dict[str, str]:
        if tokens is None:
            return {}
        if tokens.expires_at is not None and tokens.expires_at <= at:
            raise self._shop.api.error(ProviderFault.EXPIRED_CREDENTIAL, "the access token has expired")
        if scope not in tokens.scope:
            raise self._shop.api.error(ProviderFault.WITHHELD, f"{scope} was not granted at the login")
        return {"accessToken": tokens.access_token, "openID": tokens.open_id or ""}

    def _finished(self, answer: Mapping[str, str], memory: bytes, at: datetime, wanted: type[R], *kinds: Kind) -> R:
        shop = self._shop
        refuse_errors(shop.api, answer)
        business_id, anonymous, begun = self._remembered(memory, at)
        if begun.kind not in kinds:
            raise shop.api.error(ProviderFault.UNTRUSTED, "the answer is to a request of another kind")
        if answer.get("businessID") != business_id:
            raise shop.api.error(ProviderFault.UNTRUSTED, "the answer names another request")
        if anonymous:
            part = _SERVICES[begun.kind].part
            result = shop.api.post(f"/anonymous/{part}/getResult", {"businessID": business_id}, at=at)
            if result.members.get("businessID") != business_id:
                raise shop.api.error(ProviderFault.UNTRUSTED, "the result is another request's")
        else:
            result = self._delivered(business_id, at)
        outcome = shop.results.read(begun, result, at=at)
        if not isinstance(outcome, wanted):
            raise TypeError(f"a {begun.kind.name} came to a {type(outcome).__name__}")
        if anonymous and isinstance(outcome, DocumentSignature):
            self._acknowledge(business_id, at)
        return outcome

    def _delivered(self, business_id: str, at: datetime) -> Opened:
        shop = self._shop
        kept = shop.mailbox.take(business_id, at=at)
        if kept is None:
            raise shop.api.error(ProviderFault.UNREACHABLE, "the result has not been called back")
        code, _, raw = kept.partition(b"\n")
        if code.decode() != SUCCESS:
            raise shop.api.refused(code.decode())
        return Opened(read_object(raw), raw)

    def _remembered(self, memory: bytes, at: datetime) -> tuple[str, bool, Begun]:
        try:
            members = read_object(memory)
            business_id, anonymous = members["businessID"], members["anonymous"]
        except (EnvelopeError, KeyError):
            business_id, anonymous = None, False
        begun = self._shop.business_ids.begun(business_id, at=at)
        if begun is None:
            raise self._shop.api.error(ProviderFault.TIMED_OUT, "the request was begun too long ago")
        return business_id, anonymous, begun

    def _number_behind(self, tokens: UpstreamTokens | None, at: datetime) -> str:
        api = self._shop.api
        if tokens is None:
            raise api.error(ProviderFault.MISCONFIGURED, "a signature without a token needs the identity number")
        number = identity_number(pull(api, tokens, profile=["idNo"], at=at).members.get("idNo"))
        if number is None:
            raise api.error(ProviderFault.GARBLED, "idNo is malformed")
        return number

    def _acknowledge(self, business_id: str, at: datetime) -> None:
        """Tell the provider that the signature arrived. The signature is good without it."""
        try:
            self._shop.api.post("/account/signing/ackResult", {"businessID": business_id}, at=at)
        except ConnectorError as error:
            _log.warning("a signature was not acknowledged: %s", error)

    def _known(self, fields: tuple[str, ...], known: tuple[str, ...]) -> None:
        if not fields or not set(fields) <= set(known) or len(set(fields)) != len(fields):
            raise self._shop.api.error(ProviderFault.MISCONFIGURED, "a form asks for fields that do not exist")
