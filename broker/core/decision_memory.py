"""Decisions over releases that nothing counts, remembered by everything they turned on (specs/governance.md 9).

The rules are pure, so the same facts under the same law on the same day have the same answer. Of the instant they read
no more than that: which law is in force, and the day in Shanghai (the year of the counts, working days).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from broker.core.governance.decision import Decision

MOST: Final = 1024
"""Remembered at once: purposes, recipients and ages of a broker's ordinary day. Beyond it everything is forgotten."""


@dataclass(frozen=True, slots=True)
class TurnedOn:
    """`facts`: all that goes into the facts of the release but its instant, none of it somebody's name or number;
    `law`: the hash of the rules in force.
    """

    facts: tuple[object, ...]
    law: str
    day: date


@dataclass(slots=True)
class DecisionMemory:
    """For one statement of the operator. Threads may share it: each step is one operation on a dictionary."""

    _known: dict[TurnedOn, Decision] = field(default_factory=dict)

    def recall(self, turned_on: TurnedOn, decide: Callable[[], Decision]) -> Decision:
        """What `decide` says, asked once. Raises what it raises, and remembers nothing of that."""
        known = self._known.get(turned_on)
        if known is None:
            known = decide()
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[turned_on] = known
        return known
