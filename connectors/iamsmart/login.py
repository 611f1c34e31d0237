"""Logging in: getQR in the browser, then the token, then the profile pulled with it (specs/iamsmart.md 4)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from broker.wire.identity_connector import LoginStart, ProviderFault, Redirection
from broker.wire.identity_grant import (
    Assurance,
    DocumentType,
    EvidenceKind,
    IdentityGrant,
    Verification,
    VerifiedClaims,
)
from broker.wire.upstream_tokens import UpstreamTokens
from connectors import read
from connectors.documents import compact_date
from connectors.evidence import GRANT_LIFETIME, evidence_hash
from connectors.fetch import MAX_SIGNED
from connectors.iamsmart.api import Api, Opened, duration, moment
from connectors.iamsmart.fields import identity_number
from connectors.iamsmart.settings import IamSmartSettings

SKEW: Final = timedelta(minutes=5)
MAX_AGE: Final = timedelta(minutes=10)
"""How long ago the person may have logged in: codes live for a minute."""
FACE: Final = "eidapi_fr"
DEVICE: Final = "eidapi_auth"
# What the app did is told by the scope it granted: with eidapi_fr it compared a live face.
LEVELS: Final = {FACE: Assurance.HIGH, DEVICE: Assurance.SUBSTANTIAL}
AMR: Final = {FACE: ("face", "hwk"), DEVICE: ("hwk", "pin")}
LANGUAGES: Final = {"zh-Hant": "zh-HK", "zh-Hans": "zh-CN", "en": "en-US", "pt": "en-US"}
TRUST_FRAMEWORK: Final = "hk_iamsmart"
EVIDENCE: Final = EvidenceKind.ELECTRONIC_RECORD
PORTRAIT_FIELD: Final = "syntheticPortrait"
_FIELDS: Final = ("idNo", "enName", "chName", "birthDate")


class Login:
    """The login part of one service."""

    def __init__(self, provider: str, settings: IamSmartSettings, api: Api) -> None:
        self._provider = provider
        self._settings = settings
        self._api = api

    def begin(self, start: LoginStart) -> Redirection:
        return Redirection(self.page(start, ticket=None))

    def page(self, start: LoginStart, *, ticket: str | None) -> str:
        """The address of the page that shows the QR code, for a login or for the request `ticket` stands for."""
        query = {
            "clientID": self._settings.client_id,
            "responseType": "code",
            "source": self._settings.source,
            "redirectURI": start.redirect_uri,
            "scope": " ".join(self._settings.scopes),
            "state": start.state,
            "lang": LANGUAGES[start.language],
            "brokerPage": "true",
            **({"ticketID": ticket} if ticket else {}),
        }
        return f"{self._api.base}/auth/getQR?{urlencode(query)}"

    def finish(self, answer: Mapping[str, str], *, at: datetime) -> IdentityGrant:
        fail = self._api.error
        refuse_errors(self._api, answer)
        code = answer.get("code")
        if not code or len(code) > 512:
            raise fail(ProviderFault.GARBLED, "the callback carried no code")
        token = self._api.post("/auth/getToken", {"code": code, "grantType": "authorization_code"}, at=at)
        tokens, issued = self._tokens(token, at)
        level = FACE if FACE in tokens.scope else DEVICE
        identity = self._identity(tokens, at) if "eidapi_profiles" in self._settings.scopes else None
        return read.identity_grant(
            fail,
            provider=self._provider,
            issuer=self._settings.issuer,
            subject=tokens.open_id,
            acr=LEVELS[level],
            provider_acr=level,
            amr=AMR[level],
            auth_time=min(issued, at),
            expires_at=at + GRANT_LIFETIME,
            claims=self._claims(identity.members) if identity else None,
            verification=_verification(at) if identity else None,
            scopes=tokens.scope,
            portrait=self._portrait(identity.members) if identity else None,
            tokens=tokens,
            evidence_hash=evidence_hash(token.raw, *([identity.raw] if identity else [])),
        )

    def _tokens(self, token: Opened, at: datetime) -> tuple[UpstreamTokens, datetime]:
        """`lastModifiedDate` and `userType` are not looked at: no public source says what they mean."""
        fail, members = self._api.error, token.members
        issued, lifetime = moment(members.get("issueAt")), duration(members.get("expiresIn"))
        scope, open_id, access = members.get("scope"), members.get("openID"), members.get("accessToken")
        if issued is None or lifetime is None or not isinstance(scope, str) or len(scope) > 1000:
            raise fail(ProviderFault.GARBLED, "the token answer lacks issueAt, expiresIn or scope")
        if not all(isinstance(each, str) and 0 < len(each) <= 255 and each.isprintable() for each in (open_id, access)):
            raise fail(ProviderFault.GARBLED, "the token answer lacks openID or accessToken")
        if str(members.get("tokenType")).lower() != "bearer":
            raise fail(ProviderFault.GARBLED, "the token answer has an unknown tokenType")
        there = self._api.provider_time(at)
        if not there - SKEW - MAX_AGE <= issued <= there + SKEW:
            raise fail(ProviderFault.UNTRUSTED, "the token was not issued now")
        granted = frozenset(scope.split())
        if DEVICE not in granted:
            raise fail(ProviderFault.WITHHELD, "the login itself was not granted")
        tokens = UpstreamTokens(
            provider=self._provider,
            access_token=str(access),
            token_type="Bearer",  # noqa: S106  a type, not a token
            scope=granted,
            expires_at=min(issued, at) + lifetime,
            open_id=str(open_id),
        )
        return tokens, issued

    def _identity(self, tokens: UpstreamTokens, at: datetime) -> Opened:
        if "eidapi_profiles" not in tokens.scope:
            raise self._api.error(ProviderFault.WITHHELD, "the profile was not shared")
        portrait = self._settings.portrait == "synthetic_field"
        fields = [*_FIELDS, *([PORTRAIT_FIELD] if portrait else [])]
        return pull(self._api, tokens, profile=fields, at=at)

    def _claims(self, profile: dict[str, Any]) -> VerifiedClaims:
        fail = self._api.error
        number = identity_number(read.member(profile, "idNo", fail))
        english, chinese = (_part(profile, name, self._api) for name in ("enName", "chName"))
        family_name, _, given_name = read.text(english.get("UnstructuredName"), "enName", fail).partition(",")
        # Not every card carries a Chinese name.
        native_name = read.text(chinese["ChineseName"], "chName", fail) if chinese.get("ChineseName") else None
        return read.verified_claims(
            fail,
            family_name=family_name,
            given_name=given_name.strip() or None,
            native_name=native_name,
            birth_date=read.parsed(compact_date(read.member(profile, "birthDate", fail)), "birthDate", fail),
            document_type=DocumentType.HKID,
            document_number=read.parsed(number, "idNo", fail),
        )

    def _portrait(self, profile: dict[str, Any]) -> bytes | None:
        """Synthetic: the authority's photograph, which the real service does not give (specs/iamsmart.md 7)."""
        if self._settings.portrait == "none":
            return None
        return read.photograph(_part(profile, PORTRAIT_FIELD, self._api).get("Data"), self._api.error)


def pull(api: Api, tokens: UpstreamTokens, *, profile: list[str], at: datetime, limit: int = MAX_SIGNED) -> Opened:
    """`POST /profiles`: what a token may read without asking the person again. Raises ConnectorError."""
    content = {"accessToken": tokens.access_token, "openID": tokens.open_id, "profileFields": profile, "eMEFields": []}
    return api.post("/profiles", content, at=at, limit=limit)


def _verification(at: datetime) -> Verification:
    return Verification(trust_framework=TRUST_FRAMEWORK, time=at, evidence=EVIDENCE)


def refuse_errors(api: Api, answer: Mapping[str, str]) -> None:
    """Raises what an `error_code` on the way back means."""
    code = answer.get("error_code")
    if code is not None:
        raise api.refused(code if code.isalnum() and len(code) <= 16 else "malformed")


def _part(profile: Mapping[str, Any], name: str, api: Api) -> dict[str, Any]:
    part = read.member(profile, name, api.error)
    if not isinstance(part, dict):
        raise api.error(ProviderFault.GARBLED, f"{name} is not an object")
    return part
