"""The part every provider shares today: OpenID Connect, authorization code with PKCE, and signed answers.

What is verified, in order (OpenID Connect Core 3.1.3.7, 5.3.2; RFC 7636): token answer complete; ID token signed by a
published key with the one algorithm expected; issuer; audience; expiry and age; nonce; at_hash; then the same for
signed user information, whose subject must be the ID token's.
"""

import hmac
import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal
from urllib.parse import quote_plus, urlencode, urlsplit

import jwt
from pydantic import SecretStr

from broker.wire.identity_connector import ConnectorError, LoginStart, ProviderFault, Redirection
from broker.wire.upstream_tokens import UpstreamTokens
from connectors.fetch import MAX_SIGNED, Fetcher
from connectors.keyring import KeyRing

SKEW: Final = timedelta(seconds=60)
MAX_AGE: Final = timedelta(minutes=10)
"""How old an ID token may be: it is fetched within seconds of being made."""
GRANT_LIFETIME: Final = timedelta(hours=1)
"""How long something new may rest on one login."""
_OURS: Final = frozenset({"invalid_client", "unauthorized_client", "unsupported_grant_type"})  # RFC 6749 5.2
_TEN_YEARS: Final = 315_360_000  # seconds
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")


@dataclass(frozen=True)
class Registration:
    """Where a provider is and who we are there. `issuer` has no trailing slash."""

    provider: str
    issuer: str
    client_id: str
    client_secret: SecretStr
    algorithm: Literal["ES256", "RS256"]
    authentication: Literal["client_secret_basic", "client_secret_post"]
    scopes: tuple[str, ...]
    endpoints: tuple[str, ...] = ()  # further ones its discovery document must name


@dataclass(frozen=True)
class Login:
    """A verified login: claims of the ID token, the access token, scopes granted, and the signed texts as received."""

    claims: dict[str, Any] = field(repr=False)
    tokens: UpstreamTokens
    scopes: frozenset[str]
    auth_time: datetime
    evidence: tuple[bytes, ...] = field(repr=False)

    @property
    def access_token(self) -> str:
        return self.tokens.access_token


