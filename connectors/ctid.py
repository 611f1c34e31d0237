"""The Mainland's network identity credential (居民身份网络可信凭证) over OpenID Connect.

`sFXX{xM, gMSFZHM, yXQQSRQ, yXQJZRQ}` is name, citizen number, first and last day of validity; `zP` the photograph;
`sub` the pseudonym (`pid`) the credential has for this service. Synthetic in this form: see specs/connectors.md 2.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import httpx

from broker.wire.identity_connector import ConnectorError, ProviderFault
from broker.wire.identity_grant import Assurance, DocumentType, IdentityGrant
from connectors import read
from connectors.documents import compact_date, prc_number
from connectors.fetch import Fetcher
from connectors.oidc import OidcProvider, Registration, evidence_hash

PROVIDER: Final = "ctid"

# Modes of authentication with a live face comparison. 0x40 (name and number alone) proves knowledge, not presence:
# not accepted.
LEVELS: Final = {"0x42": Assurance.HIGH, "0x12": Assurance.HIGH, "0x06": Assurance.HIGH}
_LOCALES: Final = {"zh-Hant": "zh-TW", "zh-Hans": "zh-CN", "en": "en", "pt": "en"}
_FOR_EVER: Final = "长期"


class CtidConnector:
    """Implements `IdentityConnector`."""

    provider = PROVIDER
    names: Mapping[str, str] = {
        "zh-Hant": "國家網絡身份認證（內地）",
        "zh-Hans": "国家网络身份认证（内地）",
        "en": "National Network Identity (Mainland)",
        "pt": "Identidade Nacional em Rede (Interior da China)",
    }

    def __init__(self, *, issuer: str, client_id: str, client_secret: str, http: httpx.Client) -> None:
        registration = Registration(
            provider=PROVIDER,
            issuer=issuer,
            client_id=client_id,
            client_secret=client_secret,
            algorithm="ES256",
            authentication="client_secret_post",
            scopes=("openid", "sFXX", "zP"),
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
            provider=PROVIDER,
            issuer=self._oidc.registration.issuer,
            subject=login.claims["sub"],
            acr=read.assurance(LEVELS, login.claims.get("acr"), fail),
            auth_time=login.auth_time,
            claims=claims,
            scopes=login.scopes,
            portrait=read.photograph(read.member(packet, "zP", fail), fail),
            evidence_hash=evidence_hash(*login.evidence, raw),
        )

    def refusal(self, error: str) -> ConnectorError:
        return self._oidc.refusal(error)
