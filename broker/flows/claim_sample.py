"""An auditor takes a release that was drawn: the next one, or a certain one. Two auditors never get the same."""

from datetime import datetime

from broker.core.sample import CLAIMED, Sample, SampleRefused, may_audit
from broker.core.staff import Staff
from broker.flows.ports import Entry, Work
from broker.wire.keys import Entropy


def claim_sample(
    work: Work, *, auditor: Staff, at: datetime, entropy: Entropy, release: bytes | None = None
) -> Sample | SampleRefused:
    """The sample, the auditor's for CLAIM_LASTS. UNKNOWN: there is none to have; DONE: that one was found on;
    NOT_YOURS: somebody else has it. Journalled.
    """
    if not may_audit(auditor):
        return SampleRefused.CLOSED_TO_YOU
    claimed = work.samples.claim(auditor.staff_id, release=release, at=at)
    if claimed is None:
        return _why_not(work, release)
    clear = {"release": claimed.release.hex(), "auditor": auditor.staff_id}
    work.journal.append(Entry(CLAIMED, clear), at=at, entropy=entropy)
    return claimed


def _why_not(work: Work, release: bytes | None) -> SampleRefused:
    found = None if release is None else work.samples.find(release)
    if found is None:
        return SampleRefused.UNKNOWN
    return SampleRefused.DONE if found.finding is not None else SampleRefused.NOT_YOURS