class OidcProvider:
    """A provider's OpenID Connect side. Metadata and keys are fetched when first needed and kept; unknown keys are
    fetched again.
    """

    def __init__(self, registration: Registration, fetcher: Fetcher) -> None:
        self.registration = registration
        self.fetch = fetcher
        self._lock = threading.Lock()
        self._metadata: dict[str, str] | None = None
        self._keys = KeyRing(lambda: self._read_keys(self.fetch.json(self.endpoint("jwks_uri"))))

    @property
    def origin(self) -> str:
        parts = urlsplit(self.registration.issuer)
        return f"{parts.scheme}://{parts.netloc}"

    def begin(self, start: LoginStart, *, extra: dict[str, str]) -> Redirection:
        """OpenID Connect Core 3.1.2.1 with PKCE (RFC 7636 4.3). Raises ConnectorError."""
        nonce, verifier = _b64url(start.entropy(32)), _b64url(start.entropy(32))
        query = {
            "response_type": "code",
            "client_id": self.registration.client_id,
            "redirect_uri": start.redirect_uri,
            "scope": " ".join(self.registration.scopes),
            "state": start.state,
            "nonce": nonce,
            "code_challenge": _b64url(sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
            **extra,
        }
        memory = json.dumps({"nonce": nonce, "code_verifier": verifier}).encode()
        return Redirection(f"{self.endpoint('authorization_endpoint')}?{urlencode(query)}", memory)

    @staticmethod
    def state_of(answer: Mapping[str, str]) -> str | None:
        return answer.get("state")

    def finish(self, answer: Mapping[str, str], *, memory: bytes, redirect_uri: str, at: datetime) -> Login:
        """Exchange the code and verify the ID token. Raises ConnectorError."""
        if (error := answer.get("error")) is not None:
            raise self._refusal(error)
        if (issuer := answer.get("iss")) is not None and issuer != self.registration.issuer:  # RFC 9207 2.4
            raise self.error(ProviderFault.UNTRUSTED, "the callback names another issuer")
        remembered = json.loads(memory)
        return self._redeem(
            answer.get("code") or "", remembered["nonce"], remembered["code_verifier"], redirect_uri, at
        )

    def refresh(self, tokens: UpstreamTokens, *, at: datetime) -> UpstreamTokens:
        """RFC 6749 6. A provider that answers without a refresh token lets the old one stand."""
        if tokens.provider != self.registration.provider or tokens.refresh_token is None:
            raise self.error(ProviderFault.REFUSED, "there is no refresh token of this provider")
        answer = self._token({"grant_type": "refresh_token", "refresh_token": tokens.refresh_token})
        return self._tokens({"refresh_token": tokens.refresh_token, **answer}, tokens.scope, at=at)

    def _redeem(self, code: str, nonce: str, code_verifier: str, redirect_uri: str, at: datetime) -> Login:
        if not code:
            raise self.error(ProviderFault.GARBLED, "the callback carried no code")
        answer = self._token(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "code_verifier": code_verifier,
            }
        )
        id_token = answer.get("id_token")
        tokens = self._tokens(answer, frozenset(self.registration.scopes), at=at)
        if not isinstance(id_token, str):
            raise self.error(ProviderFault.GARBLED, "the token answer lacks an id_token")
        claims = self._verify(id_token, at=at)
        if not isinstance(claims.get("nonce"), str) or not hmac.compare_digest(
            claims["nonce"].encode(), nonce.encode()
        ):
            raise self.error(ProviderFault.UNTRUSTED, "the ID token's nonce is not ours")
        half = _b64url(sha256(tokens.access_token.encode()).digest()[:16])
        if claims.get("at_hash") != half:
            raise self.error(ProviderFault.UNTRUSTED, "the ID token's at_hash does not match the access token")
        auth_time = self._moment(claims, "auth_time")
        if auth_time > at + SKEW:
            raise self.error(ProviderFault.UNTRUSTED, "auth_time lies in the future")
        return Login(claims, tokens, tokens.scope, auth_time, (id_token.encode(),))

    def signed_userinfo(self, login: Login, *, at: datetime) -> tuple[dict[str, Any], bytes]:
        """Signed user information and its raw text (OpenID Connect Core 5.3.2). Raises ConnectorError."""
        url = self.endpoint("userinfo_endpoint")
        headers = {"Authorization": f"Bearer {login.access_token}", "Accept": "application/jwt"}
        answer = self.fetch.send("GET", url, headers=headers, limit=MAX_SIGNED)
        if answer.status != 200:
            raise self.error(ProviderFault.REFUSED, f"user information answered {answer.status}")
        if answer.media_type != "application/jwt":
            raise self.error(ProviderFault.UNTRUSTED, "user information is not signed")
        try:
            text = answer.body.decode("ascii")
        except UnicodeDecodeError as error:
            raise self.error(ProviderFault.GARBLED, "user information is not a JWT") from error
        claims = self._verify(text, at=at)
        if claims["sub"] != login.claims["sub"]:
            raise self.error(ProviderFault.UNTRUSTED, "user information is about another subject")
        return claims, answer.body

    def endpoint(self, name: str) -> str:
        """A URL of the discovery document. Raises ConnectorError."""
        metadata = self._metadata
        if metadata is None:
            metadata = self._discover()
            with self._lock:
                self._metadata = metadata
        return metadata[name]

    def error(self, fault: ProviderFault, detail: str) -> ConnectorError:
        return ConnectorError(self.registration.provider, fault, detail)

    def _refusal(self, error: str) -> ConnectorError:
        """What an `error` on the callback means (RFC 6749 4.1.2.1)."""
        faults = {"access_denied": ProviderFault.CANCELLED, "temporarily_unavailable": ProviderFault.UNREACHABLE}
        fault = faults.get(error, ProviderFault.REFUSED)
        return ConnectorError(self.registration.provider, fault, "the callback carried an error", code=error)

    def _token(self, form: dict[str, str]) -> dict[str, Any]:
        """RFC 6749 3.2, authenticated by the registered method."""
        secret = (self.registration.client_id, self.registration.client_secret.get_secret_value())
        encoded = (quote_plus(secret[0]), quote_plus(secret[1]))  # RFC 6749 2.3.1
        basic = self.registration.authentication == "client_secret_basic"
        if not basic:
            form = form | {"client_id": secret[0], "client_secret": secret[1]}
        url = self.endpoint("token_endpoint")
        answer = self.fetch.send("POST", url, form=form, auth=encoded if basic else None)
        body = self.fetch.parse_object(url, answer.body)
        if answer.status != 200:
            code = str(body.get("error"))
            fault = ProviderFault.MISCONFIGURED if code in _OURS else ProviderFault.REFUSED
            detail = f"the token endpoint answered {answer.status}"
            raise ConnectorError(self.registration.provider, fault, detail, code=code)
        return body

    def _tokens(self, answer: Mapping[str, Any], scope: frozenset[str], *, at: datetime) -> UpstreamTokens:
        """RFC 6749 5.1. Raises ConnectorError garbled."""
        if str(answer.get("token_type")).lower() != "bearer":
            raise self.error(ProviderFault.GARBLED, "the token answer has an unknown token_type")
        granted, lifetime = answer.get("scope"), answer.get("expires_in")
        end = None
        if isinstance(lifetime, int) and 0 < lifetime <= _TEN_YEARS:
            end = at + timedelta(seconds=lifetime)
        if granted is not None and not isinstance(granted, str):
            raise self.error(ProviderFault.GARBLED, "the token answer has no readable scope")
        try:
            return UpstreamTokens(
                provider=self.registration.provider,
                access_token=answer.get("access_token", ""),
                refresh_token=answer.get("refresh_token"),
                scope=scope if granted is None else frozenset(granted.split()),
                expires_at=end,
            )
        except ValueError as error:
            raise self.error(ProviderFault.GARBLED, "the token answer lacks a readable token") from error

    def _verify(self, token: str, *, at: datetime) -> dict[str, Any]:
        registration = self.registration
        at += self.fetch.offset  # its tokens are dated by its clock
        try:
            key = self._key(jwt.get_unverified_header(token).get("kid"))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[registration.algorithm],
                audience=registration.client_id,
                issuer=registration.issuer,
                # Time is judged below, against the clock we were given.
                options={
                    "require": ["iss", "sub", "aud", "exp", "iat"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise self.error(ProviderFault.UNTRUSTED, f"a token does not verify: {type(error).__name__}") from error
        if not isinstance(claims["sub"], str) or not 1 <= len(claims["sub"]) <= 255:
            raise self.error(ProviderFault.GARBLED, "sub is not a string of 1 to 255 characters")
        if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != registration.client_id:
            raise self.error(ProviderFault.UNTRUSTED, "a token for several audiences names another party (azp)")
        if self._moment(claims, "exp") <= at - SKEW:
            raise self.error(ProviderFault.UNTRUSTED, "a token has expired")
        if not at - MAX_AGE <= self._moment(claims, "iat") <= at + SKEW:
            raise self.error(ProviderFault.UNTRUSTED, "a token was not made just now")
        return claims

    def _moment(self, claims: dict[str, Any], name: str) -> datetime:
        value = claims.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(ProviderFault.GARBLED, f"{name} is not a number")
        try:
            return datetime.fromtimestamp(value, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise self.error(ProviderFault.GARBLED, f"{name} is no moment in time") from error

    def _key(self, kid: object) -> jwt.PyJWK:
        """The provider's key of that id; fetched anew when unknown, so a rotation needs no restart."""
        if not isinstance(kid, str):
            raise self.error(ProviderFault.UNTRUSTED, "a token names no key")
        found = self._keys.get(kid)
        if found is None:
            raise self.error(ProviderFault.UNTRUSTED, "a token names a key the provider does not publish")
        return found

    def _read_keys(self, document: dict[str, Any]) -> dict[str, jwt.PyJWK]:
        entries = document.get("keys")
        keys: dict[str, jwt.PyJWK] = {}
        for entry in entries if isinstance(entries, list) else []:
            if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or not isinstance(entry.get("kid"), str):
                continue
            try:
                keys[entry["kid"]] = jwt.PyJWK(entry, algorithm=self.registration.algorithm)
            except (jwt.PyJWTError, ValueError, TypeError):
                continue  # a key of a kind we do not use (RFC 7517 5)
        return keys

    def _discover(self) -> dict[str, str]:
        """OpenID Connect Discovery 4.3: the document must name the issuer we asked, and endpoints at its origin."""
        issuer = self.registration.issuer
        document = self.fetch.json(f"{issuer}/.well-known/openid-configuration")
        if document.get("issuer") != issuer:
            raise self.error(ProviderFault.UNTRUSTED, "the discovery document names another issuer")
        found: dict[str, str] = {}
        for name in (*_ENDPOINTS, *self.registration.endpoints):
            url = document.get(name)
            if not isinstance(url, str) or not url.startswith(self.origin + "/"):
                raise self.error(ProviderFault.GARBLED, f"the discovery document has no usable {name}")
            found[name] = url
        return found


def _b64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def evidence_hash(*texts: bytes) -> bytes:
    """SHA-256 over the signed texts as received, each preceded by its length in four bytes (specs/identity-grant.md
    4).
    """
    hasher = sha256()
    for text in texts:
        hasher.update(len(text).to_bytes(4, "big") + text)
    return hasher.digest()
