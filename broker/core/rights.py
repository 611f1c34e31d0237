"""People's rights as data (data/rights.toml): terms, citations, what an erasure leaves."""

import tomllib
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from broker.core.governance.calendar import Calendar
from broker.core.transfer import PurposeTerms

Confidence = Literal["verified_primary", "verified_secondary", "mixed", "memory", "policy"]
Days = Annotated[int, Field(ge=1, le=366)]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StepUp(_Data):
    """How fresh a login must be before what cannot be undone."""

    seconds: Annotated[int, Field(ge=60, le=3600)]
    cite: str
    confidence: Confidence

    @property
    def window(self) -> timedelta:
        return timedelta(seconds=self.seconds)


class CertificateTerms(_Data):
    """How long an erasure's certificate waits to be fetched, and how long a broken transfer may be repeated."""

    keep_days: Days
    repeat_minutes: Annotated[int, Field(ge=1, le=60)]


class RightLaw(_Data):
    """The articles a right rests on."""

    right: Literal["access", "portability", "correction", "erasure", "review"]
    cites: tuple[str, ...]
    confidence: Confidence


class Remainder(_Data):
    """What an erasure leaves, why, and what ends it."""

    what: str
    why: str
    until: str
    confidence: Confidence


class OuterBound(_Data):
    """The longest the law of a place lets an answer take, in calendar days."""

    place: str
    days: Days
    cite: str
    confidence: Confidence


class Review(_Data):
    """Within how many working days a person has an answer; `law` bounds it from outside."""

    working_days: Annotated[int, Field(ge=1, le=40)]
    law: tuple[OuterBound, ...]


class Correction(_Data):
    """The same for a correction; recipients of the last months are told of it."""

    working_days: Annotated[int, Field(ge=1, le=40)]
    tell_months: Annotated[int, Field(ge=1, le=60)]


class Export(PurposeTerms):
    """Under which terms a person is given a copy, and how many entries of the journal it holds at most."""

    most_entries: Annotated[int, Field(ge=100, le=100_000)]


class GuardedAge(_Data):
    """Below which age a guardian has to agree, under the law of one place."""

    place: str
    below: Annotated[int, Field(ge=1, le=21)]
    cite: str
    confidence: Confidence


class GuardianRules(_Data):
    """Who needs a guardian, and who can be one."""

    invitation_hours: Annotated[int, Field(ge=1, le=168)]
    adult_at: Annotated[int, Field(ge=14, le=21)]
    age: Annotated[tuple[GuardedAge, ...], Field(min_length=1)]

    def below(self, place: str) -> int:
        """The age of that place; of a place without one the highest that is named."""
        named = {one.place: one.below for one in self.age}
        return named.get(place, max(named.values()))


class RightsRules(_Data):
    """Everything above, with a version."""

    version: str
    step_up: StepUp
    certificate: CertificateTerms
    law: tuple[RightLaw, ...]
    remains: tuple[Remainder, ...]
    review: Review
    correction: Correction
    export: Export
    guardian: GuardianRules

    @classmethod
    @cache
    def packaged(cls) -> Self:
        """`load`, once."""
        return cls.load()

    @classmethod
    def load(cls) -> Self:
        """The packaged data. Raises ValueError for anything incomplete."""
        source = (resources.files("broker.core") / "data" / "rights.toml").read_text(encoding="utf-8")
        try:
            return cls.model_validate(tomllib.loads(source))
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
            raise ValueError(f"the data about rights are not valid: {wrong}") from None

    def due(self, kind: str, asked_on: date, calendar: Calendar) -> date:
        """The last day to answer a `review` or a `correction`: our working days, and never beyond the strictest law's
        calendar days.
        """
        days = self.review.working_days if kind == "review" else self.correction.working_days
        outer = min(asked_on + timedelta(days=bound.days) for bound in self.review.law)
        return min(calendar.after(asked_on, days), outer)

    def cites(self, right: str) -> tuple[str, ...]:
        """The articles of a right. Raises LookupError."""
        for law in self.law:
            if law.right == right:
                return law.cites
        raise LookupError(right)
