"""Macau One Account (澳門公共服務一戶通) over OpenID Connect.

No public interface document exists, so claim names and the packet are this project's own (specs/connectors.md 4):
`apelido`, `nome`, `nome_chines`, `numero_bir` (`1234567(8)`), `data_nascimento` (dd/mm/yyyy) and `fotografia`, all in
one signed packet.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import httpx

from broker.wire.identity_connector import ConnectorError
from broker.wire.identity_grant import Assurance, DocumentType, IdentityGrant
from connectors import read
from connectors.documents import macau_number, portuguese_date
from connectors.fetch import Fetcher
from connectors.oidc import OidcProvider, Registration, evidence_hash

PROVIDER: Final = "macau"

LEVELS: Final = {"urn:mo:conta-unica:rosto": Assurance.HIGH, "urn:mo:conta-unica:dispositivo": Assurance.SUBSTANTIAL}
_LOCALES: Final = {"zh-Hant": "zh-MO", "zh-Hans": "zh-CN", "en": "en", "pt": "pt"}


class MacauConnector:
    """Implements `IdentityConnector`."""

    provider = PROVIDER
    names: Mapping[str, str] = {
        "zh-Hant": "一戶通（澳門）",
        "zh-Hans": "一户通（澳门）",
        "en": "Macau One Account",
        "pt": "Conta Única de Macau",
    }

    def __init__(self, *, issuer: str, client_id: str, client_secret: str, http: httpx.Client) -> None:
        registration = Registration(
            provider=PROVIDER,
            issuer=issuer,
            client_id=client_id,
            client_secret=client_secret,
            algorithm="ES256",
            authentication="client_secret_basic",
            scopes=("openid", "identidade", "fotografia"),
        )
        self._oidc = OidcProvider(registration, Fetcher(PROVIDER, http))
        self.origin = self._oidc.origin

    def authorization_url(
        self, *, state: str, nonce: str, code_challenge: str, redirect_uri: str, language: str
    ) -> str:
        extra = {"ui_locales": _LOCALES[language]}
        return self._oidc.authorization_url(
            state=state, nonce=nonce, code_challenge=code_challenge, redirect_uri=redirect_uri, extra=extra
        )

    def redeem(self, *, code: str, nonce: str, code_verifier: str, redirect_uri: str, at: datetime) -> IdentityGrant:
        fail = self._oidc.error
        login = self._oidc.redeem(code=code, nonce=nonce, code_verifier=code_verifier, redirect_uri=redirect_uri, at=at)
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
            provider=PROVIDER,
            issuer=self._oidc.registration.issuer,
            subject=login.claims["sub"],
            acr=read.assurance(LEVELS, login.claims.get("acr"), fail),
            auth_time=login.auth_time,
            claims=claims,
            scopes=login.scopes,
            portrait=read.photograph(read.member(packet, "fotografia", fail), fail),
            evidence_hash=evidence_hash(*login.evidence, raw),
        )

    def refusal(self, error: str) -> ConnectorError:
        return self._oidc.refusal(error)
