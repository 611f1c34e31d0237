"""The part every provider shares today: OpenID Connect, authorization code with PKCE, and signed answers.

What is verified, in order (OpenID Connect Core 3.1.3.7, 5.3.2; RFC 7636): token answer complete; ID token signed by a
published key with the one algorithm expected; issuer; audience; expiry and age; nonce; at_hash; then the same for
signed user information, whose subject must be the ID token's.
"""

import hmac
import threading
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal
from urllib.parse import quote_plus, urlencode, urlsplit

import jwt

from broker.wire.identity_connector import ConnectorError, ProviderFault
from connectors.fetch import MAX_SIGNED, Fetcher

SKEW: Final = timedelta(seconds=60)
MAX_AGE: Final = timedelta(minutes=10)
"""How old an ID token may be: it is fetched within seconds of being made."""
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")


@dataclass(frozen=True)
class Registration:
    """Where a provider is and who we are there. `issuer` has no trailing slash."""

    provider: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    algorithm: Literal["ES256", "RS256"]
    authentication: Literal["client_secret_basic", "client_secret_post"]
    scopes: tuple[str, ...]
    endpoints: tuple[str, ...] = ()  # further ones its discovery document must name


@dataclass(frozen=True)
class Login:
    """A verified login: claims of the ID token, the access token, scopes granted, and the signed texts as received."""

    claims: dict[str, Any] = field(repr=False)
    access_token: str = field(repr=False)
    scopes: frozenset[str]
    auth_time: datetime
    evidence: tuple[bytes, ...] = field(repr=False)


class OidcProvider:
    """A provider's OpenID Connect side. Metadata and keys are fetched when first needed and kept; unknown keys are
    fetched again.
    """

    def __init__(self, registration: Registration, fetcher: Fetcher) -> None:
        self.registration = registration
        self.fetch = fetcher
        self._lock = threading.Lock()
        self._metadata: dict[str, str] | None = None
        self._keys: dict[str, jwt.PyJWK] = {}

    @property
    def origin(self) -> str:
        parts = urlsplit(self.registration.issuer)
        return f"{parts.scheme}://{parts.netloc}"

    def authorization_url(
        self, *, state: str, nonce: str, code_challenge: str, redirect_uri: str, extra: dict[str, str]
    ) -> str:
        """OpenID Connect Core 3.1.2.1."""
        query = {
            "response_type": "code",
            "client_id": self.registration.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self.registration.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": code_challenge,
            "code_challenge_method": "S256",
            **extra,
        }
        return f"{self.endpoint('authorization_endpoint')}?{urlencode(query)}"

    def redeem(self, *, code: str, nonce: str, code_verifier: str, redirect_uri: str, at: datetime) -> Login:
        """Exchange the code and verify the ID token. Raises ConnectorError."""
        if not code:
            raise self.error(ProviderFault.GARBLED, "the callback carried no code")
        answer = self._exchange(code, code_verifier, redirect_uri)
        access_token, id_token = answer.get("access_token"), answer.get("id_token")
        if not isinstance(access_token, str) or not isinstance(id_token, str):
            raise self.error(ProviderFault.GARBLED, "the token answer lacks access_token or id_token")
        if str(answer.get("token_type")).lower() != "bearer":
            raise self.error(ProviderFault.GARBLED, "the token answer has an unknown token_type")
        claims = self._verify(id_token, at=at)
        if not isinstance(claims.get("nonce"), str) or not hmac.compare_digest(
            claims["nonce"].encode(), nonce.encode()
        ):
            raise self.error(ProviderFault.UNTRUSTED, "the ID token's nonce is not ours")
        half = urlsafe_b64encode(sha256(access_token.encode()).digest()[:16]).rstrip(b"=").decode()
        if claims.get("at_hash") != half:
            raise self.error(ProviderFault.UNTRUSTED, "the ID token's at_hash does not match the access token")
        scope = answer.get("scope", " ".join(self.registration.scopes))
        if not isinstance(scope, str):
            raise self.error(ProviderFault.GARBLED, "the token answer has no readable scope")
        auth_time = self._moment(claims, "auth_time")
        if auth_time > at + SKEW:
            raise self.error(ProviderFault.UNTRUSTED, "auth_time lies in the future")
        return Login(claims, access_token, frozenset(scope.split()), auth_time, (id_token.encode(),))

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

    def refusal(self, error: str) -> ConnectorError:
        """What an `error` on the callback means (RFC 6749 4.1.2.1)."""
        if error == "access_denied":
            return self.error(ProviderFault.CANCELLED, "access_denied")
        if error == "temporarily_unavailable":
            return self.error(ProviderFault.UNREACHABLE, error)
        return self.error(ProviderFault.REFUSED, f"the callback carried {error:.60}")

    def _exchange(self, code: str, code_verifier: str, redirect_uri: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": code_verifier,
        }
        secret = (self.registration.client_id, self.registration.client_secret)
        encoded = (quote_plus(secret[0]), quote_plus(secret[1]))  # RFC 6749 2.3.1
        basic = self.registration.authentication == "client_secret_basic"
        if not basic:
            form |= {"client_id": secret[0], "client_secret": secret[1]}
        url = self.endpoint("token_endpoint")
        answer = self.fetch.send("POST", url, form=form, auth=encoded if basic else None)
        body = self.fetch.parse_object(url, answer.body)
        if answer.status != 200:
            raise self.error(
                ProviderFault.REFUSED, f"the token endpoint answered {answer.status} {body.get('error')!s:.60}"
            )
        return body

    def _verify(self, token: str, *, at: datetime) -> dict[str, Any]:
        registration = self.registration
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
            document = self.fetch.json(self.endpoint("jwks_uri"))
            keys = self._read_keys(document)
            with self._lock:
                self._keys = keys
            found = keys.get(kid)
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


def evidence_hash(*texts: bytes) -> bytes:
    """SHA-256 over the signed texts as received, each preceded by its length in four bytes (specs/identity-grant.md
    4).
    """
    hasher = sha256()
    for text in texts:
        hasher.update(len(text).to_bytes(4, "big") + text)
    return hasher.digest()
