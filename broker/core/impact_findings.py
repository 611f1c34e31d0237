"""What follows from a configuration without anybody's opinion: criteria met, cases of the law, risks with measures."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from broker.core.governance.policy import Law
from broker.core.governance.policy_data import Confidence
from broker.core.governance.rules import Rule
from broker.core.impact_configuration import Configuration

When = Literal["always", "never", "face", "sensitive", "large_scale", "minors", "others", "crossing", "offline"]
Grade = Literal["low", "medium", "high"]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Question(_Data):
    id: str
    title: str
    when: When
    yes: str = ""
    no: str = ""


class _Questions(_Data):
    cite: str
    confidence: Confidence
    list: Annotated[tuple[_Question, ...], Field(min_length=1)]


class _Risk(_Data):
    id: str
    when: When
    title: str
    harm: Grade
    likelihood: Grade
    measures: Annotated[tuple[str, ...], Field(min_length=1)]


class _File(_Data):
    version: str
    criteria: _Questions
    pipl: _Questions
    risks: tuple[_Risk, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One question answered by the configuration."""

    id: str
    title: str
    met: bool
    why: str


@dataclass(frozen=True, slots=True)
class Risk:
    """`harm` and `likelihood` as they remain with the measures that are in place."""

    id: str
    title: str
    harm: str
    likelihood: str
    measures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """`dpia_required`: as many criteria are met as the rule asks (WP248: two of nine). `pipl`: the cases of PIPL 55,
    of which one suffices.
    """

    criteria: tuple[Finding, ...]
    criteria_met: int
    dpia_required: bool
    pipl: tuple[Finding, ...]
    pia_required: bool
    risks: tuple[Risk, ...]


@dataclass(frozen=True, slots=True)
class ImpactRules:
    """The questions and risks, as data with a version."""

    data: _File

    @classmethod
    def load(cls, text: str | None = None) -> Self:
        """From TOML text, or from the packaged data. Raises ValueError for anything incomplete."""
        source = text or (resources.files("broker.core") / "data" / "impact.toml").read_text(encoding="utf-8")
        try:
            data = _File.model_validate(tomllib.loads(source))
        except ValidationError as error:
            raise ValueError(f"the impact data is not valid: {error}") from None
        if len(data.criteria.list) != 9:
            raise ValueError("WP248 has nine criteria")
        return cls(data)

    def findings(self, configuration: Configuration, law: Law, *, persons: int) -> Findings:
        """`persons`: how many are concerned, as far as anybody knows. Raises FactsError for an unknown category."""
        shown = _conditions(configuration, law, persons)
        criteria = tuple(_finding(question, shown) for question in self.data.criteria.list)
        pipl = tuple(_finding(question, shown) for question in self.data.pipl.list)
        met = sum(finding.met for finding in criteria)
        return Findings(
            criteria=criteria,
            criteria_met=met,
            dpia_required=met >= law.rule(Rule.EU_IMPACT_ASSESSMENT).numbers["criteria_from"],
            pipl=pipl,
            pia_required=any(finding.met for finding in pipl),
            risks=tuple(
                Risk(risk.id, risk.title, risk.harm, risk.likelihood, risk.measures)
                for risk in self.data.risks
                if shown[risk.when] is not None
            ),
        )


def _conditions(configuration: Configuration, law: Law, persons: int) -> Mapping[When, str | None]:
    """Each condition with what shows it; None where it does not hold."""
    activities = configuration.activities
    categories = law.categories_of(sorted({name for activity in activities for name in activity.categories}))
    sensitive = [category.id for category in categories if category.sensitive]
    biometric = [category.id for category in categories if category.us_class == "biometric"]
    abroad = sorted({place for _, place, _ in configuration.flows() if place != configuration.origin})
    others = sorted({r.recipient_id for a in activities for r in a.receivers if r.recipient_id != "broker"})
    offline = [activity.purpose_id for activity in activities if "offline" in activity.purpose_id]
    large = law.rule(Rule.EU_IMPACT_ASSESSMENT).numbers["large_scale_from"]
    people = f"{persons} persons; the figure is {large}"
    return {
        "always": "",
        "never": None,
        "face": _named(biometric),
        "sensitive": _named(sensitive),
        "large_scale": people if persons >= large else None,
        # No purpose asks for an age: children are among those who may consent, through a guardian.
        "minors": "no purpose excludes them" if activities else None,
        "others": _named(others),
        "crossing": _named(abroad),
        "offline": _named(offline),
    }


def _named(names: list[str]) -> str | None:
    return ", ".join(names) or None


def _finding(question: _Question, shown: Mapping[When, str | None]) -> Finding:
    evidence = shown[question.when]
    text = question.no if evidence is None else question.yes
    why = " ".join(part for part in (text, f"({evidence})" if evidence else "") if part)
    return Finding(question.id, question.title, evidence is not None, why)
