"""What the client's server calls: discovery, keys, pushed requests, tokens, the packet, the counter."""

import hmac
import json
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import unquote_plus

from joserfc import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.mock_idps.faults import Fault
from connectors.mock_idps.macau.accounts import FIELDS, shared
from connectors.mock_idps.macau.accounts import kind as kind_of
from connectors.mock_idps.macau.grants import ACCESS_SECONDS, Tokens
from connectors.mock_idps.macau.packet import MEDIA_TYPE, seal, sign
from connectors.mock_idps.macau.requests import RequestError, read_request
from connectors.mock_idps.macau.state import PUSHED_SECONDS, AtCounter, World
from connectors.mock_idps.pages import NO_STORE

PUSHED_PREFIX = "urn:ietf:params:oauth:request_uri:"


def routes(world: World) -> list[Route]:
    machine = _Machine(world)
    return [
        Route("/.well-known/openid-configuration", machine.discovery),
        Route("/jwks", machine.jwks),
        Route("/bureau/jwks", machine.bureau_jwks),
        Route("/par", machine.push, methods=["POST"]),
        Route("/token", machine.token, methods=["POST"]),
        Route("/packet", machine.packet, methods=["POST"]),
        Route("/counter/scan", machine.scan, methods=["POST"]),
        Route("/counter/result", machine.result, methods=["POST"]),
    ]


