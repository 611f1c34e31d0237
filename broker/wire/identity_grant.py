"""IdentityGrant: what one login at one identity provider becomes, whatever dialect the provider speaks.

Connectors produce it, `link_identity` and `enrol` consume it. It holds the most personal data in the system, so `repr`
shows none of it. Format: specs/identity-grant.md.
"""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from broker.wire.upstream_tokens import UpstreamTokens

MAX_PORTRAIT_BYTES: Final = 2 * 1024 * 1024
_JPEG_START: Final = b"\xff\xd8\xff"

ProviderName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{1,31}$")]
ShortText = Annotated[str, Field(min_length=1, max_length=200)]


class Assurance(StrEnum):
    """How firmly the provider knew the person: each provider's own `acr` is mapped to one of these (specs/identity-
    grant.md 3).
    """

    SUBSTANTIAL = "urn:tongguan:acr:substantial"  # two factors, one of them the registered device
    HIGH = "urn:tongguan:acr:high"  # a live face compared by the authority in this login


class DocumentType(StrEnum):
    """The document a provider vouches for."""

    PRC_RESIDENT_ID = "prc_resident_id"  # GB 11643-1999, 18 characters
    HKID = "hkid"  # letter(s), six digits, check digit: "A123456(3)" written without brackets, "A1234563"
    MACAU_BIR = "macau_bir"  # seven digits and a check digit, written without brackets
    MAINLAND_TRAVEL_PERMIT = "mainland_travel_permit"  # of residents of Hong Kong (H) and Macau (M): letter, 8 digits


class HeldDocument(BaseModel):
    """A document and its number, capitals and digits only."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    document_type: DocumentType
    document_number: Annotated[str, Field(pattern=r"^[A-Z0-9]{7,18}$", repr=False)]


class VerifiedClaims(BaseModel):
    """Who the authority says this is, with names as the authority writes them: Latin ones in parts where it parts them,
    Chinese ones whole (a Chinese name is never split by guessing).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    family_name: Annotated[ShortText | None, Field(repr=False)] = None
    given_name: Annotated[ShortText | None, Field(repr=False)] = None
    native_name: Annotated[ShortText | None, Field(repr=False)] = None
    birth_date: Annotated[date, Field(repr=False)]
    document_type: DocumentType
    document_number: Annotated[str, Field(pattern=r"^[A-Z0-9]{7,18}$", repr=False)]
    document_expires: Annotated[date | None, Field(repr=False)] = None
    """The last day of its validity, where the authority says so."""
    further_documents: Annotated[tuple[HeldDocument, ...], Field(max_length=8, repr=False)] = ()
    """Other documents the same authority vouches for: what links one person at two providers (specs/linking.md 3)."""

    @model_validator(mode="after")
    def _has_a_name(self) -> Self:
        if self.native_name is None and self.family_name is None:
            raise ValueError("a native name or a family name is needed")
        return self

    @property
    def display_name(self) -> str:
        """One line for a screen: the Chinese name where there is one, else the Latin one with the family name first."""
        latin = " ".join(part for part in (self.family_name, self.given_name) if part)
        return self.native_name or latin


class EvidenceKind(StrEnum):
    """What the authority's statement rests on (OpenID Connect for Identity Assurance, `evidence.type`)."""

    ELECTRONIC_RECORD = "electronic_record"  # the authority's own register
    DOCUMENT = "document"  # a document read in this login: card, chip, credential


RECORD_TYPE: Final = "identity_register"
"""Of every electronic record here (OpenID Connect for Identity Assurance, `evidence.record.type`)."""


