"""One mock provider as an ASGI application: discovery, keys, pages, token, user information, photograph."""

import hmac
import time
import tomllib
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final
from urllib.parse import unquote_plus, urlencode

import jinja2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from connectors.mock_idps.authorization import BadRequest, RedirectedError, read_authorization
from connectors.mock_idps.dialect import Dialect
from connectors.mock_idps.keys import ProviderKey
from connectors.mock_idps.people import Person
from connectors.mock_idps.state import (
    CODE_SECONDS,
    TOKEN_SECONDS,
    TRANSACTION_SECONDS,
    Consent,
    OneTime,
    Registered,
    Transaction,
)

CLIENT_NAME: Final = {"zh-Hant": "通關", "zh-Hans": "通关", "en": "Tongguan", "pt": "Tongguan"}
_NO_STORE: Final = {"Cache-Control": "no-store"}


class MockProvider:
    """The endpoints of one provider. `issuer` is its public origin."""

    def __init__(
        self,
        dialect: Dialect,
        *,
        issuer: str,
        people: Mapping[str, Person],
        client: Registered,
        key: ProviderKey,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.dialect = dialect
        self.issuer = issuer
        self.people = people
        self.client = client
        self.now = now
        self.key = key
        self.transactions: OneTime[Transaction] = OneTime(TRANSACTION_SECONDS, now)
        self.codes: OneTime[Consent] = OneTime(CODE_SECONDS, now)
        self.tokens: OneTime[Consent] = OneTime(TOKEN_SECONDS, now)
        self._texts = tomllib.loads(files("connectors.mock_idps").joinpath("texts.toml").read_text(encoding="utf-8"))
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("connectors.mock_idps", "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
        )

    def app(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route("/.well-known/openid-configuration", self.discovery),
            Route("/jwks", self.jwks),
            Route("/style.css", self.style),
            Route("/authorize", self.authorize),
            Route("/authorize/person", self.choose_person, methods=["POST"]),
            Route("/authorize/decision", self.decide, methods=["POST"]),
            Route("/token", self.token, methods=["POST"]),
            Route("/userinfo", self.userinfo),
        ]
        if self.dialect.photo_scope is not None:
            routes.append(Route("/photo", self.photo))
        return Starlette(routes=routes)

    # --- what everybody may read ---

    async def discovery(self, _: Request) -> Response:
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "scopes_supported": ["openid", *(scope.name for scope in self.dialect.scopes)],
            "id_token_signing_alg_values_supported": [self.dialect.algorithm],
            "userinfo_signing_alg_values_supported": [self.dialect.algorithm],
            "token_endpoint_auth_methods_supported": [self.dialect.authentication],
            "code_challenge_methods_supported": ["S256"],
        }
        if self.dialect.photo_scope is not None:
            document["photo_endpoint"] = f"{self.issuer}/photo"
        return JSONResponse(document)

    async def jwks(self, _: Request) -> Response:
        return JSONResponse({"keys": [self.key.jwk]})

    async def style(self, _: Request) -> Response:
        text = files("connectors.mock_idps").joinpath("templates", "style.css").read_text(encoding="utf-8")
        return Response(text.replace("ACCENT", self.dialect.accent), media_type="text/css")

    # --- what the person sees ---

    async def authorize(self, request: Request) -> Response:
        """Check the request (RFC 6749 4.1.1), then ask who it is."""
        try:
            transaction = read_authorization(request.query_params.multi_items(), self.dialect, self.client)
        except BadRequest as error:
            return self._page("error.html", self.dialect.language(None), status=400, error=str(error))
        except RedirectedError as error:
            return self._back(error.redirect_uri, error.state, error=error.error)
        name = self.transactions.put(transaction)
        people = list(self.people.values())
        response = self._page("person.html", transaction.language, transaction=name, people=people)
        # The forms that follow must come from the browser that got this page.
        response.set_cookie(self._cookie(name), "1", max_age=TRANSACTION_SECONDS, httponly=True, samesite="lax")
        return response

    async def choose_person(self, request: Request) -> Response:
        """Show what the client asks for; nothing is ticked."""
        form = await request.form()
        name, person_id = str(form.get("transaction", "")), str(form.get("person", ""))
        transaction = self.transactions.get(name)
        if transaction is None or self._cookie(name) not in request.cookies or person_id not in self.people:
            return self._page("error.html", self.dialect.language(None), status=400, error="unknown_transaction")
        self.transactions.take(name)
        renamed = self.transactions.put(replace(transaction, person_id=person_id))
        asked = [scope for scope in self.dialect.scopes if scope.name in transaction.scopes]
        response = self._page(
            "consent.html",
            transaction.language,
            transaction=renamed,
            person=self.people[person_id],
            scopes=asked,
            client=CLIENT_NAME[transaction.language],
        )
        response.set_cookie(self._cookie(renamed), "1", max_age=TRANSACTION_SECONDS, httponly=True, samesite="lax")
        response.delete_cookie(self._cookie(name))
        return response

    async def decide(self, request: Request) -> Response:
        """A code for what was ticked, or access_denied."""
        form = await request.form()
        name = str(form.get("transaction", ""))
        transaction = self.transactions.take(name)
        if transaction is None or self._cookie(name) not in request.cookies:
            return self._page("error.html", self.dialect.language(None), status=400, error="unknown_transaction")
        if form.get("decision") != "allow" or transaction.person_id is None:
            return self._back(transaction.redirect_uri, transaction.state, error="access_denied")
        ticked = {str(value) for value in form.getlist("scope")} & set(transaction.scopes)
        consent = Consent(transaction, transaction.person_id, frozenset({"openid"} | ticked), int(self.now()))
        return self._back(transaction.redirect_uri, transaction.state, code=self.codes.put(consent))

    # --- what the client calls ---

    async def token(self, request: Request) -> Response:
        """RFC 6749 4.1.3 with RFC 7636 4.6."""
        form = await request.form()
        if not self._client_authenticated(request, form):
            return JSONResponse({"error": "invalid_client"}, status_code=401, headers=_NO_STORE)
        if form.get("grant_type") != "authorization_code":
            return self._token_error("unsupported_grant_type")
        consent = self.codes.take(str(form.get("code", "")))
        verifier = str(form.get("code_verifier", ""))
        challenge = _b64url(sha256(verifier.encode()).digest())
        if (
            consent is None
            or form.get("redirect_uri") != consent.transaction.redirect_uri
            or not 43 <= len(verifier) <= 128
            or not hmac.compare_digest(challenge, consent.transaction.code_challenge)
        ):
            return self._token_error("invalid_grant")
        access_token = self.tokens.put(consent)
        id_token = self._signed(
            consent,
            nonce=consent.transaction.nonce,
            acr=self.dialect.acr,
            auth_time=consent.auth_time,
            at_hash=_b64url(sha256(access_token.encode()).digest()[:16]),
        )
        body = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "scope": " ".join(sorted(consent.scopes)),
            "id_token": id_token,
        }
        return JSONResponse(body, headers=_NO_STORE)

    async def userinfo(self, request: Request) -> Response:
        """Signed (OpenID Connect Core 5.3.2), and only what was ticked."""
        consent = self._bearer(request)
        if consent is None:
            return JSONResponse({"error": "invalid_token"}, status_code=401, headers=_NO_STORE)
        claims = self.dialect.userinfo(self.people[consent.person_id], consent.scopes)
        return Response(self._signed(consent, **claims), media_type="application/jwt", headers=_NO_STORE)

    async def photo(self, request: Request) -> Response:
        consent = self._bearer(request)
        if consent is None or self.dialect.photo_scope not in consent.scopes:
            return JSONResponse({"error": "invalid_token"}, status_code=401, headers=_NO_STORE)
        portrait = self.people[consent.person_id].portrait
        if portrait is None:
            return JSONResponse({"error": "not_found"}, status_code=404, headers=_NO_STORE)
        return Response(portrait, media_type="image/jpeg", headers=_NO_STORE)

    # --- details ---

    def _client_authenticated(self, request: Request, form: Mapping[str, Any]) -> bool:
        """Only by the one method this provider registered (RFC 6749 2.3.1)."""
        header = request.headers.get("authorization", "")
        if self.dialect.authentication == "client_secret_post":
            given = (str(form.get("client_id", "")), str(form.get("client_secret", "")))
        else:
            given = _basic(header)
        wanted = (self.client.client_id, self.client.client_secret)
        return all(hmac.compare_digest(a.encode(), b.encode()) for a, b in zip(given, wanted, strict=True))

    def _bearer(self, request: Request) -> Consent | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self.tokens.get(token) if scheme.lower() == "bearer" else None

    def _signed(self, consent: Consent, **claims: Any) -> str:
        person = self.people[consent.person_id]
        now = int(self.now())
        return self.key.sign(
            {
                "iss": self.issuer,
                "aud": self.client.client_id,
                "sub": person.pseudonym(self.dialect.provider, self.client.client_id),
                "iat": now,
                "exp": now + TOKEN_SECONDS,
                **claims,
            }
        )

    def _token_error(self, error: str) -> Response:
        return JSONResponse({"error": error}, status_code=400, headers=_NO_STORE)

    def _back(self, redirect_uri: str, state: str | None, **answer: str) -> Response:
        query = urlencode(answer | ({"state": state} if state is not None else {}))
        separator = "&" if "?" in redirect_uri else "?"
        return RedirectResponse(f"{redirect_uri}{separator}{query}", status_code=303, headers=_NO_STORE)

    def _page(self, template: str, language: str, *, status: int = 200, **context: Any) -> HTMLResponse:
        def text(key: str, **values: str) -> str:
            return str(self._texts[key][language].format(**values))

        title = self.dialect.title[language]
        body = self._templates.get_template(template).render(t=text, title=title, language=language, **context)
        headers = {
            **_NO_STORE,
            "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'",
            "Referrer-Policy": "no-referrer",
        }
        return HTMLResponse(body, status_code=status, headers=headers)

    def _cookie(self, transaction: str) -> str:
        # Cookies are shared between ports of one host, so each provider and each login has a name of its own.
        return f"{self.dialect.provider}-{sha256(transaction.encode()).hexdigest()[:16]}"


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        name, _, secret = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return (unquote_plus(name), unquote_plus(secret)) if scheme.lower() == "basic" else ("", "")


def _b64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
