"""A login by the national network identity app (国家网络身份认证): the app's page, then apply and authenticate."""

import json
import os
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from broker.wire.identity_connector import ConnectorError, LoginStart, ProviderFault, Redirection
from broker.wire.identity_grant import EvidenceKind, IdentityGrant, Verification
from connectors import read
from connectors.adapter import Surroundings
from connectors.ctid import app, retain
from connectors.ctid.caller import PlatformCaller
from connectors.ctid.codes import APP_OK, meaning
from connectors.ctid.keys import CtidKeys
from connectors.ctid.modes import WORTH
from connectors.ctid.package import PackageError
from connectors.ctid.retain import Retained
from connectors.ctid.service import Authenticated, CtidService
from connectors.ctid.settings import CtidSettings
from connectors.evidence import GRANT_LIFETIME, evidence_hash

_CODE: Final = re.compile(r"[A-Z0-9]{1,16}")
_LOGIN_LIFETIME: Final = timedelta(minutes=15)


class CtidConnector:
    """Implements `IdentityConnector`. `entropy`: for the keys of envelopes; a login's own numbers come with it."""

    names: Mapping[str, str] = {
        "zh-Hant": "國家網絡身份認證（內地）",
        "zh-Hans": "国家网络身份认证（内地）",
        "en": "National Network Identity (Mainland)",
        "pt": "Identidade Nacional em Rede (Interior da China)",
    }
    trust_framework = "cn_ctid"
    evidence = EvidenceKind.ELECTRONIC_RECORD

    def __init__(
        self,
        provider: str,
        settings: CtidSettings,
        around: Surroundings,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.provider = provider
        self.settings = settings
        self.service = CtidService(PlatformCaller(settings, CtidKeys(settings, around.home), around.fetch), entropy)
        page = urlsplit(settings.app)
        self.origin = f"{page.scheme}://{page.netloc}"

    def begin(self, start: LoginStart) -> Redirection:
        biz_seq = start.entropy(16).hex()
        url = app.page_url(
            self.settings,
            biz_seq=biz_seq,
            redirect_uri=start.redirect_uri,
            state=start.state,
            language=start.language,
        )
        memory = {"bizSeq": biz_seq, "begun": start.at.isoformat()}
        return Redirection(url, json.dumps(memory).encode())

    def state_of(self, answer: Mapping[str, str]) -> str | None:
        return answer.get("state")

    def finish(self, answer: Mapping[str, str], *, memory: bytes, redirect_uri: str, at: datetime) -> IdentityGrant:
        """In this order:

        1. the login is the one we began, not long ago;
        2. the app's result code is a success, and its data is all there;
        3. apply, then authenticate with that data under our own `bizSeq`: another login's data is refused;
        4. the person's data, if there is any, is well-formed, and the card has not expired.
        """
        # (1)
        biz_seq, begun = self._remembered(memory)
        if not timedelta(0) <= at - begun <= _LOGIN_LIFETIME:
            raise self._fail(ProviderFault.TIMED_OUT, "the login began too long ago")
        # (2)
        code = answer.get("resultCode", "")
        if code != APP_OK:
            found = meaning(code)
            known = (
                code if _CODE.fullmatch(code) else None
            )  # anybody can write a callback: nothing else reaches the log
            raise ConnectorError(self.provider, found.fault, f"the app: {found.text}", code=known)
        try:
            data = app.read_result(answer, biz_seq=biz_seq, mode=self.settings.mode)
        except PackageError as error:
            raise self._fail(ProviderFault.GARBLED, str(error)) from error
        # (3)
        applied = self.service.apply(self.settings.mode, at=at)
        done = self.service.authenticate(applied, at=at, app=data)
        # (4)
        try:
            retained = Retained(None, None) if done.retained is None else retain.read(done.retained)
        except PackageError as error:
            raise self._fail(ProviderFault.GARBLED, str(error)) from error
        return self._grant(done, retained, at)

    def _remembered(self, memory: bytes) -> tuple[str, datetime]:
        """`bizSeq` and the beginning. The broker sealed it; a version of ours before this one may have written it."""
        try:
            remembered = json.loads(memory)
            return str(remembered["bizSeq"]), datetime.fromisoformat(remembered["begun"])
        except (ValueError, KeyError, TypeError) as error:
            raise self._fail(ProviderFault.TIMED_OUT, "the memory of the login is not of this version") from error

    def _grant(self, done: Authenticated, retained: Retained, at: datetime) -> IdentityGrant:
        worth, identity = WORTH[self.settings.mode], retained.identity
        if identity is not None and identity.valid_until is not None and identity.valid_until < at.date():
            raise self._fail(ProviderFault.EXPIRED_CREDENTIAL, "the identity card behind the credential has expired")
        # A face without a name would be a portrait of nobody: not kept.
        portrait = retained.portrait if identity is not None else None
        shared = {"sFXX": identity, "zP": portrait}
        return read.identity_grant(
            self._fail,
            provider=self.provider,
            issuer=self.settings.platform,
            subject=done.pid,
            acr=worth.acr,
            provider_acr=self.settings.mode.value,
            amr=worth.amr,
            auth_time=done.time,
            expires_at=done.time + GRANT_LIFETIME,
            claims=read.verified_claims(self._fail, **identity.claims) if identity is not None else None,
            verification=Verification(trust_framework=self.trust_framework, time=done.time, evidence=self.evidence)
            if identity is not None
            else None,
            scopes=frozenset({"result"} | {name for name, value in shared.items() if value is not None}),
            portrait=portrait,
            evidence_hash=evidence_hash(*done.raw),
        )

    def _fail(self, fault: ProviderFault, detail: str) -> ConnectorError:
        return ConnectorError(self.provider, fault, detail)
