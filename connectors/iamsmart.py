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

import httpx

from broker.wire.identity_connector import ConnectorError, ProviderFault
from broker.wire.identity_grant import MAX_PORTRAIT_BYTES, Assurance, DocumentType, IdentityGrant
from connectors import read
from connectors.documents import compact_date, hkid_number
from connectors.fetch import Fetcher
from connectors.oidc import Login, OidcProvider, Registration, evidence_hash

PROVIDER: Final = "iamsmart"

LEVELS: Final = {"iamsmart:face": Assurance.HIGH, "iamsmart:device": Assurance.SUBSTANTIAL}
_LOCALES: Final = {"zh-Hant": "zh-HK", "zh-Hans": "zh-CN", "en": "en-US", "pt": "en-US"}


class IamSmartConnector:
    """Implements `IdentityConnector`."""

    provider = PROVIDER
    names: Mapping[str, str] = {
        "zh-Hant": "智方便（香港）",
        "zh-Hans": "智方便（香港）",
        "en": "iAM Smart (Hong Kong)",
        "pt": "iAM Smart (Hong Kong)",
    }

    def __init__(self, *, issuer: str, client_id: str, client_secret: str, http: httpx.Client) -> None:
        registration = Registration(
            provider=PROVIDER,
            issuer=issuer,
            client_id=client_id,
            client_secret=client_secret,
            algorithm="RS256",
            authentication="client_secret_basic",
            scopes=("openid", "eidapi_auth", "eidapi_profiles", "eidapi_photo"),
            endpoints=("photo_endpoint",),
        )
        self._oidc = OidcProvider(registration, Fetcher(PROVIDER, http))
        self.origin = self._oidc.origin

    def authorization_url(
        self, *, state: str, nonce: str, code_challenge: str, redirect_uri: str, language: str
    ) -> str:
        extra = {"lang": _LOCALES[language], "source": "PC_Browser"}
        return self._oidc.authorization_url(
            state=state, nonce=nonce, code_challenge=code_challenge, redirect_uri=redirect_uri, extra=extra
        )

    def redeem(self, *, code: str, nonce: str, code_verifier: str, redirect_uri: str, at: datetime) -> IdentityGrant:
        fail = self._oidc.error
        login = self._oidc.redeem(code=code, nonce=nonce, code_verifier=code_verifier, redirect_uri=redirect_uri, at=at)
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
            provider=PROVIDER,
            issuer=self._oidc.registration.issuer,
            subject=login.claims["sub"],
            acr=read.assurance(LEVELS, login.claims.get("acr"), fail),
            auth_time=login.auth_time,
            claims=claims,
            scopes=login.scopes,
            portrait=self._photograph(login, read.member(profile, "photoDigest", fail)),
            evidence_hash=evidence_hash(*login.evidence, raw),
        )

    def refusal(self, error: str) -> ConnectorError:
        return self._oidc.refusal(error)

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
