"""One login by authorization code: the request, pushed where the provider takes it; the answer; tokens; refresh."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode

from broker.wire.identity_connector import ConnectorError, LoginStart, ProviderFault, Redirection
from broker.wire.upstream_tokens import UpstreamTokens
from connectors.fetch import Answer, Fetcher
from connectors.openid.client_auth import ClientKeyError
from connectors.openid.encoding import b64url
from connectors.openid.metadata import Metadata
from connectors.openid.registration import SKEW, Registration, origin_of
from connectors.openid.remote_keys import RemoteKeys
from connectors.openid.tokens import TokenReader

_TEN_YEARS: Final = 315_360_000  # seconds


@dataclass(frozen=True)
class Login:
    """Claims of a verified ID token with its raw text, the tokens beside it, and what `begin` asked to remember."""

    claims: dict[str, Any] = field(repr=False)
    id_token: str = field(repr=False)
    tokens: UpstreamTokens
    remembered: Mapping[str, Any] = field(repr=False)


class CodeFlow:
    """A provider's code flow. Holds metadata and keys, and nothing of any login."""

    def __init__(self, registration: Registration, fetch: Fetcher) -> None:
        self.registration = registration
        self.fetch = fetch
        self.metadata = Metadata(registration, fetch)
        self.keys = RemoteKeys(fetch, lambda: self.metadata.endpoint("jwks_uri"), registration.algorithms)
        self.reader = TokenReader(fetch, self.keys, issuer=registration.issuer, audience=registration.client.client_id)
        self.origin = origin_of(registration.issuer)

    def begin(
        self, start: LoginStart, *, extra: Mapping[str, str], remember: Mapping[str, Any] | None = None
    ) -> Redirection:
        """OpenID Connect Core 3.1.2.1, RFC 7636 4.3, RFC 9126 2. `extra`: further parameters of the request. `remember`
        comes back with the login. Raises ConnectorError.
        """
        registration = self.registration
        nonce, verifier = b64url(start.entropy(32)), b64url(start.entropy(32))
        query = {
            "response_type": "code",
            "client_id": registration.client.client_id,
            "redirect_uri": start.redirect_uri,
            "scope": " ".join(registration.scopes),
            "state": start.state,
            "nonce": nonce,
            "code_challenge": b64url(sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
            **extra,
        }
        memory = {
            "nonce": nonce,
            "verifier": verifier,
            "redirect_uri": start.redirect_uri,
            "more": dict(remember or {}),
        }
        endpoint = self.metadata.endpoint("authorization_endpoint")
        if self._pushed():
            request_uri = self._push(query, at=start.at)
            query = {"client_id": registration.client.client_id, "request_uri": request_uri}
        separator = "&" if "?" in endpoint else "?"
        return Redirection(f"{endpoint}{separator}{urlencode(query)}", json.dumps(memory).encode())

    def finish(self, answer: Mapping[str, str], *, memory: bytes, redirect_uri: str | None, at: datetime) -> Login:
        """Everything that an answer must pass before anybody is logged in. Raises ConnectorError."""
        remembered = json.loads(memory)
        # (1) the answer is this provider's own (RFC 9207 2.4)
        issuer = answer.get("iss")
        expected = issuer is not None or self.metadata.says("authorization_response_iss_parameter_supported")
        if expected and issuer != self.registration.issuer:
            raise self.error(ProviderFault.UNTRUSTED, "the callback names another issuer, or none")
        # (2) it is a code (RFC 6749 4.1.2)
        if (code := answer.get("error")) is not None:
            raise self.refusal(code, "the callback carried an error")
        if not answer.get("code"):
            raise self.error(ProviderFault.GARBLED, "the callback carried no code")
        # (3) the code is good for tokens (RFC 6749 4.1.3, RFC 7636 4.5)
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": redirect_uri or remembered["redirect_uri"],
            "code_verifier": remembered["verifier"],
        }
        body = self._post(self.metadata.endpoint("token_endpoint"), form, at=at)
        tokens = self._tokens(body, frozenset(self.registration.scopes), at=at)
        # (4) the ID token is meant for this login
        id_token = body.get("id_token")
        if not isinstance(id_token, str):
            raise self.error(ProviderFault.GARBLED, "the token answer lacks an id_token")
        claims = self.reader.read_id_token(id_token, nonce=remembered["nonce"], access_token=tokens.access_token, at=at)
        tokens = tokens.model_copy(update={"open_id": claims["sub"]})
        return Login(claims, id_token, tokens, remembered["more"])

    def refresh(self, tokens: UpstreamTokens, *, at: datetime) -> UpstreamTokens:
        """RFC 6749 6. A provider that answers without a refresh token lets the old one stand. Raises ConnectorError."""
        if tokens.provider != self.registration.provider or tokens.refresh_token is None:
            raise self.error(ProviderFault.REFUSED, "there is no refresh token of this provider")
        form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
        body = self._post(self.metadata.endpoint("token_endpoint"), form, at=at)
        renewed = self._tokens({"refresh_token": tokens.refresh_token, **body}, tokens.scope, at=at)
        return renewed.model_copy(update={"open_id": tokens.open_id})

    def auth_time(self, login: Login, *, at: datetime) -> datetime:
        """When the person authenticated. Raises ConnectorError when it is absent or lies in the future."""
        moment = self.reader.moment(login.claims, "auth_time")
        if moment > at + self.fetch.offset + SKEW:
            raise self.error(ProviderFault.UNTRUSTED, "auth_time lies in the future")
        return moment

    def about(self, claims: Mapping[str, Any], login: Login) -> None:
        """OpenID Connect Core 5.3.2: raises ConnectorError unless `claims` are about the person who logged in."""
        subject = claims.get("sub")
        if not isinstance(subject, str) or not hmac.compare_digest(subject.encode(), login.claims["sub"].encode()):
            raise self.error(ProviderFault.UNTRUSTED, "an answer is about another subject")

    def refusal(self, code: object, detail: str) -> ConnectorError:
        """What the provider's error code means to the traveller."""
        known = code if isinstance(code, str) else None
        return ConnectorError(self.registration.provider, self.registration.fault(code), detail, code=known)

    def error(self, fault: ProviderFault, detail: str) -> ConnectorError:
        return ConnectorError(self.registration.provider, fault, detail)

    def refused(self, url: str, answer: Answer) -> ConnectorError:
        """An endpoint's answer that is not a 2xx, by the `error` in its JSON."""
        try:
            body = json.loads(answer.body)
        except (ValueError, RecursionError):
            body = None
        code = body.get("error") if isinstance(body, dict) else None
        return self.refusal(code, f"{url} answered {answer.status}")

    # --- details ---

    def _pushed(self) -> bool:
        if self.registration.pushed is not None:
            return self.registration.pushed
        return self.metadata.optional("pushed_authorization_request_endpoint") is not None

    def _push(self, query: Mapping[str, str], *, at: datetime) -> str:
        url = self.metadata.endpoint("pushed_authorization_request_endpoint")
        request_uri = self._post(url, query, at=at, status=201).get("request_uri")
        if not isinstance(request_uri, str) or not 1 <= len(request_uri) <= 1024:
            raise self.error(ProviderFault.GARBLED, "the pushed request has no request_uri")
        return request_uri

    def _post(self, url: str, form: Mapping[str, str], *, at: datetime, status: int = 200) -> dict[str, Any]:
        """As the authenticated client. Raises ConnectorError for any other status."""
        try:
            proof = self.registration.client.proof(issuer=self.registration.issuer, at=at)
        except ClientKeyError as error:
            raise self.error(ProviderFault.MISCONFIGURED, str(error)) from error
        headers = {"Accept": "application/json"}
        answer = self.fetch.send("POST", url, headers=headers, form={**form, **proof.form}, auth=proof.basic)
        if answer.status != status and answer.status < 300:
            raise self.error(ProviderFault.GARBLED, f"{url} answered {answer.status}, not {status}")
        if answer.status != status:
            raise self.refused(url, answer)
        return self.fetch.parse_object(url, answer.body)

    def _tokens(self, body: Mapping[str, Any], asked: frozenset[str], *, at: datetime) -> UpstreamTokens:
        """RFC 6749 5.1."""
        if str(body.get("token_type")).lower() != "bearer":
            raise self.error(ProviderFault.GARBLED, "the token answer has an unknown token_type")
        granted, lifetime = body.get("scope"), body.get("expires_in")
        if granted is not None and not isinstance(granted, str):
            raise self.error(ProviderFault.GARBLED, "the token answer has no readable scope")
        known = isinstance(lifetime, int) and not isinstance(lifetime, bool) and 0 < lifetime <= _TEN_YEARS
        try:
            return UpstreamTokens(
                provider=self.registration.provider,
                access_token=body.get("access_token", ""),
                refresh_token=body.get("refresh_token"),
                scope=asked if granted is None else frozenset(granted.split()),
                expires_at=at + timedelta(seconds=lifetime or 0) if known else None,
            )
        except ValueError as error:
            raise self.error(ProviderFault.GARBLED, "the token answer lacks a readable token") from error