class Verification(BaseModel):
    """How the claims were verified (OpenID Connect for Identity Assurance, `verification`). `time`: when the provider
    stated them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trust_framework: ShortText
    time: AwareDatetime
    evidence: EvidenceKind


class Vouched(BaseModel):
    """What remains of a login beside its claims: who vouched, how firmly, when, for what. No personal data; kept sealed
    with the claims all the same, and quoted in consent grants (specs/consent-grant.md).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: ProviderName
    issuer: ShortText
    acr: Assurance
    provider_acr: ShortText
    amr: tuple[ShortText, ...]
    auth_time: AwareDatetime
    scopes: frozenset[str]
    purpose: str
    expires_at: AwareDatetime
    evidence_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    verification: Verification | None
    document_type: DocumentType | None

    def verification_object(self) -> dict[str, Any] | None:
        """`verification` of OpenID Connect for Identity Assurance 1.0 (specs/identity-grant.md 5)."""
        if self.verification is None:
            return None
        evidence: dict[str, Any] = {
            "type": str(self.verification.evidence),
            "check_details": [{"check_method": self.provider_acr, "organization": self.issuer}],
        }
        if self.verification.evidence is EvidenceKind.ELECTRONIC_RECORD:
            evidence["record"] = {"type": RECORD_TYPE, "source": {"name": self.issuer}}
        else:
            evidence["document_details"] = {"type": str(self.document_type), "issuer": {"name": self.issuer}}
        return {
            "trust_framework": self.verification.trust_framework,
            "assurance_level": str(self.acr),
            "time": timestamp(self.verification.time),
            "evidence": [evidence],
        }


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z"


class IdentityGrant(BaseModel):
    """One login, verified. `subject` is the provider's own pseudonym for the person and means something only together
    with `issuer`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    provider: ProviderName
    issuer: ShortText
    subject: Annotated[str, Field(min_length=1, max_length=255, repr=False)]
    acr: Assurance
    provider_acr: ShortText
    """The provider's own level or mode, from which `acr` was mapped."""
    amr: tuple[ShortText, ...] = ()
    """How the person authenticated (RFC 8176 values where one fits)."""
    auth_time: AwareDatetime
    claims: VerifiedClaims | None
    """None: the provider said who logged in and nothing more. Such a login counts only for a person already linked."""
    verification: Verification | None
    scopes: frozenset[str]
    purpose: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,63}$")] = "sign-in"
    """What the person was told the data is for."""
    expires_at: AwareDatetime
    """After this moment nothing new may rest on the login."""
    portrait: Annotated[bytes | None, Field(max_length=MAX_PORTRAIT_BYTES, repr=False)] = None
    """The authority's photograph, JPEG."""
    tokens: Annotated[UpstreamTokens | None, Field(repr=False)] = None
    evidence_hash: Annotated[bytes, Field(min_length=32, max_length=32, repr=False)]
    """SHA-256 over the raw signed evidence, as received."""

    @field_validator("portrait")
    @classmethod
    def _portrait_is_jpeg(cls, value: bytes | None) -> bytes | None:
        if value is not None and not value.startswith(_JPEG_START):
            raise ValueError("the portrait is not a JPEG file")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.claims is None) != (self.verification is None):
            raise ValueError("claims and their verification come together")
        if self.claims is None and self.portrait is not None:
            raise ValueError("a login without claims carries no portrait")
        if self.expires_at <= self.auth_time:
            raise ValueError("the grant expired before the login")
        if self.tokens is not None and self.tokens.provider != self.provider:
            raise ValueError("the tokens are another provider's")
        return self

    def vouched(self) -> Vouched:
        """The login without its claims."""
        return Vouched(
            provider=self.provider,
            issuer=self.issuer,
            acr=self.acr,
            provider_acr=self.provider_acr,
            amr=self.amr,
            auth_time=self.auth_time,
            scopes=self.scopes,
            purpose=self.purpose,
            expires_at=self.expires_at,
            evidence_hash=self.evidence_hash.hex(),
            verification=self.verification,
            document_type=self.claims.document_type if self.claims else None,
        )

    def verified_claims(self) -> dict[str, Any] | None:
        """The `verified_claims` object of OpenID Connect for Identity Assurance 1.0 (specs/identity-grant.md 5); None
        for a login without claims.
        """
        if self.claims is None:
            return None
        stated = self.claims.model_dump(mode="json", exclude_none=True, exclude={"further_documents"})
        stated["birthdate"] = stated.pop("birth_date")  # OpenID Connect Core 5.1
        return {"verification": self.vouched().verification_object(), "claims": stated}
