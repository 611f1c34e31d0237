"""A filing is entered, filed, or ended. The journal names the paper and the digest of its evidence, no person."""

from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from broker.core.denial import InvalidInput
from broker.core.filing import Filing, FilingDates, check_filing, dates_of
from broker.core.filing_rules import FilingRules
from broker.core.governance.policy import Policy, PolicyError
from broker.flows.ports import Entry, Work
from broker.wire.keys import Entropy


def record_filing(
    work: Work, filing: Filing, *, policy: Policy, rules: FilingRules, at: datetime, entropy: Entropy
) -> FilingDates:
    """Enter it; returns what follows from it. Raises InvalidInput."""
    dates = _checked(filing, policy, rules)
    work.filings.add(filing)
    _journal(work, filing, "entered", at=at, entropy=entropy)
    return dates


def note_filed(
    work: Work,
    filing_id: UUID,
    *,
    on: date,
    reference: str,
    evidence: bytes,
    policy: Policy,
    rules: FilingRules,
    at: datetime,
    entropy: Entropy,
) -> Filing:
    """It was filed, and the authority gave it a number. Raises InvalidInput, also when it was filed before."""
    found = known_filing(work, filing_id)
    if found.filed_on is not None or found.ended_at is not None:
        raise InvalidInput("filing_settled", "that filing was filed or ended before")
    filed = replace(found, filed_on=on, reference=reference, evidence=evidence)
    _checked(filed, policy, rules)
    work.filings.change(filed)
    _journal(work, filed, "filed", at=at, entropy=entropy)
    return filed


def end_filing(work: Work, filing_id: UUID, *, at: datetime, entropy: Entropy) -> Filing:
    """The contract ended, or the paper was withdrawn: from now on it makes nothing true. Raises InvalidInput."""
    found = known_filing(work, filing_id)
    if found.ended_at is not None:
        raise InvalidInput("filing_settled", "that filing was ended before")
    ended = replace(found, ended_at=at)
    work.filings.change(ended)
    _journal(work, ended, "ended", at=at, entropy=entropy)
    return ended


def known_filing(work: Work, filing_id: UUID) -> Filing:
    """The filing, locked. Raises InvalidInput."""
    found = work.filings.lock(filing_id)
    if found is None:
        raise InvalidInput("unknown_filing", "no filing has that id")
    return found


def _checked(filing: Filing, policy: Policy, rules: FilingRules) -> FilingDates:
    check_filing(filing)
    try:
        return dates_of(filing, policy, rules)
    except PolicyError as error:
        raise InvalidInput("bad_date", f"no rule about it was in force on {filing.effective}") from error


def _journal(work: Work, filing: Filing, verb: str, *, at: datetime, entropy: Entropy) -> None:
    clear = {
        "filing": str(filing.filing_id),
        "paper": filing.kind.value,
        "exporter": filing.exporter,
        "party": filing.party,
        "effective": filing.effective.isoformat(),
    }
    if filing.reference is not None and filing.evidence is not None:
        clear |= {"reference": filing.reference, "evidence": filing.evidence.hex()}
    work.journal.append(Entry(f"operator:filing:{verb}", clear), at=at, entropy=entropy)
