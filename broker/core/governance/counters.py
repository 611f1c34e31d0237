"""The statutory count of the year as one release leaves it (Order 16: distinct persons since 1 January, Shanghai)."""

from dataclasses import dataclass

from broker.core.governance.calendar import shanghai_date
from broker.core.governance.facts import Facts
from broker.core.governance.policy import Law
from broker.core.governance.rules import Rule


@dataclass(frozen=True, slots=True)
class ThresholdWarning:
    """A class nears a threshold: `percent` is the highest warning mark reached, 100 when the threshold itself is."""

    counted_class: str
    threshold: int
    percent: int


@dataclass(frozen=True, slots=True)
class Counters:
    """Prospective counts: what they will be once the release is made. A hold or a denial counts nothing.

    Net leaves out releases that are exempt whatever their count (the prevailing reading); gross holds every release.
    """

    year: int
    counted: bool
    nonsensitive: int
    sensitive: int
    gross_nonsensitive: int
    gross_sensitive: int
    warnings: tuple[ThresholdWarning, ...]


def after(facts: Facts, law: Law, *, counted: bool) -> Counters:
    """`counted`: whether the release adds to the net count."""
    before, new = facts.before, facts.subjects
    gross = before.nonsensitive + new.new_nonsensitive, before.sensitive + new.new_sensitive
    net = gross if counted else (before.nonsensitive, before.sensitive)
    bounds = law.rule(Rule.CN_ASSESSMENT).numbers
    volume = law.rule(Rule.CN_VOLUME).numbers["nonsensitive_below"]
    warnings = (
        _warning("nonsensitive", net[0], volume, law),
        _warning("nonsensitive", net[0], bounds["nonsensitive_from"], law),
        _warning("sensitive", net[1], bounds["sensitive_from"], law),
    )
    return Counters(
        year=shanghai_date(facts.at).year,
        counted=counted,
        nonsensitive=net[0],
        sensitive=net[1],
        gross_nonsensitive=gross[0],
        gross_sensitive=gross[1],
        warnings=tuple(warning for warning in warnings if warning is not None),
    )


def _warning(counted_class: str, count: int, threshold: int, law: Law) -> ThresholdWarning | None:
    reached = [mark for mark in (*law.overlay.warn_percent, 100) if count * 100 >= threshold * mark]
    return ThresholdWarning(counted_class, threshold, max(reached)) if reached else None
