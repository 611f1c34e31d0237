"""Our own grading of a release by sensitivity and quantity. It may only tighten what the law says."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from broker.core.governance.codes import Band, Duty, Flag, Gate
from broker.core.governance.combine import Ruling
from broker.core.governance.facts import Facts
from broker.core.governance.policy import Law
from broker.core.governance.policy_data import Category, OverlayEdition, Step


@dataclass(frozen=True, slots=True)
class Grade:
    """The score with its parts, the band, and the quantity from which a recipient's volume is looked at again.

    `quantity` None: no category of the release is graded. `aggravated`: a circumstance, and not the level of the data
    alone, speaks against the release.
    """

    score: int
    parts: tuple[tuple[str, int], ...]
    band: Band
    quantity: Fraction | None
    exceeded: bool
    aggravated: bool


def grade(facts: Facts, law: Law) -> Grade:
    """Horizontal (level of the data) plus vertical (context), then the floors under the band."""
    table = law.overlay
    categories = _graded_categories(facts, law)
    parts = (
        ("level", _level(categories, table)),
        ("scale", _step(table.scale, facts.recipient_ytd_after).points),
        ("identity", _identity(facts, table)),
        ("region", table.region[facts.subjects.region]),
        ("linkage", facts.linkage),
        ("industry", table.industry[facts.industry]),
        ("storage", table.storage[facts.storage]),
        ("trust", table.trust[facts.recipient.trust]),
    )
    score = sum(points for _, points in parts)
    quantity = _quantity(facts, categories, table)
    exceeded = quantity is not None and facts.recipient_ytd_after > quantity
    aggravated = exceeded or any(points > 0 for name, points in parts if name in table.aggravating)
    band = _band(facts, categories, table, score, exceeded=exceeded)
    return Grade(score, parts, band, quantity, exceeded, aggravated)


def tighten(ruling: Ruling, graded: Grade, law: Law) -> Ruling:
    """`ruling` under the overlay: amber asks for a review, red holds and reports. Never looser, mechanism untouched.

    Amber reached by the level of the data alone changes nothing by itself: the law has weighed sensitivity already.
    """
    flags = (Flag.GRADED_QUANTITY_EXCEEDED,) if graded.exceeded else ()
    gate, duties = _consequence(graded, law.overlay)
    if ruling.gate is Gate.DENY:
        duties = ()  # nothing leaves, so there is nothing to review or to report
    return replace(
        ruling,
        gate=ruling.gate.at_least(gate),
        flags=(*ruling.flags, *flags),
        obligations=tuple(dict.fromkeys((*ruling.obligations, *duties))),
        alternatives=ruling.alternatives,
    )


def linkage(quasi_identifiers: int, *, complementary_data: bool, stable_identifier: bool) -> int:
    """How easily the release joins with other data, 0 to 25: the `linkage` fact of a release.

    Five for each quasi-identifier beyond the second, ten when the recipient holds complementary data, ten when the
    release carries an identifier that is stable and global.
    """
    return min(25, 5 * max(0, quasi_identifiers - 2) + 10 * complementary_data + 10 * stable_identifier)


def _graded_categories(facts: Facts, law: Law) -> tuple[Category, ...]:
    """The categories released, and that of minors where the youngest person is one."""
    names = facts.data.categories
    if names and facts.subjects.min_age < law.overlay.minor_below:
        names = (*names, law.overlay.minor_category)
    return law.categories_of(names)


def _level(categories: Sequence[Category], table: OverlayEdition) -> int:
    """The highest level's points, and some for each further category that is high itself, to a cap."""
    if not categories:
        return 0
    high = sum(_is_high(category, table) for category in categories)
    further = min(table.further_cap, table.further_points * max(0, high - 1))
    return max(table.level_points[category.level] for category in categories) + further


def _is_high(category: Category, table: OverlayEdition) -> bool:
    return table.level_points[category.level] >= table.level_points[table.further_from]


def _identity(facts: Facts, table: OverlayEdition) -> int:
    subjects = facts.subjects
    years = subjects.former_years
    if subjects.identity == "former" and years is not None and years >= table.former_decays_after_years:
        return table.former_decayed_points
    return table.identity[subjects.identity]


def _quantity(facts: Facts, categories: Sequence[Category], table: OverlayEdition) -> Fraction | None:
    """The lowest graded quantity among the categories, scaled by trust and linkage. Exact: never a float."""
    graded = [table.graded_quantity[c.id] for c in categories if c.id in table.graded_quantity]
    if not graded:
        return None
    percent = table.trust_percent[facts.recipient.trust] * _step(table.linkage_percent, facts.linkage).percent
    return Fraction(min(graded) * percent, 100 * 100)


def _band(facts: Facts, categories: Sequence[Category], table: OverlayEdition, score: int, *, exceeded: bool) -> Band:
    by_score = Band.RED if score >= table.red_from else Band.AMBER if score >= table.amber_from else Band.GREEN
    floor = Band.AMBER if exceeded else Band.GREEN
    if facts.subjects.identity == "current":
        # People who hold such an office now: never below amber, and red as soon as anything high is released.
        floor = Band.RED if any(_is_high(category, table) for category in categories) else Band.AMBER
    return max(by_score, floor, key=lambda band: band.strictness)


def _consequence(graded: Grade, table: OverlayEdition) -> tuple[Gate, tuple[Duty, ...]]:
    if graded.band is Band.RED:
        return Gate.HOLD, table.red_obligations
    if graded.band is Band.AMBER and graded.aggravated:
        return Gate.ALLOW_WITH_CONDITIONS, table.amber_obligations
    return Gate.ALLOW, ()


def _step(steps: Sequence[Step], value: int) -> Step:
    """The first step that `value` is below. Policies end each scale with an unbounded step."""
    return next(step for step in steps if step.below is None or value < step.below)
