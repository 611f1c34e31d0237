"""Login at any OpenID provider."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from broker.wire.identity_connector import ConnectorError, LoginStart, ProviderFault, Redirection
from broker.wire.identity_grant import MAX_PORTRAIT_BYTES, Assurance, IdentityGrant, Verification
from broker.wire.upstream_tokens import UpstreamTokens
from connectors import read
from connectors.adapter import Surroundings
from connectors.evidence import evidence_hash
from connectors.fetch import MAX_SIGNED
from connectors.generic_oidc.claims import pointed, verified_claims
from connectors.generic_oidc.settings import LEVELS, GenericSettings
from connectors.openid.client_auth import ClientAuthentication, PrivateKeyJwt, SecretBasic, SecretPost
from connectors.openid.flow import CodeFlow, Login
from connectors.openid.registration import SKEW, Registration, origin_of
from connectors.openid.tokens import amr_of

NO_ACR = "none"
"""What `provider_acr` says for a provider that sends none."""


class GenericConnector:
    """Implements `IdentityConnector` and `RefreshingConnector`."""

    def __init__(self, provider: str, settings: GenericSettings, around: Surroundings) -> None:
        self.provider = provider
        self._settings = settings
        english = settings.names["en"]
        self.names: Mapping[str, str] = {
            "zh-Hant": settings.names.get("zh-Hant", english),
            "zh-Hans": settings.names.get("zh-Hans", english),
            "en": english,
            "pt": settings.names.get("pt", english),
        }
        registration = Registration(
            provider=provider,
            issuer=settings.issuer,
            client=_authentication(settings, around),
            scopes=settings.scopes,
            algorithms=settings.algorithms,
            pushed=settings.pushed_requests,
            elsewhere=settings.endpoint_origins,
        )
        self.flow = CodeFlow(registration, around.fetch)
        self.trust_framework = settings.trust_framework if settings.claims is not None else None
        self.evidence = settings.evidence
        self.origin = settings.browser_origin or origin_of(settings.issuer)
        self._levels = {name: LEVELS[level] for name, level in settings.levels.items()}

    def begin(self, start: LoginStart) -> Redirection:
        settings = self._settings
        extra = {"ui_locales": settings.locales.get(start.language, start.language)}
        wanted = start.wanted
        if settings.request_acr and settings.levels:
            extra["acr_values"] = " ".join(wanted.levels(self._levels))
        if settings.max_age is not False:
            ages = (settings.max_age, wanted.max_age)
            extra["max_age"] = str(min(age for age in ages if age is not None))
        prompts = []
        if wanted.fresh or (wanted.max_age is not None and settings.max_age is False):
            prompts.append("login")
        if "offline_access" in settings.scopes:
            prompts.append("consent")  # OpenID Connect Core 11
        if prompts:
            extra["prompt"] = " ".join(prompts)
        return self.flow.begin(start, extra=extra)

    def state_of(self, answer: Mapping[str, str]) -> str | None:
        return answer.get("state")

    def finish(self, answer: Mapping[str, str], *, memory: bytes, redirect_uri: str, at: datetime) -> IdentityGrant:
        settings = self._settings
        login = self.flow.finish(answer, memory=memory, redirect_uri=redirect_uri, at=at)
        level, named = self._level(login)
        auth_time = self._auth_time(login, at=at)
        document, evidence = self._claims(login, at=at)
        claims = verified_claims(document, settings.claims, self._fail) if settings.claims else None
        verification = Verification(trust_framework=settings.trust_framework, time=at, evidence=settings.evidence)
        return read.identity_grant(
            self._fail,
            provider=self.provider,
            issuer=settings.issuer,
            subject=login.claims["sub"],
            acr=level,
            provider_acr=named,
            amr=amr_of(login.claims),
            auth_time=auth_time,
            expires_at=auth_time + settings.grant_lifetime,
            claims=claims,
            verification=verification if claims else None,
            scopes=login.tokens.scope,
            portrait=self._portrait(login, document) if claims else None,
            tokens=login.tokens,
            evidence_hash=evidence_hash(login.id_token.encode(), *evidence),
        )

    def refresh(self, tokens: UpstreamTokens, *, at: datetime) -> UpstreamTokens:
        return self.flow.refresh(tokens, at=at)

    # --- details ---

    def _level(self, login: Login) -> tuple[Assurance, str]:
        """Our level and the provider's own. A level we do not know is not taken for a high one."""
        named = login.claims.get("acr")
        if named is None and self._settings.level_without_acr is not None:
            return LEVELS[self._settings.level_without_acr], NO_ACR
        return read.assurance(self._levels, named, self._fail), str(named)

    def _auth_time(self, login: Login, *, at: datetime) -> datetime:
        """OpenID Connect Core 3.1.2.1: who asks for max_age checks auth_time."""
        if self._settings.max_age is False:
            known = "auth_time" in login.claims
            return self.flow.auth_time(login, at=at) if known else self.flow.reader.moment(login.claims, "iat")
        moment = self.flow.auth_time(login, at=at)
        if moment < at + self.flow.fetch.offset - timedelta(seconds=self._settings.max_age) - SKEW:
            raise self._fail(ProviderFault.UNTRUSTED, "the person authenticated longer ago than max_age")
        return moment

    def _claims(self, login: Login, *, at: datetime) -> tuple[Mapping[str, Any], tuple[bytes, ...]]:
        """The claims, and the evidence beside the ID token they came in."""
        source = self._settings.claims_from
        if self._settings.claims is None or source == "id_token":
            return login.claims, ()
        signed = source == "signed_userinfo"
        media_type = "application/jwt" if signed else "application/json"
        url = self.flow.metadata.endpoint("userinfo_endpoint")
        headers = {"Authorization": f"Bearer {login.tokens.access_token}", "Accept": media_type}
        answer = self.flow.fetch.send("GET", url, headers=headers, limit=MAX_SIGNED)
        if answer.status != 200:
            raise self.flow.refused(url, answer)
        if answer.media_type != media_type:
            raise self._fail(ProviderFault.UNTRUSTED, f"user information is not {media_type}")
        if signed:
            claims = self.flow.reader.read(answer.body.decode("latin-1"), at=at)
        else:
            claims = self.flow.fetch.parse_object(url, answer.body)
        self.flow.about(claims, login)
        return claims, (answer.body,)

    def _portrait(self, login: Login, document: Mapping[str, Any]) -> bytes | None:
        portrait = self._settings.portrait
        if portrait is None:
            return None
        if portrait.claim is not None:
            value = pointed(document, portrait.claim)
            text = value.rpartition("base64,")[2] if isinstance(value, str) else value
            return read.photograph(text, self._fail) if value is not None else None
        url = portrait.endpoint or ""
        if origin_of(url) not in self.flow.registration.origins:
            raise self._fail(ProviderFault.MISCONFIGURED, "the portrait's endpoint lies at a foreign origin")
        headers = {"Authorization": f"Bearer {login.tokens.access_token}", "Accept": "image/jpeg"}
        answer = self.flow.fetch.send("GET", url, headers=headers, limit=MAX_PORTRAIT_BYTES)
        if answer.status == 404:
            return None
        if answer.status != 200 or answer.media_type != "image/jpeg":
            raise self._fail(ProviderFault.REFUSED, f"the photograph answered {answer.status}")
        return answer.body

    def _fail(self, fault: ProviderFault, detail: str) -> ConnectorError:
        return ConnectorError(self.provider, fault, detail)


def _authentication(settings: GenericSettings, around: Surroundings) -> ClientAuthentication:
    """Settings have either a key or a secret, as the method wants it."""
    if settings.client_key is not None:
        return PrivateKeyJwt(settings.client_id, around.home / settings.client_key, settings.client_key_id)
    if settings.client_secret is None:
        raise ValueError("a client has a key or a secret")
    method = SecretBasic if settings.client_authentication == "client_secret_basic" else SecretPost
    return method(settings.client_id, settings.client_secret)
