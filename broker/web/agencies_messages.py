"""What partner agencies send and get (specs/partner-api.md). Every field is described: the OpenAPI document is made of
these.
"""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from broker.core.approval import ApprovalStatus
from broker.core.comparison import COMPARABLE, MAX_STATED
from broker.core.form_fields import FIELDS
from broker.web.fields import Message, Moment

# No control characters: these texts are shown to people and written into headers nowhere.
_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]+$"
_PRINTABLE_OR_EMPTY = r"^[^\x00-\x1f\x7f-\x9f]*$"

ClaimName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}(:[A-Z0-9,-]{1,24})?$"),
    Field(description="A claim, or a predicate with its argument: birthdate, over_18, resident_of:HK,MO."),
]
PredicateName = Annotated[
    str,
    StringConstraints(
        pattern=r"^(over_18|permit_valid(:[0-9]{4}-[0-9]{2}-[0-9]{2})?|resident_of:[A-Z]{2}(,[A-Z]{2}){0,2})$"
    ),
    Field(description="over_18, permit_valid, permit_valid:2026-12-31, resident_of:HK or resident_of:HK,MO."),
]
# JSON has no UUIDs, so their text is taken.
Uid = Annotated[UUID, Field(strict=False)]
Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$"), Field(description="SHA-256, lower-case hex.")]


class Basis(Message):
    """What an answer rests on."""

    sub: str = Field(description="The person, as this partner knows them.")
    consents: list[UUID] = Field(description="The consents under which the answer was given.")
    journal: list[str] = Field(description="Leaf hashes of the journal entries, to ask inclusion proofs for.")
    synthetic: bool = Field(description="True in a sandbox: the person is invented.")


class Claims(Basis):
    """Consented claims by name. What the authority does not say is absent."""

    claims: dict[str, Any]
    verification: dict[str, Any] | None = Field(
        default=None, description="How the claims were verified (OpenID Connect for Identity Assurance)."
    )
    consent_grants: list[str] = Field(
        default=[], description="What each release rests on at the identity provider: signed statements (JWS)."
    )


class PredicateQuestion(Message):
    predicates: list[PredicateName] = Field(min_length=1, max_length=8)


class PredicateAnswers(Basis):
    """Yes or no by predicate; null when the authority does not say or the consent does not cover it."""

    answers: dict[str, bool | None]


class Verification(Message):
    """Values the agency already has, to be compared."""

    claims: dict[str, Annotated[str, StringConstraints(min_length=1, max_length=MAX_STATED)]] = Field(
        min_length=1,
        max_length=len(COMPARABLE),
        description=f"Any of {', '.join(sorted(COMPARABLE))}.",
    )


class VerificationAnswers(Basis):
    """Whether each stated value agrees; null when the authority does not say."""

    matches: dict[str, bool | None]


class DocumentName(Message):
    """The document an answer is bound to: by its SHA-256, by the agency's number for it, or both."""

    sha256: Hex32 | None = None
    number: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\x20-\x7e]+$")] | None = None

    @model_validator(mode="after")
    def _is_named(self) -> "DocumentName":
        if self.sha256 is None and self.number is None:
            raise ValueError("name the document by sha256, by number, or both")
        return self


class AnswerOrder(Message):
    document: DocumentName
    claims: list[ClaimName] = Field(min_length=1, max_length=32)


class GrantQuestion(Message):
    grants: list[Uid] = Field(min_length=1, max_length=100, description="Ids of grants of this partner's clients.")


class GrantState(Message):
    grant: UUID
    status: Literal["active", "revoked", "expired", "unknown"] = Field(
        description="`unknown` also for grants of other partners."
    )
    expires_at: Moment | None = None
    consents: list[UUID] = Field(default_factory=list, description="The consents the grant rests on.")


class GrantStates(Message):
    grants: list[GrantState] = Field(description="In the order asked.")


FieldName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$"),
    Field(description=f"One of {', '.join(sorted(FIELDS))}."),
]
Line = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_PRINTABLE)]
Lifetime = Annotated[int, Field(ge=60, le=3600, description="Seconds the person has; default 900.")]
Subject = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$"),
    Field(description="The `sub` of the person who has to approve. Without it, whoever opens the address may."),
]
ReturnUri = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2048, pattern=r"^https?://[\x21-\x7e]+$"),
    Field(description="Where the person goes afterwards, with `request` and `status`: a redirect URI of the client."),
]


class Form(Message):
    """What the person reads about the form at their provider."""

    name: Line
    number: Line
    description: Annotated[str, StringConstraints(max_length=300, pattern=_PRINTABLE_OR_EMPTY)] = ""


class FormFillOrder(Message):
    fields: list[FieldName] = Field(min_length=1, max_length=16)
    form: Form
    subject: Subject | None = None
    return_uri: ReturnUri | None = None
    expires_in: Lifetime = 900


class Document(Message):
    """The document by its SHA-256; the document itself never comes here."""

    sha256: Hex32
    name: Line
    kind: Literal["hash", "pdf"] = "hash"


class SignatureOrder(Message):
    document: Document
    subject: Subject | None = None
    return_uri: ReturnUri | None = None
    expires_in: Lifetime = 900


class ApprovalState(Message):
    """Where a request stands. `result` is a JWE to the partner, there from `ready` on and for ten minutes after it was
    first fetched.
    """

    id: UUID
    status: ApprovalStatus
    approval_url: str | None = Field(default=None, description="Send the person there; only while they can still act.")
    expires_at: Moment
    result: str | None = None
