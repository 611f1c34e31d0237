"""An identity provider as one Python object: invented people who log in by being named. For tests whose subject is the
authorization server.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Final
from urllib.parse import urlencode

from broker.wire.identity_connector import ConnectorError, LoginStart, ProviderFault, Redirection
from broker.wire.identity_grant import (
    Assurance,
    DocumentType,
    EvidenceKind,
    IdentityGrant,
    Verification,
    VerifiedClaims,
)

ORIGIN: Final = "https://idp.example"
LANGUAGES: Final = ("zh-Hant", "zh-Hans", "en", "pt")
BIRTH_DATE: Final = date(1990, 5, 17)


def _names() -> dict[str, str]:
    return dict.fromkeys(LANGUAGES, "Sandbox")


@dataclass(frozen=True)
class SandboxIdp:
    """Port `IdentityConnector`. Its one page is `https://idp.example/?state=&back=`; its answer names the person."""

    provider: str = "sandbox"
    names: Mapping[str, str] = field(default_factory=_names)
    origin: str = ORIGIN
    acr: Assurance = Assurance.SUBSTANTIAL
    trust_framework: str = "sandbox"
    evidence: EvidenceKind = EvidenceKind.ELECTRONIC_RECORD

    def begin(self, start: LoginStart) -> Redirection:
        return Redirection(f"{ORIGIN}/?{urlencode({'state': start.state, 'back': start.redirect_uri})}")

    def state_of(self, answer: Mapping[str, str]) -> str | None:
        return answer.get("state")

    def finish(self, answer: Mapping[str, str], *, memory: bytes, redirect_uri: str, at: datetime) -> IdentityGrant:
        person = answer.get("person")
        if person is None:
            raise ConnectorError(self.provider, ProviderFault.CANCELLED, "the person cancelled")
        number = int.from_bytes(sha256(person.encode()).digest()[:4], "big") % 10**6
        return IdentityGrant(
            provider=self.provider,
            issuer=ORIGIN,
            subject=person,
            acr=self.acr,
            provider_acr="named",
            amr=("user",),
            auth_time=at,
            claims=VerifiedClaims(
                family_name="Testperson",
                given_name=person.title(),
                birth_date=BIRTH_DATE,
                document_type=DocumentType.HKID,
                document_number=_hkid(number),
            ),
            verification=Verification(trust_framework=self.trust_framework, time=at, evidence=self.evidence),
            scopes=frozenset({"profile"}),
            expires_at=at + timedelta(hours=1),
            evidence_hash=sha256(f"{person}\0{at.isoformat()}".encode()).digest(),
        )


def _hkid(number: int) -> str:
    """A well-formed number that nobody has: letter X, six digits, check digit."""
    digits = f"{number:06d}"
    total = 9 * 36 + 8 * 33 + sum(int(digit) * weight for digit, weight in zip(digits, range(7, 1, -1), strict=True))
    return f"X{digits}{'0123456789A'[-total % 11]}"
