"""An incident with personal data: whom it touched, by a criterion over the journal's clear part; what each of them is
told; and by when authorities are (PIPL 57, GDPR 33-34; specs/rights.md 9).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from broker.core.governance.codes import Gate
from broker.core.rights import Confidence
from broker.core.zone import LANGUAGES

_PERMITS: Final = frozenset(gate.value for gate in Gate if gate.permits)

Text = Annotated[str, Field(min_length=1, max_length=1000)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Criterion(_Data):
    """Whoever's data went to that recipient, for that purpose, through that gate, within [since, until)."""

    since: AwareDatetime
    until: AwareDatetime
    recipient: Id | None = None
    purpose: Id | None = None
    gate: Id | None = None

    @model_validator(mode="after")
    def _narrow(self) -> Self:
        if self.recipient is None and self.purpose is None and self.gate is None:
            raise ValueError("an incident names a recipient, a purpose or a gate")
        if self.since >= self.until:
            raise ValueError("an incident begins before it ends")
        return self

    def touches(self, clear: Mapping[str, Any]) -> bool:
        """Whether an entry of that time says that data went there: it states a decision that let them go."""
        if clear.get("transfer") not in _PERMITS:
            return False
        where = {clear.get("recipient"), clear.get("zone")}
        return (
            (self.recipient is None or self.recipient in where)
            and (self.purpose is None or clear.get("purpose") == self.purpose)
            and (self.gate is None or clear.get("gate") == self.gate)
        )


class Words(_Data):
    """What a person is told, in one language: what of theirs and how it came about, what harm it may do, what was done,
    what they can do (PIPL 57(1)-(2)).
    """

    what: Text
    harm: Text
    measures: Text
    advice: Text


class Statement(_Data):
    """An operator's statement of an incident (TOML)."""

    known_at: AwareDatetime
    contact: Annotated[str, Field(min_length=3, max_length=200)]
    places: Annotated[tuple[str, ...], Field(min_length=1)]
    criterion: Criterion
    words: Mapping[Literal["zh-Hant", "zh-Hans", "en", "pt"], Words]

    @model_validator(mode="after")
    def _everybody_can_read_it(self) -> Self:
        if set(self.words) != set(LANGUAGES):
            raise ValueError(f"the words are in {', '.join(LANGUAGES)}")
        return self

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises ValueError for anything incomplete."""
        try:
            return cls.model_validate(tomllib.loads(text))
        except (ValidationError, tomllib.TOMLDecodeError) as error:
            wrong = (
                "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
                if isinstance(error, ValidationError)
                else str(error)
            )
            raise ValueError(f"the statement of the incident is not valid: {wrong}") from None


class Duty(_Data):
    """One authority to tell."""

    place: str
    authority: str
    hours: Annotated[int, Field(ge=1, le=8760)] | None = None
    cite: str
    confidence: Confidence


class _Duties(_Data):
    version: str
    duty: tuple[Duty, ...]


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as it was entered. `affected`: how many people."""

    incident_id: UUID
    statement: Statement
    opened_by: str
    opened_at: datetime
    affected: int
    leaf: bytes


@dataclass(frozen=True, slots=True)
class PersonNotice:
    """What one person is told; `words` by language."""

    notice_id: UUID
    incident_id: UUID
    contact: str
    words: Mapping[str, Mapping[str, str]]
    told_at: datetime
    seen_at: datetime | None


def duties() -> tuple[Duty, ...]:
    """The packaged data. Raises ValidationError."""
    source = (resources.files("broker.core") / "data" / "incidents.toml").read_text(encoding="utf-8")
    return _Duties.model_validate(tomllib.loads(source)).duty


def deadlines(statement: Statement) -> list[dict[str, Any]]:
    """Whom to tell at the places concerned, the most urgent first."""
    known = statement.known_at.astimezone(UTC)
    concerned = [duty for duty in duties() if duty.place in statement.places]
    return [
        {
            "place": duty.place,
            "authority": duty.authority,
            "due": "without delay" if duty.hours is None else _iso(known + timedelta(hours=duty.hours)),
            "cite": duty.cite,
            "confidence": duty.confidence,
        }
        for duty in sorted(concerned, key=lambda duty: duty.hours or 0)
    ]


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
