"""The machine interface below /api/v1. Each handler gets an authenticated service and an opened content, and returns
the content of the answer or raises Refusal.
"""

import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.iamsmart.content_key import wrap
from connectors.iamsmart.envelope import EnvelopeError, read_object, seal_json
from connectors.iamsmart.fields import EME_FIELDS, PROFILE_FIELDS
from connectors.mock_idps.faults import Fault
from connectors.mock_idps.iamsmart.codes import Code, Refusal
from connectors.mock_idps.iamsmart.content_keys import LIFETIME_MS
from connectors.mock_idps.iamsmart.outcomes import PORTRAIT_FIELD, fields_of
from connectors.mock_idps.iamsmart.provider import Provider
from connectors.mock_idps.iamsmart.service import Service
from connectors.mock_idps.iamsmart.started import SCOPES, field_names, read_started
from connectors.mock_idps.iamsmart.tasks import TASK_SECONDS, TOKEN_SECONDS, Result, What

BASE: Final = "/api/v1"
_MAX_BODY: Final = 64 * 1024
_LAST_MODIFIED: Final = 1_767_225_600_000  # of every account: nobody here ever changes
Handler = Callable[[Service, dict[str, Any], str], dict[str, Any]]


class Api:
    """The endpoints of one mock."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def routes(self) -> list[Route]:
        sealed: dict[str, Handler] = {
            "/auth/getToken": self._get_token,
            "/profiles": self._profiles,
            "/account/signing/ackResult": self._acknowledge,
        }
        for what in (What.PROFILE, What.EME, What.STEP_UP, What.HASH, What.PDF):
            sealed[f"/account/{what}/initiateRequest"] = partial(self._started, what)
        for what in (What.EME, What.HASH, What.PDF):
            sealed[f"/anonymous/{what}/initiateRequest"] = partial(self._started_anonymously, what)
            sealed[f"/anonymous/{what}/getResult"] = partial(self._result, what)
        return [
            Route(BASE + "/security/getKey", self._get_key, methods=["POST"]),
            Route(BASE + "/security/revokeKey", self._revoke_key, methods=["POST"]),
            *(Route(BASE + path, self._endpoint(handler), methods=["POST"]) for path, handler in sealed.items()),
        ]

    # --- in clear: the key itself ---

    async def _get_key(self, request: Request) -> Response:
        provider = self._provider
        try:
            service = provider.authentication.service(request.headers, await request.body())
            public_key = _certified(service)
        except Refusal as refusal:
            return _answer(refusal.code)
        issued = provider.keys.get(service.client_id)
        content = {
            "secretKey": wrap(issued.key, public_key, service.wrap),
            "pubKey": _public(public_key),
            "issueAt": issued.issued_ms,
            "expiresIn": LIFETIME_MS,
        }
        return _answer(Code.SUCCESS, content)

    async def _revoke_key(self, request: Request) -> Response:
        try:
            service = self._provider.authentication.service(request.headers, await request.body())
        except Refusal as refusal:
            return _answer(refusal.code)
        self._provider.keys.revoke(service.client_id)
        return _answer(Code.SUCCESS)

    # --- everything else: sealed both ways ---

    def _endpoint(self, handler: Handler) -> Callable[[Request], Any]:
        provider = self._provider

        async def endpoint(request: Request) -> Response:
            path = request.url.path
            try:
                body = await request.body()
                service = provider.authentication.service(request.headers, body)
                if provider.switch.strikes(Fault.EXPIRED_KEY, path):
                    provider.keys.revoke(service.client_id)
                key, raw = provider.keys.open(service.client_id, _content(body))
                content = handler(service, _object(raw), path)
            except Refusal as refusal:
                return _answer(refusal.code)
            secret = secrets.token_bytes(32) if provider.switch.strikes(Fault.WRONG_SIGNATURE, path) else key.key
            return _answer(Code.SUCCESS, seal_json(secret, content, iv=secrets.token_bytes(12)))

        return endpoint

    def _get_token(self, service: Service, content: dict[str, Any], path: str) -> dict[str, Any]:
        provider = self._provider
        code = content.get("code")
        if content.get("grantType") != "authorization_code" or not isinstance(code, str):
            raise Refusal(Code.PARAMETER)
        grant = provider.codes.get(code)
        if grant is None:
            raise Refusal(Code.CODE_DEAD)
        if grant.service.client_id != service.client_id:
            raise Refusal(Code.OTHER_CLIENT)
        provider.codes.drop(code)
        if provider.switch.strikes(Fault.FROZEN, path):
            raise Refusal(Code.FROZEN)
        return {
            "accessToken": provider.tokens.put(grant, seconds=TOKEN_SECONDS),
            "tokenType": "Bearer",
            "issueAt": grant.at_ms,
            "expiresIn": TOKEN_SECONDS * 1000,
            "openID": provider.open_id(grant),
            "lastModifiedDate": _LAST_MODIFIED,
            "userType": "iAMSmartPlus" if provider.people[grant.person_id].record.get("plus") else "iAMSmart",
            "scope": " ".join(sorted(grant.scopes)),
        }

    def _profiles(self, service: Service, content: dict[str, Any], path: str) -> dict[str, Any]:
        grant = self._provider.token(service, content, "eidapi_profiles", path)
        names = field_names(content, "profileFields", (*PROFILE_FIELDS, PORTRAIT_FIELD))
        forms = field_names(content, "eMEFields", EME_FIELDS)
        if forms and "eidapi_formFilling" not in grant.scopes:
            raise Refusal(Code.SCOPE)
        return fields_of(self._provider.people[grant.person_id], (*names, *forms))

    def _started(self, what: What, service: Service, content: dict[str, Any], path: str) -> dict[str, Any]:
        grant = self._provider.token(service, content, SCOPES[what], path)
        task = read_started(self._provider, service, what, content, grant.person_id)
        return {"authByQR": True, "ticketID": self._provider.tickets.put(task, seconds=TASK_SECONDS)}

    def _started_anonymously(self, what: What, service: Service, content: dict[str, Any], path: str) -> dict[str, Any]:
        provider = self._provider
        task = read_started(provider, service, what, content, None)
        name = f"{service.client_id} {task.business_id}"
        if provider.results.get(name) is not None:
            raise Refusal(Code.PARAMETER)
        provider.results.put(Result(what, service.client_id), seconds=2 * TASK_SECONDS, name=name)
        return {"authByQR": True, "ticketID": provider.tickets.put(task, seconds=TASK_SECONDS)}

    def _result(self, what: What, service: Service, content: dict[str, Any], path: str) -> dict[str, Any]:
        """Once."""
        name = f"{service.client_id} {content.get('businessID')}"
        result = self._provider.results.get(name)
        if result is None or result.what is not what:
            raise Refusal(Code.NO_SUCH_REQUEST)
        if result.content is None:
            raise Refusal(Code.PENDING)
        self._provider.results.drop(name)
        if result.code != Code.SUCCESS:
            raise Refusal(Code(result.code))
        return result.content

    def _acknowledge(self, service: Service, content: dict[str, Any], path: str) -> dict[str, Any]:
        business_id = content.get("businessID")
        if not isinstance(business_id, str):
            raise Refusal(Code.PARAMETER)
        self._provider.acknowledged.add(business_id)
        return {}


def settle(provider: Provider, name: str, code: Code, content: Mapping[str, Any]) -> None:
    """Lay an anonymous result out for getResult."""
    waiting = provider.results.get(name)
    if waiting is not None:
        done = replace(waiting, code=code, content=dict(content))
        provider.results.put(done, seconds=TASK_SECONDS, name=name)


def _answer(code: Code, content: object = None) -> Response:
    members = {"txID": secrets.token_hex(16), "code": code, "message": code.name, "content": content}
    return JSONResponse(members, headers={"Cache-Control": "no-store"})


def _content(body: bytes) -> object:
    return _object(body).get("content")


def _object(raw: bytes) -> dict[str, Any]:
    if len(raw) > _MAX_BODY:
        raise Refusal(Code.PARAMETER)
    try:
        return read_object(raw)
    except EnvelopeError:
        raise Refusal(Code.PARAMETER) from None


def _public(key: rsa.RSAPublicKey) -> str:
    """`pubKey`: base64 of the SubjectPublicKeyInfo the key was wrapped to."""
    return b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def _certified(service: Service) -> rsa.RSAPublicKey:
    if service.public_key is None:
        raise Refusal(Code.NO_CERTIFICATE)
    return service.public_key