class _Machine:
    def __init__(self, world: World) -> None:
        self.world = world

    async def discovery(self, _: Request) -> Response:
        issuer = self.world.issuer
        return JSONResponse(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "pushed_authorization_request_endpoint": f"{issuer}/par",
                "require_pushed_authorization_requests": True,
                "token_endpoint": f"{issuer}/token",
                "jwks_uri": f"{issuer}/jwks",
                "packet_endpoint": f"{issuer}/packet",
                "counter_scan_endpoint": f"{issuer}/counter/scan",
                "counter_result_endpoint": f"{issuer}/counter/result",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
                "ui_locales_supported": ["zh-MO", "pt", "en"],
            }
        )

    async def jwks(self, _: Request) -> Response:
        return JSONResponse({"keys": [self.world.key.as_dict(private=False)]})

    async def bureau_jwks(self, _: Request) -> Response:
        return JSONResponse(self.world.bureau.jwks(self.world.seconds()))

    async def push(self, request: Request) -> Response:
        """RFC 9126 2.1."""
        form = await request.form()
        if not self._authenticated(request):
            return _error("invalid_client", 401)
        pairs = [(name, str(value)) for name, value in form.multi_items()]
        settings = self.world.settings
        try:
            asked = read_request(
                pairs,
                client_id=settings.client_id,
                redirect_uris=settings.redirect_uris,
                departments=self.world.departments,
            )
        except RequestError as error:
            return _error(error.code, 401 if error.code == "invalid_client" else 400)
        body = {"request_uri": PUSHED_PREFIX + self.world.pushed.put(asked), "expires_in": PUSHED_SECONDS}
        return JSONResponse(body, status_code=201, headers=NO_STORE)

    async def token(self, request: Request) -> Response:
        """RFC 6749 4.1.3 and 6, RFC 7636 4.6."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        if not self._authenticated(request):
            return _error("invalid_client", 401)
        grant = form.get("grant_type")
        if grant == "refresh_token":
            tokens = self.world.grants.rotate(form.get("refresh_token", ""))
            return _error("invalid_grant") if tokens is None else self._tokens(tokens)
        if grant != "authorization_code":
            return _error("unsupported_grant_type")
        agreed = self.world.codes.take(form.get("code", ""))
        verifier = form.get("code_verifier", "")
        if (
            agreed is None
            or form.get("redirect_uri") != agreed.asked.redirect_uri
            or not 43 <= len(verifier) <= 128
            or not hmac.compare_digest(_half(verifier, 32), agreed.asked.code_challenge)
        ):
            return _error("invalid_grant")
        tokens = self.world.grants.issue(agreed)
        return self._tokens(tokens, id_token=self._id_token(tokens, request.url.path))

    async def packet(self, request: Request) -> Response:
        """What the person chose to share, sealed for the departments they chose."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        found = self.world.grants.of_access(token) if scheme.lower() == "bearer" else None
        if found is None:
            return _error("invalid_token", 401)
        agreed, withdrawn = found
        if withdrawn:
            return _error("consentimento_retirado", 403)
        if self.world.settings.client_id not in agreed.departments:
            return _error("destinatario_nao_escolhido", 403)
        if not self.world.spend_packet(agreed.person_id):
            return _error("quota_esgotada", 429)
        made = self._packet(
            agreed.person_id, agreed.fields, agreed.departments, agreed.asked.purpose, agreed.txn, request.url.path
        )
        return Response(json.dumps(made), media_type=MEDIA_TYPE, headers=NO_STORE)

    async def scan(self, request: Request) -> Response:
        """A counter read a code off a telephone."""
        body = await self._counter_body(request)
        if body is None:
            return _error("invalid_client", 401)
        fields, purpose, text = body.get("campos"), body.get("finalidade"), body.get("qr")
        if (
            not isinstance(fields, list)
            or not fields
            or not all(field in FIELDS for field in fields)
            or not isinstance(purpose, str)
            or not isinstance(text, str)
        ):
            return _error("invalid_request")
        person_id, code = self.world.counter_codes.read(text, self.world.settings.now())
        if person_id is None:
            return _error(code)
        waiting = AtCounter(person_id, tuple(fields), purpose)
        return JSONResponse({"pedido": self.world.counter.put(waiting)}, status_code=201, headers=NO_STORE)

    async def result(self, request: Request) -> Response:
        """What the person answered on the telephone; the packet once."""
        body = await self._counter_body(request)
        if body is None:
            return _error("invalid_client", 401)
        name = str(body.get("pedido", ""))
        waiting = self.world.counter.get(name)
        if waiting is None:
            return _error("pedido_caducado", 410)
        if not waiting.answered:
            return JSONResponse({"estado": "pendente"}, headers=NO_STORE)
        self.world.counter.take(name)
        if waiting.fields is None:
            return JSONResponse({"estado": "recusado"}, headers=NO_STORE)
        recipients = (self.world.settings.client_id,)
        made = self._packet(waiting.person_id, waiting.fields, recipients, waiting.purpose, name, request.url.path)
        return JSONResponse({"estado": "entregue", "pacote": made}, headers=NO_STORE)

    # --- details ---

    def _packet(
        self, person_id: str, fields: Sequence[str], departments: Sequence[str], purpose: str, txn: str, path: str
    ) -> dict[str, Any]:
        world, now = self.world, self.world.seconds()
        key, kid = world.bureau.signing, world.bureau.signing.kid or ""
        if world.strikes(Fault.WRONG_SIGNATURE, path):
            key = world.bureau.stranger
        elif world.strikes(Fault.EXPIRED_KEY, path):
            key, kid = world.bureau.expired, world.bureau.expired.kid or ""
        claims = {
            "iss": world.bureau_issuer,
            "aud": list(departments),
            "sub": world.subject(person_id),
            "iat": now,
            "exp": now + ACCESS_SECONDS,
            "jti": secrets.token_urlsafe(16),
            "txn": txn,
            "finalidade": purpose,
            "campos": list(fields),
            "dados": shared(world.people[person_id], fields),
        }
        recipients = [world.departments[code].key() for code in departments]
        return seal(sign(claims, key, kid), [known for known in recipients if known is not None])

    def _id_token(self, tokens: Tokens, path: str) -> str:
        world, agreed, now = self.world, tokens.agreed, self.world.seconds()
        claims = {
            "iss": world.issuer,
            "aud": world.settings.client_id,
            "sub": world.subject(agreed.person_id),
            "iat": now,
            "exp": now + ACCESS_SECONDS,
            "auth_time": agreed.auth_time,
            "nonce": agreed.asked.nonce,
            "acr": agreed.acr,
            "amr": list(agreed.amr),
            "at_hash": _half(tokens.access_token, 16),
            "conta": kind_of(world.people[agreed.person_id]),
            "txn": agreed.txn,
        }
        return jwt.encode({"alg": "ES256", "kid": world.key.kid or "", "typ": "JWT"}, claims, world.signer(path))

    def _tokens(self, tokens: Tokens, **more: str) -> Response:
        body: dict[str, Any] = {
            "access_token": tokens.access_token,
            "token_type": "Bearer",
            "expires_in": ACCESS_SECONDS,
            "scope": " ".join(tokens.agreed.asked.scopes),
            **more,
        }
        if tokens.refresh_token is not None:
            body["refresh_token"] = tokens.refresh_token
        return JSONResponse(body, headers=NO_STORE)

    def _authenticated(self, request: Request) -> bool:
        """client_secret_basic and nothing else (RFC 6749 2.3.1)."""
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            name, _, secret = b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            return False
        settings = self.world.settings
        pairs = ((unquote_plus(name), settings.client_id), (unquote_plus(secret), settings.client_secret))
        same = [hmac.compare_digest(given.encode(), wanted.encode()) for given, wanted in pairs]
        return scheme.lower() == "basic" and all(same)

    async def _counter_body(self, request: Request) -> Mapping[str, Any] | None:
        """The JSON of a counter's call; None when the caller is not who it must be."""
        if not self._authenticated(request):
            return None
        try:
            body = await request.json()
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}


def _error(code: str, status: int = 400) -> Response:
    return JSONResponse({"error": code}, status_code=status, headers=NO_STORE)


def _half(text: str, size: int) -> str:
    return urlsafe_b64encode(sha256(text.encode()).digest()[:size]).rstrip(b"=").decode()
