"""The facts of one release, frozen. Nothing here has a default: what the law turns on must be stated, never assumed."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1, max_length=128)]
# Far enough from either end of the calendar that no date reckoned from it overflows.
Instant = Annotated[AwareDatetime, Field(ge=datetime(1990, 1, 1, tzinfo=UTC), lt=datetime(3000, 1, 1, tzinfo=UTC))]
Persons = Annotated[int, Field(ge=0, le=10**11)]
Basis = Literal["consent", "contract", "hr", "emergency", "statutory"]
Artefact = Literal[
    "gba_sc_filed",
    "scc_filed",
    "certification",
    "assessment_passed",
    "art36_assessment",
    "pdpb_authorisation",
    "us_cisa_requirements_met",
]


class FactsError(ValueError):
    """The facts name something that the rules do not know: a category, a jurisdiction. Nothing was decided."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Exporter(_Frozen):
    """Who lets the data go. `origin`: the jurisdiction whose law binds it. `group`: affiliates counted with it."""

    id: Name
    group: Name | None
    origin: Name
    city: Name
    gba_registered: bool
    kind: Literal["company", "state_organ"]
    ciio: bool
    processes_persons: Persons


class Recipient(_Frozen):
    """Who receives. `trust`: our tier A to D, X for none. `art42_listed`: on the restricted list of PIPL article 42."""

    id: Name
    jurisdiction: Name
    gba_registered: bool
    trust: Literal["A", "B", "C", "D", "X"]
    art42_listed: bool
    foreign_judicial: bool


class Data(_Frozen):
    """What is released. An empty tuple of categories: no personal information at all."""

    categories: Annotated[tuple[Name, ...], Field(strict=False, max_length=64)]
    important: Literal["none", "suspected", "notified"]
    overseas_origin_only: bool
    encrypted: bool


class Subjects(_Frozen):
    """Whom it is about. `new_*`: persons this release would add to the exporter's count of the year, by class."""

    new_nonsensitive: Persons
    new_sensitive: Persons
    min_age: Annotated[int, Field(ge=0, le=150)]
    identity: Literal["none", "family", "temporary", "former", "current"]
    former_years: Annotated[int, Field(ge=0, le=120)] | None
    region: Literal["none", "sensitive", "core"]


class Count(_Frozen):
    """Distinct persons already counted, by class."""

    nonsensitive: Persons
    sensitive: Persons


class Consent(_Frozen):
    """What stands of the person's consent. `guardian` None: not asked."""

    separate: bool
    bundled: bool
    withdrawn: bool
    art39_notice: bool
    guardian: bool | None
    purpose_match: bool


class Facts(_Frozen):
    """One release. `at` is its own instant: it picks the rules in force and the year of the count.

    `before` is the count of that year in Asia/Shanghai (the exporter's whole group where it has one);
    `before_previous_year` is carried for the record and never added. `recipient_ytd_after`, `us_persons_12m` and
    `local_face_store` are counts after this release. `purpose` is its id at the exporter, if it has one. `linkage` is 0
    to 25 (see `overlay.linkage`).
    """

    at: Instant
    exporter: Exporter
    recipient: Recipient
    data: Data
    subjects: Subjects
    before: Count
    before_previous_year: Count
    recipient_ytd_after: Persons
    us_persons_12m: Persons
    local_face_store: Persons | None
    purpose: Name | None
    basis: Basis
    necessary: bool
    consent: Consent
    pia_done: bool
    artefacts: Annotated[frozenset[Artefact], Field(strict=False)]
    ftz: Literal["none", "on_list", "off_list"]
    declared_exclusion: bool
    onward_outside_gba: bool
    nonbiometric_alternative: bool
    industry: Literal["general", "transport_finance_health", "border_security"]
    storage: Literal["transient_24h", "le_30d", "gt_30d", "central_biometric"]
    template_storage: Literal["on_device", "central_person_key", "central_operator_key"] | None
    transfer_form: Literal["push", "remote_query"]
    internal_only: bool
    incident_to_travel: bool
    data_brokerage: bool
    linkage: Annotated[int, Field(ge=0, le=25)]

    @property
    def stays_inside(self) -> bool:
        """Whether nothing leaves the jurisdiction. A query from outside is an export, whatever else is said."""
        same = self.recipient.jurisdiction == self.exporter.origin
        return same or (self.internal_only and self.transfer_form == "push")
