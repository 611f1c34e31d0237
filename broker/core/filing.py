"""Filings that the law asks for: when each is due, what it makes true, and until when (specs/filings.md)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from broker.core.denial import InvalidInput
from broker.core.filing_rules import FilingRules
from broker.core.governance.calendar import SHANGHAI, Calendar, shanghai_date, years_after
from broker.core.governance.facts import Artefact
from broker.core.governance.policy import Law, Policy
from broker.core.governance.rules import Rule
from broker.core.standing_papers import StandingFiling

EXPIRING_WITHIN: Final = timedelta(days=183)
"""Ours, not the law's: how long before its end a paper is called expiring, where no earlier day to act is set."""
_MAX_TEXT: Final = 200
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2200, 1, 1)


class FilingKind(StrEnum):
    """What is filed, or obtained."""

    GBA_CONTRACT = "gba_contract"
    STANDARD_CONTRACT = "standard_contract"
    CERTIFICATION = "certification"
    SECURITY_ASSESSMENT = "security_assessment"
    FACE_STORE = "face_store"


class FilingState(StrEnum):
    """How a filing is at an instant."""

    DUE = "due"
    OVERDUE = "overdue"
    FILED = "filed"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    ENDED = "ended"


ARTEFACTS: Final[Mapping[FilingKind, Artefact]] = {
    FilingKind.GBA_CONTRACT: "gba_sc_filed",
    FilingKind.STANDARD_CONTRACT: "scc_filed",
    FilingKind.CERTIFICATION: "certification",
    FilingKind.SECURITY_ASSESSMENT: "assessment_passed",
}
_BAY_AREA: Final = frozenset({("CN", "HK"), ("HK", "CN"), ("CN", "MO"), ("MO", "CN")})


@dataclass(frozen=True, slots=True)
class Filing:
    """One paper. `effective`: the contract takes effect, the result or certificate is dated, the threshold is reached.

    `party`: the recipient, or "*" for every one at `destination`; a face store names the authority. `evidence`:
    SHA-256 of what was filed or received. `ends`: the last day, where the paper itself names one. Days are Shanghai's.
    """

    filing_id: UUID
    kind: FilingKind
    exporter: str
    origin: str
    party: str
    destination: str | None
    effective: date
    added_at: datetime
    filed_on: date | None = None
    reference: str | None = None
    evidence: bytes | None = None
    ends: date | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FilingDates:
    """What follows. `due`: the last day to file. `expires`: the last day it counts; `until`: the instant it stops.

    `extend_by`: the last day to ask for an extension. `provisional`: a year is touched whose holidays are not
    published; Monday to Friday were counted there.
    """

    due: date | None
    expires: date | None
    until: datetime | None
    extend_by: date | None
    provisional: bool
    cite: str
    confidence: str


def check_filing(filing: Filing) -> Filing:
    """The same filing. Raises InvalidInput for one that the law does not know or that contradicts itself."""
    for text in (filing.party, filing.exporter, filing.reference or "-"):
        if not text.strip() or len(text) > _MAX_TEXT or not text.isprintable():
            raise InvalidInput("bad_filing", f"party and reference have 1 to {_MAX_TEXT} printable characters")
    named = [day for day in (filing.effective, filing.filed_on, filing.ends) if day is not None]
    if not all(_FIRST_DAY <= day < _LAST_DAY for day in named):
        raise InvalidInput("bad_date", f"days lie between {_FIRST_DAY} and {_LAST_DAY}")
    if filing.kind is FilingKind.GBA_CONTRACT and (filing.origin, filing.destination or "") not in _BAY_AREA:
        raise InvalidInput("bad_destination", "the bay-area contracts are between the Mainland and Hong Kong or Macau")
    if filing.kind is FilingKind.FACE_STORE and filing.origin != "CN":
        raise InvalidInput("bad_filing", "stored faces are filed on the Mainland (CAC Order 19 art 15)")
    if filing.kind is not FilingKind.FACE_STORE and filing.destination in (None, filing.origin):
        raise InvalidInput("bad_destination", "name the jurisdiction abroad that the paper is about")
    told = (filing.filed_on, filing.reference, filing.evidence)
    if any(part is None for part in told) and any(part is not None for part in told):
        raise InvalidInput("bad_filing", "what was filed has a day, a reference number and its evidence")
    if filing.ends is not None and filing.ends < filing.effective:
        raise InvalidInput("bad_date", "a paper ends after it takes effect")
    if filing.filed_on is not None and filing.filed_on < filing.effective:
        raise InvalidInput("bad_date", "a paper is filed once it has taken effect, not before")
    return filing


