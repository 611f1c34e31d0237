"""The gates API (specs/gate-api.md). Whoever asks is proven by the signature over the body, not by the connection."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from broker.core.denial import Denied
from broker.core.travel import LIFETIME
from broker.flows.enrol_gate import enrol_gate
from broker.flows.epoch_secrets import epoch_secrets
from broker.flows.issue_consent_grant import Granting
from broker.flows.ports import Work
from broker.flows.publish_status_list import current_status_list
from broker.flows.record_crossing import record_crossing
from broker.flows.release_template import release_template
from broker.web.bodies import COSE, JSON, KIB, BodyRule, Rules
from broker.web.error_handlers import respond
from broker.web.fields import Base64Url, InvitationCode, Message, Moment, answer_with, from_base64url, to_base64url
from broker.web.problems import Problem, of_denial
from broker.web.services import Provided, Transaction
from broker.wire import gate_api
from broker.wire.travel_pass import PassMode
from broker.wire.trust_list import TrustList

router = APIRouter(prefix="/gates/v1")

_SIGNED = frozenset({COSE})
RULES: Rules = {
    ("POST", "/gates/v1/enrolments"): BodyRule(frozenset({JSON}), 4 * KIB),
    ("POST", "/gates/v1/releases"): BodyRule(_SIGNED, 16 * KIB),
    ("POST", "/gates/v1/epoch-secrets"): BodyRule(_SIGNED, 16 * KIB),
    ("POST", "/gates/v1/crossings"): BodyRule(_SIGNED, gate_api.MAX_BYTES),
}

_TRUST_LIST = "application/tongguan-trust-list+cwt"
_STATUS_LIST = "application/statuslist+cwt"
_SEALED = "application/cbor"


async def _body(request: Request) -> bytes:
    return await request.body()


Signed = Annotated[bytes, Depends(_body)]


class Enrolling(Message):
    """`public_key`: the gate's COSE_Key."""

    code: InvitationCode
    public_key: Base64Url


class Enrolled(Message):
    gate_id: str
    zone: str
    root_key: str
    trust_list: str


class Lists(Message):
    lists: list[int]


class Accepted(Message):
    accepted: list[str]


class Now(Message):
    now: Moment


@router.post("/enrolments")
def enrolments(request: Request, asked: Enrolling, services: Provided, work: Transaction) -> Response:
    at = services.clock()
    try:
        key = from_base64url(asked.public_key)
    except ValueError as error:
        raise Problem("invalid-request", "`public_key` is not base64url.") from error
    gate = enrol_gate(work, code=asked.code, public_key=key, at=at, entropy=services.entropy)
    if isinstance(gate, Denied):
        return respond(request, of_denial(gate))
    return answer_with(
        Enrolled(
            gate_id=gate.gate_id,
            zone=gate.zone,
            root_key=to_base64url(services.root_key.to_cose_key()),
            trust_list=to_base64url(_published(work)),
        ),
        201,
    )


@router.get("/trust-list")
def trust_list(work: Transaction) -> Response:
    return Response(_published(work), media_type=_TRUST_LIST)


@router.get("/status-lists")
def status_lists(services: Provided, work: Transaction) -> Response:
    return answer_with(Lists(lists=list(work.status.in_use(services.clock()))))


@router.get("/status-lists/{number}")
def status_list(number: Annotated[int, Path(ge=0, lt=4096)], services: Provided, work: Transaction) -> Response:
    at = services.clock().replace(microsecond=0)
    published = current_status_list(work, signer=services.status_signer, list_no=number, at=at)
    if published is None:
        raise Problem("not-found")
    return Response(published.raw, media_type=_STATUS_LIST)


@router.post("/releases")
def releases(request: Request, signed: Signed, services: Provided, work: Transaction) -> Response:
    at = services.clock()
    # What the broker itself signed: no list is fetched, and none can be out of date.
    now = at.replace(microsecond=0)
    own = TrustList(1, now, now + LIFETIME[PassMode.OFFLINE], services.pass_keys)
    released = release_template(
        work,
        keys=services.keys,
        rulebook=services.rulebook,
        trust_list=own,
        request=signed,
        at=at,
        entropy=services.entropy,
        granting=Granting(services.receipt_signer, services.issuer),
    )
    if isinstance(released, Denied):
        return respond(request, of_denial(released))
    headers = {} if released.consent_grant is None else {"Consent-Grant": released.consent_grant}
    return Response(released.ciphertext, media_type=_SEALED, headers=headers)


@router.post("/epoch-secrets")
def secrets_of_epochs(request: Request, signed: Signed, services: Provided, work: Transaction) -> Response:
    at = services.clock()
    sealed = epoch_secrets(work, keys=services.keys, request=signed, at=at, entropy=services.entropy)
    if isinstance(sealed, Denied):
        return respond(request, of_denial(sealed))
    return Response(sealed.ciphertext, media_type=_SEALED)


@router.post("/crossings")
def crossings(request: Request, signed: Signed, services: Provided, work: Transaction) -> Response:
    at = services.clock()
    recorded = record_crossing(work, keys=services.keys, report=signed, at=at, entropy=services.entropy)
    if isinstance(recorded, Denied):
        return respond(request, of_denial(recorded))
    return answer_with(Accepted(accepted=[event.hex() for event in recorded.accepted]))


@router.get("/time")
async def time(services: Provided) -> Response:
    """For the drift alarm; the gate measures the round trip."""
    return answer_with(Now(now=services.clock()))


def _published(work: Work) -> bytes:
    """The newest signed trust list. The operator's process signs it; no worker holds the root key."""
    latest = work.trust_lists.latest()
    if latest is None:
        raise Problem("database-unavailable", cause="no trust list was published", headers={"Retry-After": "2"})
    return latest.raw
