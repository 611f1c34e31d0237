"""`[providers.*]` of kind `oidc`: where the provider is, how we prove who we are, and what its claims mean."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from broker.wire.identity_grant import Assurance, DocumentType, EvidenceKind
from connectors.adapter import AdapterSettings
from connectors.evidence import GRANT_LIFETIME

Pointer = Annotated[str, Field(pattern=r"^(/([^~/]|~[01])*)+$", max_length=200)]
"""Where a claim lies, as a JSON pointer (RFC 6901): `/family_name`, `/verified_claims/claims/birthdate`."""

Origin = Annotated[str, Field(pattern=r"^https?://[^/?#]+$")]
Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA"]
Level = Literal["high", "substantial"]

LANGUAGES: Final = frozenset({"zh-Hant", "zh-Hans", "en", "pt"})
LEVELS: Final = {"high": Assurance.HIGH, "substantial": Assurance.SUBSTANTIAL}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ClaimMap(_Part):
    """Where each of our claims is found. A name is needed: `native_name` or `family_name`."""

    birth_date: Pointer
    document_number: Pointer
    document_type: DocumentType  # of every person there: a provider vouches for one kind
    family_name: Pointer | None = None
    given_name: Pointer | None = None
    native_name: Pointer | None = None
    document_expires: Pointer | None = None

    @model_validator(mode="after")
    def _has_a_name(self) -> Self:
        if self.native_name is None and self.family_name is None:
            raise ValueError("native_name or family_name is needed")
        return self


class Portrait(_Part):
    """The authority's photograph, JPEG: base64 (or a data URL) in a claim, or at an endpoint of the provider that takes
    the access token.
    """

    claim: Pointer | None = None
    endpoint: str | None = None

    @model_validator(mode="after")
    def _in_one_place(self) -> Self:
        if (self.claim is None) == (self.endpoint is None):
            raise ValueError("a portrait has a claim or an endpoint")
        return self


class GenericSettings(AdapterSettings):
    """Unset `claims`: the provider only says who logged in, which counts for a person already linked."""

    issuer: str  # exactly as the provider writes it, with its final slash if it has one
    client_id: str
    client_authentication: Literal["client_secret_basic", "client_secret_post", "private_key_jwt"] = (
        "client_secret_basic"
    )
    client_secret: SecretStr | None = None
    client_key: Path | None = None
    client_key_id: str | None = None

    # The provider's name by language; `en` stands in for one that is missing.
    names: dict[str, str]
    # Our language -> what `ui_locales` says there.
    locales: dict[str, str] = Field(default_factory=dict)

    scopes: tuple[str, ...] = ("openid", "profile")
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = ("ES256", "PS256", "EdDSA", "RS256")
    # Unset: when the provider has an endpoint for it.
    pushed_requests: bool | None = None
    # Origins beside the issuer's own where its endpoints may be; `browser_origin` is where people are sent to.
    endpoint_origins: frozenset[Origin] = frozenset()
    browser_origin: Origin | None = None
    # How long ago the person may have authenticated, in seconds. false: not asked, and the token's own time will do.
    max_age: Annotated[int, Field(ge=0, le=86_400, strict=True)] | Literal[False] = 300

    # `acr` there -> level here. One that is not listed is refused; `level_without_acr`: of a provider that sends none.
    levels: dict[str, Level] = Field(default_factory=dict)
    level_without_acr: Level | None = None
    request_acr: bool = True

    claims: ClaimMap | None = None
    claims_from: Literal["userinfo", "signed_userinfo", "id_token"] = "userinfo"
    portrait: Portrait | None = None
    trust_framework: Annotated[str, Field(min_length=1, max_length=200)] = "oidc"
    evidence: EvidenceKind = EvidenceKind.ELECTRONIC_RECORD
    grant_lifetime: timedelta = GRANT_LIFETIME

    @model_validator(mode="after")
    def _complete(self) -> Self:
        keyed = self.client_authentication == "private_key_jwt"
        if keyed != (self.client_key is not None) or keyed == (self.client_secret is not None):
            raise ValueError("private_key_jwt goes with client_key, every other method with client_secret")
        if "openid" not in self.scopes:
            raise ValueError("scopes include openid")
        if "en" not in self.names or not {*self.names, *self.locales} <= LANGUAGES:
            raise ValueError(
                f"names and locales are by language ({', '.join(sorted(LANGUAGES))}), and names include en"
            )
        if not self.levels and self.level_without_acr is None:
            raise ValueError("without levels nobody could log in")
        return self
