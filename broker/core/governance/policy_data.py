"""The shape of the rule data (data/*.toml). Every entry is dated and cited and says how sure its reading is."""

from datetime import date, datetime
from typing import Annotated, Literal, Self, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from broker.core.governance.codes import Duty, Gate
from broker.core.governance.facts import Facts, Recipient, Subjects
from broker.core.governance.rules import Rule

# verified_primary: the statute was read; verified_secondary: an official notice or a reliable quotation was read;
# mixed: part read, part from memory; memory; uncertain: the reading is open; policy: ours, not law.
Confidence = Literal["verified_primary", "verified_secondary", "mixed", "memory", "uncertain", "policy"]
Level = Literal["none", "S0", "S1", "S2", "S3", "S4", "S5"]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Dated(_Data):
    """In force in [since, until). Written `from` in the files."""

    since: AwareDatetime = Field(alias="from")
    until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.until is not None and self.until <= self.since:
            raise ValueError("an edition must begin before it ends")
        return self

    def in_force(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)


class Provision(Dated):
    """One edition of one rule: where it is written, how sure we are, its figures, and the duties it brings."""

    id: Rule
    cite: str = Field(min_length=3)
    confidence: Confidence
    numbers: dict[str, Annotated[int, Field(ge=0)]] = {}
    terms: dict[str, tuple[str, ...]] = {}
    obligations: tuple[Duty, ...] = ()
    note: str = ""


class Category(Dated):
    """A kind of data. `level` is the overlay's; the rest is law: PIPL 28, Macau 7, GDPR 9, 28 CFR 202.205."""

    id: str = Field(min_length=1)
    level: Level
    personal: bool = True
    sensitive: bool = False
    macau_sensitive: bool = False
    gdpr_special: bool = False
    us_class: str | None = None
    cite: str
    confidence: Confidence


class Step(_Data):
    """One step of a scale. `below` None: the last, unbounded step."""

    below: int | None = None
    points: int = 0
    percent: Annotated[int, Field(ge=0, le=100)] = 100


class OverlayEdition(Dated):
    """Our own grading: it may only tighten. Points for the level (horizontal) and the context (vertical)."""

    version: str
    confidence: Literal["policy"]
    cite: str
    level_points: dict[Level, int]
    further_from: Level
    further_points: Annotated[int, Field(ge=0)]
    further_cap: Annotated[int, Field(ge=0)]
    minor_below: int
    minor_category: str
    scale: tuple[Step, ...]
    identity: dict[str, int]
    former_decays_after_years: int
    former_decayed_points: int
    region: dict[str, int]
    industry: dict[str, int]
    storage: dict[str, int]
    trust: dict[str, int]
    amber_from: int
    red_from: int
    aggravating: tuple[Literal["scale", "identity", "region", "linkage", "storage", "trust"], ...]
    graded_quantity: dict[str, Annotated[int, Field(gt=0)]]
    trust_percent: dict[str, Annotated[int, Field(ge=0, le=100)]]
    linkage_percent: tuple[Step, ...]
    warn_percent: tuple[Annotated[int, Field(gt=0, lt=100)], ...]
    amber_obligations: tuple[Duty, ...]
    red_obligations: tuple[Duty, ...]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for table, model, field in (
            (self.identity, Subjects, "identity"),
            (self.region, Subjects, "region"),
            (self.trust, Recipient, "trust"),
            (self.trust_percent, Recipient, "trust"),
            (self.industry, Facts, "industry"),
            (self.storage, Facts, "storage"),
        ):
            if set(table) != set(get_args(model.model_fields[field].annotation)):
                raise ValueError(f"the overlay must grade every value of {field}, and no other")
        if set(self.level_points) != set(get_args(Level)):
            raise ValueError("the overlay must give points to every level")
        for steps in (self.scale, self.linkage_percent):
            bounds = [step.below for step in steps]
            if not bounds or bounds[-1] is not None or None in bounds[:-1]:
                raise ValueError("a scale ends with exactly one unbounded step")
            if sorted(b for b in bounds if b is not None) != bounds[:-1]:
                raise ValueError("the steps of a scale must rise")
        if self.amber_from >= self.red_from:
            raise ValueError("amber must begin before red")
        return self


class Restriction(Dated):
    """A time-boxed order to hold or deny: it meets every release that fits all of its non-empty lists."""

    id: str = Field(min_length=1)
    cite: str = Field(min_length=3)
    confidence: Confidence
    until: AwareDatetime
    gate: Literal[Gate.HOLD, Gate.DENY]
    exporters: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    jurisdictions: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _meets_something(self) -> Self:
        if not (self.exporters or self.recipients or self.jurisdictions or self.purposes or self.categories):
            raise ValueError("a restriction must say whom or what it meets")
        return self


class CalendarYear(_Data):
    """The published holiday arrangement of one year in one jurisdiction: days off, weekend days worked instead."""

    jurisdiction: Literal["CN", "HK", "MO"] = "CN"
    year: int
    cite: str
    confidence: Confidence
    off: tuple[date, ...]
    worked: tuple[date, ...] = ()

    @model_validator(mode="after")
    def _within_the_year(self) -> Self:
        if any(day.year != self.year for day in (*self.off, *self.worked)) or set(self.off) & set(self.worked):
            raise ValueError(f"calendar {self.year} names a day of another year, or one both off and worked")
        return self


class PolicyFile(_Data):
    """One file of rule data; files are read together."""

    provision: tuple[Provision, ...] = ()
    category: tuple[Category, ...] = ()
    overlay: tuple[OverlayEdition, ...] = ()
    restriction: tuple[Restriction, ...] = ()
    calendar: tuple[CalendarYear, ...] = ()

    def merged(self, other: "PolicyFile") -> "PolicyFile":
        return PolicyFile(
            provision=(*self.provision, *other.provision),
            category=(*self.category, *other.category),
            overlay=(*self.overlay, *other.overlay),
            restriction=(*self.restriction, *other.restriction),
            calendar=(*self.calendar, *other.calendar),
        )
