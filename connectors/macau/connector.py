"""Login, tokens, forms and notices of Macau One Account."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from broker.wire.approval_connector import FilledForm, FormNotice, ProviderNotice
from broker.wire.identity_connector import ConnectorError, LoginStart, ProviderFault, Redirection
from broker.wire.identity_grant import Assurance, EvidenceKind, IdentityGrant, Verification
from broker.wire.upstream_tokens import UpstreamTokens
from connectors import read
from connectors.adapter import Surroundings
from connectors.evidence import GRANT_LIFETIME, evidence_hash
from connectors.fetch import MAX_SIGNED
from connectors.macau.codes import CODES
from connectors.macau.department_keys import DepartmentKeys
from connectors.macau.fields import FORM_FIELDS, LOGIN_FIELDS, of_form, verified_claims
from connectors.macau.notices import read_notice
from connectors.macau.packet import Packet, PacketReader
from connectors.macau.settings import MacauSettings
from connectors.openid.client_auth import SecretBasic
from connectors.openid.flow import CodeFlow, Login
from connectors.openid.registration import Registration
from connectors.openid.remote_keys import RemoteKeys
from connectors.openid.tokens import TokenReader, amr_of

LEVELS: Final = {"urn:mo:conta-unica:rosto": Assurance.HIGH, "urn:mo:conta-unica:dispositivo": Assurance.SUBSTANTIAL}
PASSWORD: Final = "urn:mo:conta-unica:palavra-passe"  # noqa: S105  a level, not a password
DETAIL_TYPE: Final = "urn:mo:conta-unica:pacote"
PERSONAL: Final = "pessoal"

_LOCALES: Final = {"zh-Hant": "zh-MO", "zh-Hans": "zh-CN", "en": "en", "pt": "pt"}
_PURPOSES: Final = {
    "zh-Hant": "登入通關",
    "zh-Hans": "登录通关",
    "en": "Logging in to Tongguan",
    "pt": "Iniciar sessão no Tongguan",
}


class MacauConnector:
    """Implements `IdentityConnector`, `RefreshingConnector`, `NotifyingConnector` and the form part of
    `ApprovalConnector`.
    """

    names: Mapping[str, str] = {
        "zh-Hant": "一戶通（澳門）",
        "zh-Hans": "一户通（澳门）",
        "en": "Macau One Account",
        "pt": "Conta Única de Macau",
    }
    trust_framework = "mo_one_account"
    evidence = EvidenceKind.ELECTRONIC_RECORD

    def __init__(self, provider: str, settings: MacauSettings, around: Surroundings) -> None:
        self.provider = provider
        self._settings = settings
        registration = Registration(
            provider=provider,
            issuer=settings.issuer,
            client=SecretBasic(settings.client_id, settings.client_secret),
            scopes=("openid", "conta", "offline_access"),
            algorithms=("ES256",),
            pushed=True,
            codes=CODES,
        )
        self.flow = CodeFlow(registration, around.fetch)
        self.origin = self.flow.origin
        bureau_keys = RemoteKeys(around.fetch, lambda: settings.bureau_keys, ("ES256",))
        bureau = TokenReader(around.fetch, bureau_keys, issuer=settings.bureau, audience=settings.department)
        self.packets = PacketReader(provider, DepartmentKeys(around.home / settings.department_keys), bureau)

    # --- logging in ---

    def begin(self, start: LoginStart) -> Redirection:
        return self._begin(start, fields=LOGIN_FIELDS, purpose=_PURPOSES[start.language])

    def state_of(self, answer: Mapping[str, str]) -> str | None:
        return answer.get("state")

    def finish(self, answer: Mapping[str, str], *, memory: bytes, redirect_uri: str, at: datetime) -> IdentityGrant:
        login = self.flow.finish(answer, memory=memory, redirect_uri=redirect_uri, at=at)
        level = self._level(login)
        packet = self._packet(login, at=at)
        claims = verified_claims(packet.data, at=at, fail=self._fail)
        auth_time = self.flow.auth_time(login, at=at)
        photograph = packet.data.get("fotografia")
        return read.identity_grant(
            self._fail,
            provider=self.provider,
            issuer=self.flow.registration.issuer,
            subject=login.claims["sub"],
            acr=level,
            provider_acr=login.claims["acr"],
            amr=amr_of(login.claims),
            auth_time=auth_time,
            expires_at=auth_time + GRANT_LIFETIME,
            claims=claims,
            verification=Verification(trust_framework=self.trust_framework, time=at, evidence=self.evidence),
            scopes=login.tokens.scope | packet.shared,
            # Without it the login counts; enrolling a face needs it and says so.
            portrait=read.photograph(photograph, self._fail) if photograph is not None else None,
            tokens=login.tokens,
            evidence_hash=evidence_hash(login.id_token.encode(), packet.signed),
        )

    def refresh(self, tokens: UpstreamTokens, *, at: datetime) -> UpstreamTokens:
        return self.flow.refresh(tokens, at=at)

    # --- forms ---

    def begin_form_fill(
        self, start: LoginStart, *, fields: tuple[str, ...], form: FormNotice, tokens: UpstreamTokens | None
    ) -> Redirection:
        """`fields` of FORM_FIELDS. With `tokens`, the person they belong to must be the one who approves. Raises
        ConnectorError: misconfigured for a field there is not.
        """
        if not fields or len(set(fields)) != len(fields) or not set(fields) <= set(FORM_FIELDS):
            raise self._fail(ProviderFault.MISCONFIGURED, "a form asks for fields this provider does not fill")
        notice = {"nome": form.name, "numero": form.number, "descricao": form.description}
        subject = tokens.open_id if tokens is not None else None
        return self._begin(start, fields=fields, purpose=form.name, form=notice, subject=subject)

    def finish_form_fill(self, answer: Mapping[str, str], *, memory: bytes, at: datetime) -> FilledForm:
        login = self.flow.finish(answer, memory=memory, redirect_uri=None, at=at)
        self._level(login)
        wanted = login.remembered["subject"]
        if wanted is not None and wanted != login.claims["sub"]:
            raise self._fail(ProviderFault.NOT_SAME_PERSON, "somebody else approved the form")
        packet = self._packet(login, at=at)
        filled = of_form(packet.data, packet.shared)
        return FilledForm(filled, evidence_hash(login.id_token.encode(), packet.signed))

    # --- notices ---

    def receive(self, headers: Mapping[str, str], body: bytes, *, at: datetime) -> ProviderNotice:
        return read_notice(self.flow.reader, headers, body, at=at)

    # --- details ---

    def _begin(
        self,
        start: LoginStart,
        *,
        fields: tuple[str, ...],
        purpose: str,
        form: Mapping[str, str] | None = None,
        subject: str | None = None,
    ) -> Redirection:
        detail = {
            "type": DETAIL_TYPE,
            "campos": list(fields),
            "departamentos": [self._settings.department],
            "finalidade": purpose,
            "conta": PERSONAL,
            **({"formulario": dict(form)} if form is not None else {}),
        }
        extra = {
            "ui_locales": _LOCALES[start.language],
            "acr_values": " ".join(start.wanted.levels(LEVELS)),
            "authorization_details": json.dumps([detail], ensure_ascii=False),
            **({"prompt": "login"} if start.wanted.fresh else {}),
            **({"max_age": str(start.wanted.max_age)} if start.wanted.max_age is not None else {}),
        }
        remember = {"fields": list(fields), "purpose": purpose, "subject": subject}
        return self.flow.begin(start, extra=extra, remember=remember)

    def _level(self, login: Login) -> Assurance:
        """Only a person, and only one whose EID took part."""
        if login.claims.get("conta") != PERSONAL:
            raise self._fail(ProviderFault.WRONG_ACCOUNT, "not a personal account")
        if login.claims.get("acr") == PASSWORD:
            raise self._fail(ProviderFault.NOT_ENROLLED, "the password alone, without the EID")
        return read.assurance(LEVELS, login.claims.get("acr"), self._fail)

    def _packet(self, login: Login, *, at: datetime) -> Packet:
        url = self.flow.metadata.endpoint("packet_endpoint")
        headers = {"Authorization": f"Bearer {login.tokens.access_token}", "Accept": "application/jose+json"}
        # Made anew for each call, and nothing changes by it: may be asked twice.
        answer = self.flow.fetch.send("POST", url, headers=headers, limit=MAX_SIGNED, idempotent=True)
        if answer.status != 200:
            raise self.flow.refused(url, answer)
        remembered = login.remembered
        asked = frozenset(remembered["fields"])
        packet = self.packets.read(answer.body, asked=asked, purpose=remembered["purpose"], at=at)
        self.flow.about({"sub": packet.subject}, login)
        if packet.transaction != login.claims.get("txn"):
            raise self._fail(ProviderFault.UNTRUSTED, "the packet belongs to another login")
        return packet

    def _fail(self, fault: ProviderFault, detail: str) -> ConnectorError:
        return ConnectorError(self.provider, fault, detail)
