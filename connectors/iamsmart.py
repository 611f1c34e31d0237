"""iAM Smart (智方便), Hong Kong, over OpenID Connect with iAM Smart's profile fields.

`idNo{Identification, CheckDigit}`, `enName{UnstructuredName}`, `chName{ChineseName}`, `birthDate` (yyyymmdd). `sub` is
the openID, which is pairwise by service. The photograph is fetched separately and bound by `photoDigest` in the signed
profile. Synthetic in this form: see specs/connectors.md 3.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from broker.wire.identity_connector import LoginStart, ProviderFault, Redirection
from broker.wire.identity_grant import (
    MAX_PORTRAIT_BYTES,
    Assurance,
    DocumentType,
    EvidenceKind,
    IdentityGrant,
    Verification,
)
from broker.wire.upstream_tokens import UpstreamTokens
from connectors import read
from connectors.adapter import OidcSettings, Surroundings
from connectors.documents import compact_date, hkid_number
from connectors.oidc import GRANT_LIFETIME, Login, OidcProvider, Registration, evidence_hash

LEVELS: Final = {"iamsmart:face": Assurance.HIGH, "iamsmart:device": Assurance.SUBSTANTIAL}
AMR: Final[Mapping[object, tuple[str, ...]]] = {"iamsmart:face": ("face", "hwk"), "iamsmart:device": ("hwk", "pin")}
_LOCALES: Final = {"zh-Hant": "zh-HK", "zh-Hans": "zh-CN", "en": "en-US", "pt": "en-US"}


class IamSmartSettings(OidcSettings):
    """`[providers.*]` of kind `iamsmart`."""


class IamSmartConnector:
    """Implements `IdentityConnector`."""

    names: Mapping[str, str] = {
        "zh-Hant": "智方便（香港）",
        "zh-Hans": "智方便（香港）",
        "en": "iAM Smart (Hong Kong)",
        "pt": "iAM Smart (Hong Kong)",
    }

    def __init__(self, provider: str, settings: IamSmartSettings, around: Surroundings) -> None:
        self.provider = provider
        registration = Registration(
            provider=provider,
            issuer=settings.issuer,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            algorithm="RS256",
            authentication="client_secret_basic",
            scopes=("openid", "eidapi_auth", "eidapi_profiles", "eidapi_photo"),
            endpoints=("photo_endpoint",),
        )
        self._oidc = OidcProvider(registration, around.fetch)
        self.origin = self._oidc.origin

    def begin(self, start: LoginStart) -> Redirection:
        return self._oidc.begin(start, extra={"lang": _LOCALES[start.language], "source": "PC_Browser"})

    def state_of(self, answer: Mapping[str, str]) -> str | None:
        return self._oidc.state_of(answer)

    def finish(self, answer: Mapping[str, str], *, memory: bytes, redirect_uri: str, at: datetime) -> IdentityGrant:
        fail = self._oidc.error
        login = self._oidc.finish(answer, memory=memory, redirect_uri=redirect_uri, at=at)
        profile, raw = self._oidc.signed_userinfo(login, at=at)
        id_no, en_name, ch_name = (self._part(profile, name) for name in ("idNo", "enName", "chName"))
        family_name, _, given_name = read.text(en_name.get("UnstructuredName"), "enName", fail).partition(",")
        number = hkid_number(id_no.get("Identification"), id_no.get("CheckDigit"))
        claims = read.verified_claims(
            fail,
            family_name=family_name,
            given_name=given_name.strip() or None,
            # Not every card carries a Chinese name.
            native_name=read.text(ch_name["ChineseName"], "chName", fail) if ch_name.get("ChineseName") else None,
            birth_date=read.parsed(compact_date(read.member(profile, "birthDate", fail)), "birthDate", fail),
            document_type=DocumentType.HKID,
            document_number=read.parsed(number, "idNo", fail),
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
            verification=Verification(trust_framework="hk_iamsmart", time=at, evidence=EvidenceKind.ELECTRONIC_RECORD),
            scopes=login.scopes,
            portrait=self._photograph(login, read.member(profile, "photoDigest", fail)),
            tokens=login.tokens,
            evidence_hash=evidence_hash(*login.evidence, raw),
        )

    def refresh(self, tokens: UpstreamTokens, *, at: datetime) -> UpstreamTokens:
        return self._oidc.refresh(tokens, at=at)

    def _part(self, profile: dict[str, Any], name: str) -> dict[str, Any]:
        part = read.member(profile, name, self._oidc.error)
        if not isinstance(part, dict):
            raise self._oidc.error(ProviderFault.GARBLED, f"{name} is not an object")
        return part

    def _photograph(self, login: Login, digest: object) -> bytes:
        url = self._oidc.endpoint("photo_endpoint")
        headers = {"Authorization": f"Bearer {login.access_token}", "Accept": "image/jpeg"}
        answer = self._oidc.fetch.send("GET", url, headers=headers, limit=MAX_PORTRAIT_BYTES)
        if answer.status != 200 or answer.media_type != "image/jpeg":
            raise self._oidc.error(ProviderFault.REFUSED, f"the photograph answered {answer.status}")
        actual = urlsafe_b64encode(sha256(answer.body).digest()).rstrip(b"=").decode()
        if not isinstance(digest, str) or not hmac.compare_digest(digest.encode(), actual.encode()):
            raise self._oidc.error(ProviderFault.UNTRUSTED, "the photograph is not the one the profile names")
        return answer.body
