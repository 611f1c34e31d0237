"""The totals of a year recomputed from the journal's entries alone (specs/transfer-ledger.md 6)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from broker.core.governance.calendar import shanghai_date
from broker.core.journal import JournalEntry
from broker.core.transfer import Held

EXPORTER_COUNTS = (Held.NONSENSITIVE, Held.SENSITIVE, Held.GROSS_NONSENSITIVE, Held.GROSS_SENSITIVE)
_NAMES = {str(one.name).lower(): one for one in Held if one}


@dataclass(frozen=True, slots=True)
class Line:
    """One count of one party, in a year."""

    party: str
    count: Held

    def __str__(self) -> str:
        return f"{self.party} {str(self.count.name).lower()}"


@dataclass(slots=True)
class JournalTotals:
    """Feed it every entry of the log. `counts`: what those of `year` say that they newly counted. `odd`: entries whose
    word cannot be read.
    """

    year: int
    counts: Counter[Line] = field(default_factory=Counter)
    entries: int = 0
    odd: int = 0

    def add(self, entry: JournalEntry) -> None:
        said = entry.clear.get("counted")
        if said is None or shanghai_date(datetime.fromtimestamp(entry.hour, UTC)).year != self.year:
            return
        self.entries += 1
        lines = _lines(said)
        if lines is None:
            self.odd += 1
        else:
            self.counts.update(lines)


def _lines(said: object) -> list[Line] | None:
    match said:
        case {"exporter": str(exporter), "recipient": str(recipient), "in": list(names)}:
            counts = [_NAMES.get(name) if isinstance(name, str) else None for name in names]
            if None not in counts:
                return [Line(recipient if one is Held.AT_RECIPIENT else exporter, one) for one in counts if one]
    return None


def differences(*accounts: Mapping[Line, int]) -> list[Line]:
    """The counts on which the accounts do not all agree, in order."""
    lines = {line for account in accounts for line in account}
    wrong = [line for line in lines if len({account.get(line, 0) for account in accounts}) > 1]
    return sorted(wrong, key=lambda line: (line.party, line.count))
