"""The Mainland's network identity credential (居民身份网络可信凭证) over OpenID Connect.

`sFXX{xM, gMSFZHM, yXQQSRQ, yXQJZRQ}` is name, citizen number, first and last day of validity; `zP` the photograph;
`sub` the pseudonym (`pid`) the credential has for this service. Synthetic in this form: see specs/connectors.md 2.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from broker.wire.identity_connector import LoginStart, ProviderFault, Redirection
from broker.wire.identity_grant import Assurance, DocumentType, EvidenceKind, IdentityGrant, Verification
from broker.wire.upstream_tokens import UpstreamTokens
from connectors import read
from connectors.adapter import OidcSettings, Surroundings
from connectors.documents import compact_date, prc_number
from connectors.oidc import GRANT_LIFETIME, OidcProvider, Registration, evidence_hash

# Modes of authentication with a live face comparison. 0x40 (name and number alone) proves knowledge, not presence:
# not accepted.
LEVELS: Final = {"0x42": Assurance.HIGH, "0x12": Assurance.HIGH, "0x06": Assurance.HIGH}
AMR: Final[Mapping[object, tuple[str, ...]]] = dict.fromkeys(LEVELS, ("face", "pin"))
_LOCALES: Final = {"zh-Hant": "zh-TW", "zh-Hans": "zh-CN", "en": "en", "pt": "en"}
_FOR_EVER: Final = "长期"


class CtidSettings(OidcSettings):
    """`[providers.*]` of kind `ctid`."""


class CtidConnector:
    """Implements `IdentityConnector`."""

    names: Mapping[str, str] = {
        "zh-Hant": "國家網絡身份認證（內地）",
        "zh-Hans": "国家网络身份认证（内地）",
        "en": "National Network Identity (Mainland)",
        "pt": "Identidade Nacional em Rede (Interior da China)",
    }

    def __init__(self, provider: str, settings: CtidSettings, around: Surroundings) -> None:
        self.provider = provider
        registration = Registration(
            provider=provider,
            issuer=settings.issuer,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            algorithm="ES256",
            authentication="client_secret_post",
            scopes=("openid", "sFXX", "zP"),
        )
        self._oidc = OidcProvider(registration, around.fetch)
        self.origin = self._oidc.origin

    def begin(self, start: LoginStart) -> Redirection:
        return self._oidc.begin(start, extra={"ui_locales": _LOCALES[start.language]})

    def state_of(self, answer: Mapping[str, str]) -> str | None:
        return self._oidc.state_of(answer)

    def finish(self, answer: Mapping[str, str], *, memory: bytes, redirect_uri: str, at: datetime) -> IdentityGrant:
        fail = self._oidc.error
        login = self._oidc.finish(answer, memory=memory, redirect_uri=redirect_uri, at=at)
        packet, raw = self._oidc.signed_userinfo(login, at=at)
        identity: Any = read.member(packet, "sFXX", fail)
        if not isinstance(identity, dict):
            raise fail(ProviderFault.GARBLED, "sFXX is not an object")
        number, birth_date = read.parsed(prc_number(identity.get("gMSFZHM")), "gMSFZHM", fail)
        last_day = identity.get("yXQJZRQ")
        if last_day != _FOR_EVER and read.parsed(compact_date(last_day), "yXQJZRQ", fail) < at.date():
            raise fail(ProviderFault.REFUSED, "the identity card behind the credential has expired")
        claims = read.verified_claims(
            fail,
            native_name=read.text(identity.get("xM"), "xM", fail),
            birth_date=birth_date,
            document_type=DocumentType.PRC_RESIDENT_ID,
            document_number=number,
        )
        return read.identity_grant(
            fail,
            provider=self.provider,
            issuer=self._oidc.registration.issuer,
            subject=login.claims["sub"],
            acr=read.assurance(LEVELS, login.claims.get("acr"), fail),
            provider_acr=login.claims.get("acr"),
            amr=AMR.get(login.claims.get("acr"), ()),
            auth_time=login.auth_time,
            expires_at=login.auth_time + GRANT_LIFETIME,
            claims=claims,
            verification=Verification(trust_framework="cn_ctid", time=at, evidence=EvidenceKind.ELECTRONIC_RECORD),
            scopes=login.scopes,
            portrait=read.photograph(read.member(packet, "zP", fail), fail),
            tokens=login.tokens,
            evidence_hash=evidence_hash(*login.evidence, raw),
        )

    def refresh(self, tokens: UpstreamTokens, *, at: datetime) -> UpstreamTokens:
        return self._oidc.refresh(tokens, at=at)
