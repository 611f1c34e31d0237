"""One release as the transfer rules see it: who exports, to whom, what, about whom; and which counts it moves.

Facts that an operator states are data (data/transfers.toml); the rest comes from the release itself and the ledger.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import IntFlag
from importlib import resources
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from broker.core.decision_memory import DecisionMemory
from broker.core.governance import facts as governance
from broker.core.governance.decision import Decision
from broker.core.governance.policy import Law, Policy
from broker.core.governance.rules import Rule
from broker.core.standing_papers import Papers, no_papers
from broker.wire.identity_grant import DocumentType

Trust = Literal["A", "B", "C", "D", "X"]
Kind = Literal["company", "state_organ"]
Industry = Literal["general", "transport_finance_health", "border_security"]
Identity = Literal["none", "family", "temporary", "former", "current"]
Region = Literal["none", "sensitive", "core"]
Storage = Literal["transient_24h", "le_30d", "gt_30d", "central_biometric"]


class Held(IntFlag):
    """The counts of a year that a person is in: two classes, each net (what the law counts) and gross (everything); and
    the recipient's.
    """

    NONE = 0
    NONSENSITIVE = 1
    SENSITIVE = 2
    GROSS_NONSENSITIVE = 4
    GROSS_SENSITIVE = 8
    AT_RECIPIENT = 16


class ExporterProfile(BaseModel):
    """The operator as exporter under the law of one jurisdiction."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    group: str | None = None
    origin: str
    city: str
    gba_registered: bool
    ciio: bool
    processes_persons: Annotated[int, Field(ge=0)]
    pia_done: bool
    artefacts: frozenset[governance.Artefact] = frozenset()

    @property
    def counted_as(self) -> str:
        """Affiliates that split one purpose are counted together."""
        return self.group or self.id


class RecipientProfile(BaseModel):
    """What is known about recipients of one jurisdiction."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trust: Trust
    gba_registered: bool
    art42_listed: bool = False


_UNLISTED: Final = RecipientProfile(trust="X", gba_registered=False)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    exporters: tuple[ExporterProfile, ...]
    recipients: Mapping[str, RecipientProfile] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TransferProfiles:
    """Every exporter, by the jurisdiction whose law binds it, and what is known about recipients. `papers`: filings and
    assessments that stand, which count beside what the operator states here.
    """

    version: str
    exporters: Mapping[str, ExporterProfile]
    recipients: Mapping[str, RecipientProfile]
    papers: Papers = no_papers

    @classmethod
    def load(cls, text: str | None = None) -> Self:
        """From TOML text, or from the packaged data. Raises ValueError for anything incomplete or ambiguous."""
        source = text or (resources.files("broker.core") / "data" / "transfers.toml").read_text(encoding="utf-8")
        try:
            data = _File.model_validate(tomllib.loads(source))
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
            raise ValueError(f"the transfer data is not valid: {wrong}") from None
        exporters = {exporter.origin: exporter for exporter in data.exporters}
        if len(exporters) != len(data.exporters) or not exporters:
            raise ValueError("the transfer data names one exporter for each jurisdiction, and at least one")
        return cls(data.version, exporters, dict(data.recipients))

    def exporter(self, origin: str) -> ExporterProfile:
        """Raises FactsError where nobody is named: nothing may leave from there."""
        try:
            return self.exporters[origin]
        except KeyError:
            raise governance.FactsError(f"no exporter is named for data that reside in {origin!r}") from None

    def recipient(self, jurisdiction: str) -> RecipientProfile:
        return self.recipients.get(jurisdiction, _UNLISTED)


@dataclass(frozen=True, slots=True)
class TransferRules:
    """What decisions are made by: the law as data, and the operator's statement."""

    policy: Policy
    profiles: TransferProfiles
    memory: DecisionMemory = field(default_factory=DecisionMemory, init=False, repr=False, compare=False)

    @classmethod
    def load(cls, statement: str | None = None) -> Self:
        """The packaged law; the operator's statement as TOML, or the packaged one. Raises PolicyError, ValueError."""
        return cls(Policy.load(), TransferProfiles.load(statement))


