"""The record of an impact assessment (PIPL 55, 56; GDPR 35; WP248 rev.01): what the configuration shows, what people
state, and the signature of a member of staff over exactly both (specs/impact-assessment.md).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from broker.core.denial import InvalidInput
from broker.core.governance.deadlines import deadline
from broker.core.governance.policy import Policy
from broker.core.impact_configuration import Configuration, canonical
from broker.core.impact_findings import Findings
from broker.core.standing_papers import Flow, StandingAssessment

MAX_STATEMENT_BYTES: Final = 65_536
_DOMAIN: Final = b"tongguan/impact-assessment/v1\x00"

Text = Annotated[str, StringConstraints(min_length=1, max_length=8000, strip_whitespace=True)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class AssessmentState(StrEnum):
    """How an assessment is now. `stale`: the configuration is another one than it looked at."""

    DRAFT = "draft"
    COMPLETED = "completed"
    SIGNED = "signed"
    STALE = "stale"
    SUPERSEDED = "superseded"


class Opinion(BaseModel):
    """What somebody who was asked said: the protection officer, people concerned, the works council."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: Line
    text: Text


class Statement(BaseModel):
    """What a configuration cannot know. `residual`: the risk that remains after all measures, in the assessor's view;
    a high one needs the authority's word (`consultation`, GDPR 36).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    assessor: Line
    assessed_on: date
    necessity: Text
    opinions: Annotated[tuple[Opinion, ...], Field(min_length=1, max_length=32)]
    mitigation: Text
    residual: Literal["low", "medium", "high"]
    residual_reason: Text
    consultation: Text | None = None

    @model_validator(mode="after")
    def _high_risk_is_asked_about(self) -> "Statement":
        if self.residual == "high" and self.consultation is None:
            raise ValueError("a high residual risk needs `consultation`: what the authority said")
        return self


@dataclass(frozen=True, slots=True)
class Signature:
    """A member of staff over the document's bytes."""

    staff_id: str
    key: bytes
    value: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Assessment:
    """One version for one exporter. `document`: what is signed, canonical JSON. `flows`: what it looked at.

    `retain_until`: the earliest day of disposal, None before it is signed.
    """

    assessment_id: UUID
    exporter: str
    version: int
    configuration: bytes
    document: bytes
    drafted_at: datetime
    completed: bool = False
    signature: Signature | None = None
    retain_until: date | None = None

    def content(self) -> dict[str, Any]:
        """The document as plain values."""
        content: dict[str, Any] = json.loads(self.document)
        return content

    def flows(self) -> frozenset[Flow]:
        """The (purpose, destination, category) triples it looked at."""
        return _flows(self.document)

    def state(self, *, configured: bytes | None, latest: bool) -> AssessmentState:
        """`configured`: the digest of what is configured now for the exporter, None when it is gone. `latest`: no later
        version is signed.
        """
        if self.signature is not None and not latest:
            return AssessmentState.SUPERSEDED
        if self.configuration != configured:
            return AssessmentState.STALE
        if self.signature is not None:
            return AssessmentState.SIGNED
        return AssessmentState.COMPLETED if self.completed else AssessmentState.DRAFT


@lru_cache(maxsize=64)
def _flows(document: bytes) -> frozenset[Flow]:
    """Remembered: every process asks for the few that stand each second."""
    return frozenset(
        (activity["purpose_id"], receiver["jurisdiction"], category)
        for activity in json.loads(document)["configuration"]["activities"]
        for receiver in activity["receivers"]
        for category in receiver["categories"]
    )


def document_of(
    configuration: Configuration,
    findings: Findings,
    *,
    assessment_id: UUID,
    version: int,
    persons: int,
    at: datetime,
    statement: Statement | None = None,
) -> bytes:
    """The record as canonical JSON."""
    return canonical(
        {
            "format": "tongguan-impact-assessment/1",
            "assessment_id": str(assessment_id),
            "version": version,
            "drafted_at": at.isoformat(),
            "configuration_sha256": configuration.digest().hex(),
            "configuration": configuration.as_json(),
            "persons_concerned": persons,
            "findings": asdict(findings),
            "statement": None if statement is None else statement.model_dump(mode="json"),
        }
    )


def with_statement(document: bytes, statement: Statement) -> bytes:
    """The same record with what people state."""
    content: dict[str, Any] = json.loads(document)
    return canonical({**content, "statement": statement.model_dump(mode="json")})


def read_statement(document: object) -> Statement:
    """From a parsed file. Raises InvalidInput, naming fields and never their content."""
    if not isinstance(document, Mapping):
        raise InvalidInput("bad_statement", "a statement is a table of fields")
    try:
        return Statement.model_validate(dict(document))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'statement'}: {e['msg']}" for e in error.errors())
        raise InvalidInput("bad_statement", wrong) from None


def signed_bytes(document: bytes) -> bytes:
    """What the member signs: the tag and SHA-256 of the document."""
    return _DOMAIN + sha256(document).digest()


def retained_until(signed_on: date, policy: Policy) -> date:
    """Kept three years at least (PIPL 56(2))."""
    until = deadline("pia_report", signed_on, policy).retain_until
    if until is None:
        raise ValueError("the rule of retention names a day")
    return until


def standing_assessment(assessment: Assessment) -> StandingAssessment | None:
    """What it makes true for decisions; the caller has seen that it is the latest and fits the configuration."""
    if assessment.signature is None:
        return None
    return StandingAssessment(assessment.exporter, assessment.flows(), assessment.signature.at)
