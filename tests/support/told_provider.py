"""A provider that says what it is told: for tests of what the broker makes of logins, not of dialects."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from broker.wire.approval_connector import ProviderNotice, Withdrawal
from broker.wire.identity_connector import ConnectorError, LoginStart, ProviderFault, Redirection
from broker.wire.identity_grant import EvidenceKind, IdentityGrant


@dataclass
class ToldProvider:
    """Implements `IdentityConnector` and `NotifyingConnector`: `grants` by the code that fetches them."""

    provider: str
    grants: dict[str, IdentityGrant | ProviderFault] = field(default_factory=dict)
    trust_framework: str = "told"
    evidence: EvidenceKind = EvidenceKind.ELECTRONIC_RECORD

    @property
    def names(self) -> Mapping[str, str]:
        return dict.fromkeys(("zh-Hant", "zh-Hans", "en", "pt"), f"The {self.provider} app")

    @property
    def origin(self) -> str:
        return f"http://{self.provider}.test"

    def begin(self, start: LoginStart) -> Redirection:
        query = urlencode({"state": start.state, "redirect_uri": start.redirect_uri})
        return Redirection(f"{self.origin}/authorize?{query}", b"remember " + start.state.encode())

    def state_of(self, answer: Mapping[str, str]) -> str | None:
        return answer.get("st")

    def finish(self, answer: Mapping[str, str], *, memory: bytes, redirect_uri: str, at: datetime) -> IdentityGrant:
        if memory != b"remember " + answer["st"].encode():
            raise ConnectorError(self.provider, ProviderFault.UNTRUSTED, "not our memory")
        told = self.grants[answer["code"]]
        if isinstance(told, ProviderFault):
            raise ConnectorError(self.provider, told, "as told")
        return told

    def receive(self, headers: Mapping[str, str], body: bytes, *, at: datetime) -> ProviderNotice:
        if headers.get("x-signature") != "good":
            raise ConnectorError(self.provider, ProviderFault.UNTRUSTED, "no signature of ours")
        told: dict[str, Any] = json.loads(body)
        outcome = Withdrawal(f"https://{self.provider}.example", told["subject"])
        return ProviderNotice(told["id"], "withdrawal", outcome)


def come_back(http: httpx.Client, away: httpx.Response, code: str, *, post: bool = False) -> httpx.Response:
    """From the redirect to the provider to the broker's answer to the callback, as GET or as a form."""
    assert away.status_code == 303, away.text
    query = parse_qs(urlsplit(away.headers["location"]).query)
    answer = {"st": query["state"][0], "code": code}
    if not post:
        return http.get(query["redirect_uri"][0], params=answer)
    return http.post(query["redirect_uri"][0], data=answer)