class PurposeTerms(BaseModel):
    """What a purpose states about its law, as data: who exports under it, on which basis, for which line of work, and
    how long the recipient keeps what it gets.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Annotated[Kind, Field(validation_alias="exporter_kind")]
    basis: governance.Basis
    industry: Industry
    storage: Storage

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """What an entry of a data file states. Raises ValueError, by its name, for anything missing: nothing is taken
        for granted here, the articles least of all.
        """
        name = str(entry.get("id"))
        if not str(entry.get("legal_basis") or "").strip():
            raise ValueError(f"{name} states no legal basis")
        try:
            return cls.model_validate(entry)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
            raise ValueError(f"{name} does not state its law: {wrong}") from None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is about to leave: one person's data, for one purpose, to one recipient. Its consent carried the notice of
    PIPL article 39: every notice of ours does. `beside`: what this recipient receives about people under its other
    purposes.
    """

    recipient_id: str
    jurisdiction: str
    categories: tuple[str, ...]
    terms: PurposeTerms
    purpose: str
    guardian: bool | None = None
    beside: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Subject:
    """The person, as far as the rules ask. `origin` is the jurisdiction their data reside in; `documents`, by type and
    number, are what the lists of special people are asked with, and shown by no `repr`.
    """

    origin: str
    age: int
    identity: Identity = "none"
    region: Region = "none"
    former_years: int | None = None
    documents: tuple[tuple[DocumentType, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Counted:
    """What the ledger says before the release."""

    nonsensitive: int = 0
    sensitive: int = 0
    at_recipient: int = 0
    held: Held = Held.NONE
    met: bool = False
    us_persons: int = 0


NOTHING_COUNTED: Final = Counted()
"""Of a release that stays where its data reside."""


def full_years(since: date, today: date) -> int:
    """Birthdays, or anniversaries, that have passed; 0 for a day to come."""
    return max(0, today.year - since.year - ((today.month, today.day) < (since.month, since.day)))


def classes_of(outgoing: Outgoing, subject: Subject, law: Law) -> Held:
    """The net classes the release belongs to: a person is counted in both where both kinds of data leave."""
    personal = [category for category in law.categories_of(outgoing.categories) if category.personal]
    young = subject.age < law.rule(Rule.CN_MINORS).numbers["age_below"]
    classes = Held.NONE
    if any(category.sensitive for category in personal) or (personal and young):
        classes |= Held.SENSITIVE
    if any(not category.sensitive for category in personal) and not young:
        classes |= Held.NONSENSITIVE
    return classes


def additions(classes: Held, decision: Decision) -> Held:
    """The counts a permitted release enters the person in; none where the law of origin keeps no count."""
    if decision.counters is None:
        return Held.NONE
    gross = Held(int(classes) << 2)
    return (classes | gross) if decision.counters.counted else gross


@dataclass(frozen=True, slots=True)
class Entered:
    """What one release newly counted its person in, by the ledger's own word: whose year it is, and which counts."""

    exporter: str
    recipient: str
    counts: Held

    @property
    def stated(self) -> dict[str, str | list[str]]:
        """For the clear part of the journal's entry: with these, every total can be recomputed from the log alone."""
        names = [str(one.name).lower() for one in self.counts]
        return {"exporter": self.exporter, "recipient": self.recipient, "in": names}


def exporter_edges(law: Law) -> tuple[int, ...]:
    """The counts of a year at which the answer of the law of origin changes."""
    assessment = law.rule(Rule.CN_ASSESSMENT).numbers
    volume = law.rule(Rule.CN_VOLUME).numbers["nonsensitive_below"]
    return (volume, assessment["nonsensitive_from"], assessment["sensitive_from"])


def recipient_edges(law: Law) -> tuple[int, ...]:
    """The persons at one recipient at which our own grading changes, whatever the tier of trust."""
    steps = {step.below for step in law.overlay.scale if step.below is not None}
    graded = {
        quantity * percent // 100
        for quantity in law.overlay.graded_quantity.values()
        for percent in law.overlay.trust_percent.values()
    }
    return tuple(sorted(steps | graded))
