"""Terms and working days that filings need beside the rules of transfer: data with a version (data/filings.toml)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from broker.core.governance.calendar import Calendar
from broker.core.governance.policy import Law
from broker.core.governance.policy_data import CalendarYear, Confidence

_ELSEWHERE: Final = Calendar(frozenset(), frozenset(), frozenset())


class Terms(BaseModel):
    """How long there is to file, and how long a paper lasts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cite: Annotated[str, Field(min_length=3)]
    confidence: Confidence
    working_days: Annotated[int, Field(gt=0, le=366)] | None = None
    years: Annotated[int, Field(gt=0, le=50)] | None = None


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    terms: Mapping[str, Terms]
    calendar: Mapping[str, tuple[CalendarYear, ...]]


@dataclass(frozen=True, slots=True)
class FilingRules:
    """`calendars`: by jurisdiction, without the Mainland's, which the law of transfers brings."""

    version: str
    terms: Mapping[str, Terms]
    calendars: Mapping[str, Calendar]

    @classmethod
    def load(cls, text: str | None = None) -> Self:
        """From TOML text, or from the packaged data. Raises ValueError for anything incomplete."""
        source = text or (resources.files("broker.core") / "data" / "filings.toml").read_text(encoding="utf-8")
        try:
            data = _File.model_validate(tomllib.loads(source))
        except ValidationError as error:
            raise ValueError(f"the filing data is not valid: {error}") from None
        if missing := {"standard_contract", "certification"} - data.terms.keys():
            raise ValueError(f"the filing data has no terms for {', '.join(sorted(missing))}")
        return cls(data.version, data.terms, {place: Calendar.of(years) for place, years in data.calendar.items()})

    def calendar(self, place: str, law: Law) -> Calendar:
        """Working days where a party files. A place without a calendar counts Monday to Friday, provisionally."""
        return law.calendar if place == "CN" else self.calendars.get(place, _ELSEWHERE)
