"""An auditor or a regulator looks at a release that was drawn; an auditor may open what is sealed about the person,
for a written reason that the person can read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from broker.core.journal import JournalEntry
from broker.core.sample import LOOKED, OPENED, Ground, Sample, SampleRefused, may_audit
from broker.core.staff import Role, Staff
from broker.flows.ports import Entry, InclusionProof, KeyStore, Work
from broker.wire.keys import Entropy


@dataclass(frozen=True, slots=True)
class SampleSeen:
    """The sample, its entry as everybody may read it, and where it is in the log."""

    sample: Sample
    entry: JournalEntry
    proof: InclusionProof


def look_at_sample(
    work: Work, *, release: bytes, member: Staff, at: datetime, entropy: Entropy
) -> SampleSeen | SampleRefused:
    """What the journal's clear part says. Journalled: who looked, and in which role."""
    sample, entry, proof = work.samples.find(release), work.samples.entry(release), work.journal.proof(release)
    if sample is None or entry is None or proof is None:
        return SampleRefused.UNKNOWN
    role = Role.AUDITOR if member.may(Role.AUDITOR) else Role.REGULATOR
    clear = {"release": release.hex(), "by": member.staff_id, "role": role.value}
    work.journal.append(Entry(LOOKED, clear), at=at, entropy=entropy)
    return SampleSeen(sample, entry, proof)


def open_sample(
    work: Work,
    *,
    keys: KeyStore,
    release: bytes,
    auditor: Staff,
    ground: Ground,
    reason: str,
    at: datetime,
    entropy: Entropy,
) -> Mapping[str, Any] | SampleRefused:
    """The entry's personal fields, for the auditor who has claimed it. The journal says so in the clear, with the
    ground; the reason in full is sealed under the person's own key: their access log shows it, and an erasure ends it.
    """
    sample, entry = work.samples.lock(release), work.samples.entry(release)
    if sample is None or entry is None:
        return SampleRefused.UNKNOWN
    if not may_audit(auditor):
        return SampleRefused.CLOSED_TO_YOU
    if not sample.held_by(auditor.staff_id, at=at):
        return SampleRefused.DONE if sample.finding is not None else SampleRefused.NOT_YOURS
    person = work.samples.person_of(release, sample.hour)
    if person is None or entry.sealed is None:
        return SampleRefused.ERASED
    try:
        key = keys.key(person)
    except LookupError:
        return SampleRefused.ERASED
    opened = entry.open(key)
    clear = {"release": release.hex(), "auditor": auditor.staff_id, "ground": ground.value}
    personal = {"reason": reason, "at": at.isoformat()}
    work.journal.append(Entry(OPENED, clear, personal, person, key), at=at, entropy=entropy)
    return opened
