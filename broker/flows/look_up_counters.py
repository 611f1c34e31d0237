"""How near the counts that the law keeps are to its thresholds, for anybody to see. Exact counts stay inside."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from broker.core.change_body import TrustBody
from broker.core.governance.calendar import shanghai_date
from broker.core.governance.policy import MAINLAND, Law
from broker.core.governance.policy_data import Provision
from broker.core.governance.rules import Rule
from broker.core.nearness import Span, percent_reached, span_of
from broker.core.standing_changes import StandingChanges
from broker.core.transfer import ExporterProfile, TransferRules, Trust
from broker.flows.ports import Work
from broker.flows.ports.transfers import ExporterTotal
from broker.flows.standing_changes import standing_changes

Class = Literal["nonsensitive", "sensitive", "stored_faces"]


@dataclass(frozen=True, slots=True)
class Nearness:
    """One count of one exporter against one threshold. `percent`: the highest mark reached (0, 70, 85, 95 or 100)."""

    exporter: str
    counted: Class
    threshold: int
    percent: int
    rule: Provision


# Which figure of which rule each count runs against.
_THRESHOLDS: Final[tuple[tuple[Class, Rule, str], ...]] = (
    ("nonsensitive", Rule.CN_VOLUME, "nonsensitive_below"),
    ("nonsensitive", Rule.CN_ASSESSMENT, "nonsensitive_from"),
    ("sensitive", Rule.CN_ASSESSMENT, "sensitive_from"),
    ("stored_faces", Rule.CN_FACE_FILING, "stored_from"),
)


@dataclass(frozen=True, slots=True)
class LookUp:
    """What is in force at a moment, and how near the counts are. `trust`: our tier by jurisdiction; X where it is not
    listed.
    """

    year: int
    law: Law
    counters: tuple[Nearness, ...]
    trust: Mapping[str, Trust]


def look_up_counters(work: Work, *, rules: TransferRules, at: datetime) -> LookUp:
    """The law in force, the counts of the year (Shanghai) as last committed, and the trust list."""
    standing = standing_changes(work, at)
    law = standing.policy(rules.policy).at(at)
    return LookUp(shanghai_date(at).year, law, _counters(work, rules, law, at), _trust(rules, standing, at))


def _trust(rules: TransferRules, standing: StandingChanges, at: datetime) -> Mapping[str, Trust]:
    stated = {place: profile.trust for place, profile in rules.profiles.recipients.items()}
    changed = {
        term.said.jurisdiction: term.said.tier
        for term in standing.terms
        if isinstance(term.said, TrustBody) and term.covers(at)
    }
    return dict(sorted({**stated, **changed}.items()))


def _counters(work: Work, rules: TransferRules, law: Law, at: datetime) -> tuple[Nearness, ...]:
    exporter = rules.profiles.exporters.get(MAINLAND)
    if exporter is None:
        return ()
    total = _total(work, exporter, at)
    counts: Mapping[Class, int] = {
        "nonsensitive": total.nonsensitive,
        "sensitive": total.sensitive,
        "stored_faces": work.transfers.stored_faces(MAINLAND),
    }
    return tuple(
        Nearness(
            exporter.id,
            counted,
            rule.numbers[name],
            percent_reached(counts[counted], rule.numbers[name], law.overlay.warn_percent),
            rule,
        )
        for counted, which, name in _THRESHOLDS
        if (rule := law.find(which)) is not None
    )


def spans(work: Work, exporter: ExporterProfile, law: Law, *, at: datetime) -> tuple[Span, Span]:
    """Between which counts an exporter of the Mainland stands: non-sensitive, sensitive."""
    total, marks = _total(work, exporter, at), law.overlay.warn_percent
    bounds = law.rule(Rule.CN_ASSESSMENT).numbers
    volume = law.rule(Rule.CN_VOLUME).numbers["nonsensitive_below"]
    return (
        span_of(total.nonsensitive, (volume, bounds["nonsensitive_from"]), marks),
        span_of(total.sensitive, (bounds["sensitive_from"],), marks),
    )


def _total(work: Work, exporter: ExporterProfile, at: datetime) -> ExporterTotal:
    name = f"{exporter.counted_as}/{exporter.origin}"
    listed = work.transfers.totals(shanghai_date(at).year)
    return next((total for total in listed if total.exporter == name), ExporterTotal(name, 0, 0, 0, 0))
