"""Which counters are watched, and where their thresholds lie: the law's figures, and our own grading."""

from collections.abc import Collection, Iterable

from broker.core.alarm import REACHED, Reading, Threshold
from broker.core.governance.policy import Law
from broker.core.governance.rules import Rule


def exporter_readings(
    law: Law, year: int, exporter: str, *, nonsensitive: int, sensitive: int
) -> tuple[Reading, Reading]:
    """The statutory counts of one exporter. `exporter`: as the ledger names it."""
    assessment = law.rule(Rule.CN_ASSESSMENT).numbers
    volume = law.rule(Rule.CN_VOLUME).numbers["nonsensitive_below"]
    levels = _levels(law)
    return (
        Reading(
            year,
            f"nonsensitive/{exporter}",
            nonsensitive,
            (
                Threshold("order16.8", volume, levels),
                Threshold("order16.7", assessment["nonsensitive_from"], levels),
            ),
        ),
        Reading(
            year,
            f"sensitive/{exporter}",
            sensitive,
            (Threshold("order16.7", assessment["sensitive_from"], levels),),
        ),
    )


def face_reading(law: Law, year: int, origin: str, stored: int) -> Reading:
    """Faces stored in one jurisdiction: the Mainland asks for a filing."""
    limit = law.rule(Rule.CN_FACE_FILING).numbers["stored_from"]
    return Reading(year, f"stored_faces/{origin}", stored, (Threshold("face_filing", limit, _levels(law)),))


def us_reading(law: Law, year: int, pair: str, persons: int, kinds: Collection[str]) -> Reading | None:
    """Persons of the preceding twelve months for one pair of exporter and recipient. Combined data takes the lowest
    threshold (28 CFR 202.206); None where nothing of a listed kind went there.
    """
    numbers = law.rule(Rule.US_BULK).numbers
    # "More than n": the person after the n-th.
    limits = [numbers[kind] + 1 for kind in kinds]
    return (
        Reading(year, f"us_12m/{pair}", persons, (Threshold("us_bulk", min(limits), _levels(law)),)) if limits else None
    )


def graded_reading(
    law: Law, year: int, recipient: str, persons: int, *, categories: Iterable[str], trust: str
) -> Reading | None:
    """Persons of the year at one recipient, against our graded quantity for what it may receive; None where nothing it
    may receive is graded.
    """
    overlay = law.overlay
    graded = [overlay.graded_quantity[name] for name in categories if name in overlay.graded_quantity]
    if not graded:
        return None
    # Exceeded from the person after the quantity on.
    limit = min(graded) * overlay.trust_percent[trust] // REACHED + 1
    return Reading(year, f"recipient/{recipient}", persons, (Threshold("graded", limit, _levels(law)),))


def _levels(law: Law) -> tuple[int, ...]:
    return (*law.overlay.warn_percent, REACHED)
