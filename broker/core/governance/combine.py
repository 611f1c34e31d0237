"""A ruling is one rule's word on a release; combined, the strictest mechanism and the strictest gate win."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from broker.core.governance.codes import Duty, Flag, Gate, Mechanism, Subtype, Why
from broker.core.governance.policy import PolicyError
from broker.core.governance.policy_data import Provision, Restriction

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one rule says. `mechanism` None: nothing about the mechanism. `rules`: the grounds, in order of use.

    `counted`: the release, once made, belongs in the statutory count of the year.
    """

    mechanism: Mechanism | None = None
    gate: Gate = Gate.ALLOW
    rules: tuple[Provision | Restriction, ...] = ()
    reasons: tuple[Why, ...] = ()
    flags: tuple[Flag, ...] = ()
    obligations: tuple[Duty, ...] = ()
    alternatives: tuple[Mechanism, ...] = ()
    subtype: Subtype | None = None
    counted: bool = False

    @property
    def decided(self) -> Mechanism:
        """The mechanism. Raises PolicyError when no rule named one."""
        if self.mechanism is None:
            raise PolicyError("no rule says how such a release is to be treated")
        return self.mechanism


def combine(rulings: Iterable[Ruling]) -> Ruling:
    """All rulings as one, never looser than any of them. Raises PolicyError when none names a mechanism.

    Reasons, flags, duties and grounds are joined in order. A release that any ruling counts is counted.
    """
    listed = tuple(rulings)
    mechanisms = [ruling.mechanism for ruling in listed if ruling.mechanism is not None]
    if not mechanisms:
        raise PolicyError("no rule says how such a release is to be treated")
    gate = max((ruling.gate for ruling in listed), key=lambda g: g.strictness)
    return Ruling(
        mechanism=max(mechanisms, key=lambda m: m.strictness),
        gate=gate,
        rules=_joined(ruling.rules for ruling in listed),
        reasons=_joined(ruling.reasons for ruling in listed),
        flags=_joined(ruling.flags for ruling in listed),
        obligations=_joined(ruling.obligations for ruling in listed),
        # A way out is worth naming only while the release waits for one.
        alternatives=_joined(ruling.alternatives for ruling in listed) if gate is Gate.HOLD else (),
        subtype=next((ruling.subtype for ruling in listed if ruling.subtype is not None), None),
        counted=any(ruling.counted for ruling in listed),
    )


def _joined(parts: Iterable[tuple[T, ...]]) -> tuple[T, ...]:
    seen: list[T] = []
    for part in parts:
        for item in part:
            if item not in seen:
                seen.append(item)
    return tuple(seen)
