"""IdentityGrant: what one login at one identity provider becomes, whatever dialect the provider speaks.

Connectors produce it, `link_identity` and `enrol` consume it. It holds the most personal data in the system, so `repr`
shows none of it. Format: specs/identity-grant.md.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

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


class IdentityGrant(BaseModel):
    """One login, verified. `subject` is the provider's own pseudonym for the person and means something only together
    with `issuer`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: ProviderName
    issuer: ShortText
    subject: Annotated[str, Field(min_length=1, max_length=255, repr=False)]
    acr: Assurance
    auth_time: AwareDatetime
    claims: VerifiedClaims
    scopes: frozenset[str]
    portrait: Annotated[bytes, Field(max_length=MAX_PORTRAIT_BYTES, repr=False)]
    """The authority's photograph, JPEG."""
    evidence_hash: Annotated[bytes, Field(min_length=32, max_length=32, repr=False)]
    """SHA-256 over the raw signed evidence, as received."""

    @field_validator("portrait")
    @classmethod
    def _portrait_is_jpeg(cls, value: bytes) -> bytes:
        if not value.startswith(_JPEG_START):
            raise ValueError("the portrait is not a JPEG file")
        return value