def dates_of(filing: Filing, policy: Policy, rules: FilingRules) -> FilingDates:
    """Worked out by the law of the day it took effect. Raises PolicyError when no rule was in force then."""
    law = policy.at(_midnight(filing.effective))
    calendar = rules.calendar(filing.origin, law)
    match filing.kind:
        case FilingKind.GBA_CONTRACT:
            rule = Rule.GBA_MACAU if "MO" in (filing.origin, filing.destination) else Rule.GBA_HONG_KONG
            return _dates(
                filing, calendar, *_of_law(law, rule), working_days=law.rule(rule).numbers["filing_working_days"]
            )
        case FilingKind.FACE_STORE:
            numbers = law.rule(Rule.CN_FACE_FILING).numbers
            return _dates(filing, calendar, *_of_law(law, Rule.CN_FACE_FILING), working_days=numbers["working_days"])
        case FilingKind.SECURITY_ASSESSMENT:
            numbers = law.rule(Rule.CN_ASSESSMENT_VALIDITY).numbers
            grounds = _of_law(law, Rule.CN_ASSESSMENT_VALIDITY)
            extension = numbers["extension_working_days"]
            return _dates(filing, calendar, *grounds, years=numbers["years"], extension=extension)
        case FilingKind.STANDARD_CONTRACT | FilingKind.CERTIFICATION:
            terms = rules.terms[filing.kind.value]
            return _dates(
                filing, calendar, terms.cite, terms.confidence, working_days=terms.working_days, years=terms.years
            )


def state_of(filing: Filing, dates: FilingDates, at: datetime) -> FilingState:
    """At an aware instant. Days end at 24:00 in Shanghai (Civil Code 203)."""
    if filing.ended_at is not None and at >= filing.ended_at:
        return FilingState.ENDED
    if filing.filed_on is None and dates.due is not None:
        return FilingState.OVERDUE if at >= _midnight(dates.due + _DAY) else FilingState.DUE
    if filing.filed_on is None:
        return FilingState.DUE
    if dates.until is None:
        return FilingState.FILED
    if at >= dates.until:
        return FilingState.EXPIRED
    soon = dates.until - EXPIRING_WITHIN
    if dates.extend_by is not None:
        soon = min(soon, _midnight(dates.extend_by))
    return FilingState.EXPIRING if at >= soon else FilingState.FILED


def standing_filing(filing: Filing, dates: FilingDates) -> StandingFiling | None:
    """What the filing makes true for decisions; None while it is not filed, or where it is no ground of transfer."""
    artefact = ARTEFACTS.get(filing.kind)
    if artefact is None or filing.filed_on is None or filing.destination is None:
        return None
    ends = [moment for moment in (dates.until, filing.ended_at) if moment is not None]
    since, until = _midnight(filing.filed_on), min(ends, default=None)
    return StandingFiling(artefact, filing.exporter, filing.party, filing.destination, since, until)


def days_left(day: date, at: datetime) -> int:
    """Whole days from today in Shanghai to `day`; negative when it is past."""
    return (day - shanghai_date(at)).days


_DAY: Final = timedelta(days=1)


def _of_law(law: Law, rule: Rule) -> tuple[str, str]:
    provision = law.rule(rule)
    return provision.cite, provision.confidence


def _dates(
    filing: Filing,
    calendar: Calendar,
    cite: str,
    confidence: str,
    *,
    working_days: int | None = None,
    years: int | None = None,
    extension: int | None = None,
) -> FilingDates:
    due = None if working_days is None else calendar.after(filing.effective, working_days)
    ends = [day for day in (filing.ends, None if years is None else years_after(filing.effective, years)) if day]
    expires = min(ends, default=None)
    extend_by = None if extension is None or expires is None else calendar.before(expires, extension)
    reckoned = [(filing.effective, due)] if due else []
    reckoned += [(extend_by, expires)] if extend_by and expires else []
    provisional = any(not calendar.published(first, last) for first, last in reckoned)
    until = None if expires is None else _midnight(expires + _DAY)
    return FilingDates(due, expires, until, extend_by, provisional, cite, confidence)


def _midnight(day: date) -> datetime:
    """The first instant of a day in Shanghai."""
    return datetime.combine(day, time(), SHANGHAI)
