"""Macau One Account (澳門公共服務一戶通) over OpenID Connect.

No public interface document exists, so claim names and the packet are this project's own (specs/connectors.md 4):
`apelido`, `nome`, `nome_chines`, `numero_bir` (`1234567(8)`), `data_nascimento` (dd/mm/yyyy) and `fotografia`, all in
one signed packet.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from broker.wire.identity_connector import LoginStart, Redirection
from broker.wire.identity_grant import Assurance, DocumentType, EvidenceKind, IdentityGrant, Verification
from broker.wire.upstream_tokens import UpstreamTokens
from connectors import read
from connectors.adapter import OidcSettings, Surroundings
from connectors.documents import macau_number, portuguese_date
from connectors.oidc import GRANT_LIFETIME, OidcProvider, Registration, evidence_hash

LEVELS: Final = {"urn:mo:conta-unica:rosto": Assurance.HIGH, "urn:mo:conta-unica:dispositivo": Assurance.SUBSTANTIAL}
AMR: Final[Mapping[object, tuple[str, ...]]] = {
    "urn:mo:conta-unica:rosto": ("face", "hwk"),
    "urn:mo:conta-unica:dispositivo": ("hwk", "pin"),
}
_LOCALES: Final = {"zh-Hant": "zh-MO", "zh-Hans": "zh-CN", "en": "en", "pt": "pt"}


class MacauSettings(OidcSettings):
    """`[providers.*]` of kind `macau`."""


class MacauConnector:
    """Implements `IdentityConnector`."""

    names: Mapping[str, str] = {
        "zh-Hant": "一戶通（澳門）",
        "zh-Hans": "一户通（澳门）",
        "en": "Macau One Account",
        "pt": "Conta Única de Macau",
    }

    def __init__(self, provider: str, settings: MacauSettings, around: Surroundings) -> None:
        self.provider = provider
        registration = Registration(
            provider=provider,
            issuer=settings.issuer,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            algorithm="ES256",
            authentication="client_secret_basic",
            scopes=("openid", "identidade", "fotografia"),
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
        birth_date = portuguese_date(read.member(packet, "data_nascimento", fail))
        native_name = packet.get("nome_chines")
        claims = read.verified_claims(
            fail,
            family_name=read.text(read.member(packet, "apelido", fail), "apelido", fail),
            given_name=read.text(read.member(packet, "nome", fail), "nome", fail),
            native_name=read.text(native_name, "nome_chines", fail) if native_name else None,
            birth_date=read.parsed(birth_date, "data_nascimento", fail),
            document_type=DocumentType.MACAU_BIR,
            document_number=read.parsed(macau_number(read.member(packet, "numero_bir", fail)), "numero_bir", fail),
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
            verification=Verification(
                trust_framework="mo_one_account", time=at, evidence=EvidenceKind.ELECTRONIC_RECORD
            ),
            scopes=login.scopes,
            portrait=read.photograph(read.member(packet, "fotografia", fail), fail),
            tokens=login.tokens,
            evidence_hash=evidence_hash(*login.evidence, raw),
        )

    def refresh(self, tokens: UpstreamTokens, *, at: datetime) -> UpstreamTokens:
        return self._oidc.refresh(tokens, at=at)
