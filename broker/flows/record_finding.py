"""An auditor says what they found of a release, and later that what was to be done is done."""

from datetime import datetime

from broker.core.sample import FOUND, SETTLED, Finding, Sample, SampleRefused, SampleState, may_audit
from broker.core.staff import Staff
from broker.flows.ports import Entry, Work
from broker.wire.keys import Entropy


def record_finding(
    work: Work, *, release: bytes, auditor: Staff, finding: Finding, at: datetime, entropy: Entropy
) -> Sample | SampleRefused:
    """Of a sample that this auditor has claimed, once. The journal says the verdict and a hash of the text: what an
    auditor writes may name a person, so the text itself stays where it can be deleted.
    """
    sample = work.samples.lock(release)
    if sample is None:
        return SampleRefused.UNKNOWN
    if not may_audit(auditor):
        return SampleRefused.CLOSED_TO_YOU
    if not sample.held_by(auditor.staff_id, at=at):
        return SampleRefused.DONE if sample.finding is not None else SampleRefused.NOT_YOURS
    changed = sample.found(finding)
    work.samples.change(changed)
    clear = {
        "release": release.hex(),
        "day": sample.day.isoformat(),
        "auditor": auditor.staff_id,
        "verdict": finding.verdict.value,
        "follow_up": bool(finding.follow_up),
        "text": finding.text_hash.hex(),
    }
    work.journal.append(Entry(FOUND, clear), at=at, entropy=entropy)
    return changed


def settle_finding(
    work: Work, *, release: bytes, auditor: Staff, at: datetime, entropy: Entropy
) -> Sample | SampleRefused:
    """The auditor who found it closes it."""
    sample = work.samples.lock(release)
    if sample is None:
        return SampleRefused.UNKNOWN
    if sample.auditor != auditor.staff_id or not may_audit(auditor):
        return SampleRefused.NOT_YOURS
    if sample.state is not SampleState.FOLLOWED:
        return SampleRefused.DONE
    changed = sample.settled(at)
    work.samples.change(changed)
    clear = {"release": release.hex(), "auditor": auditor.staff_id}
    work.journal.append(Entry(SETTLED, clear), at=at, entropy=entropy)
    return changed
