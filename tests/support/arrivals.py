"""Logins of invented people at several providers, as the flows see them."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from broker.wire.identity_grant import (
    Assurance,
    DocumentType,
    EvidenceKind,
    HeldDocument,
    IdentityGrant,
    Verification,
    VerifiedClaims,
)
from broker.wire.upstream_tokens import UpstreamTokens
from tests.support.broker_world import World


@dataclass(frozen=True)
class Person:
    """What an authority says of somebody."""

    number: str = "QX9001236"
    born: date = date(1985, 4, 12)
    kind: DocumentType = DocumentType.HKID
    further: tuple[HeldDocument, ...] = ()

    def but(self, **change: Any) -> "Person":
        return replace(self, **change)


CHAN = Person()
WONG = Person("QX9004561", date(1990, 1, 2))


def arrival(
    world: World, provider: str, subject: str, person: Person | None = CHAN, *, tokens: bool = False, **change: Any
) -> IdentityGrant:
    """A verified login now; `person` None: the provider told only that somebody logged in."""
    claims = None
    if person is not None:
        claims = VerifiedClaims(
            native_name="陳示範",
            birth_date=person.born,
            document_type=person.kind,
            document_number=person.number,
            further_documents=person.further,
        )
    verified = Verification(trust_framework="test", time=world.at, evidence=EvidenceKind.ELECTRONIC_RECORD)
    values: dict[str, Any] = {
        "provider": provider,
        "issuer": f"https://{provider}.example",
        "subject": subject,
        "acr": Assurance.HIGH,
        "provider_acr": "face",
        "auth_time": world.at,
        "expires_at": world.at + timedelta(hours=1),
        "claims": claims,
        "verification": verified if claims else None,
        "scopes": frozenset({"openid"}),
        "evidence_hash": b"e" * 32,
        "tokens": upstream_tokens(world, provider) if tokens else None,
    }
    return IdentityGrant(**values | change)


def upstream_tokens(world: World, provider: str, name: str = "1", **lifetime: float) -> UpstreamTokens:
    """Tokens that name their provider; one hour unless told otherwise."""
    return UpstreamTokens(
        provider=provider,
        access_token=f"access-{provider}-{name}",
        refresh_token=f"refresh-{provider}-{name}",
        expires_at=world.at + timedelta(**(lifetime or {"hours": 1})),
    )
