"""A face is enrolled: one capture, compared once with the authority's portrait, becomes a sealed template.

The same capture sent again, because the answer was lost, finds its enrolment and changes nothing.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from broker.core.denial import Denied, Refusal
from broker.core.departure import OwnUse
from broker.core.purpose import FACE_ENROLMENT
from broker.core.rulebook import Rulebook
from broker.core.sealing import SALT_BYTES, seal
from broker.core.travel import SealedTemplate, digest_of_capture, template_context
from broker.flows.covering import standing_for
from broker.flows.opening import open_portrait
from broker.flows.ports import BeginWork, Entry, Examined, FaceExaminer, KeyStore, NotAccepted, Work
from broker.flows.revocation import revoke_all
from broker.wire.keys import Entropy, Signer


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The face is in."""

    template_id: UUID


def enrol(
    begin: BeginWork,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    examiner: FaceExaminer,
    status_signer: Signer,
    traveller: UUID,
    capture: bytes,
    at: datetime,
    entropy: Entropy,
) -> Enrolled | Denied:
    """Two transactions around the examination, so that none stays open while a model runs.

    `capture`: JPEG or PNG. Denied, and journalled: consent_missing, no_portrait, or what the examiner saw
    (not_same_person, ...). Raises UnknownTraveller, ExaminerUnavailable.
    """
    use = rulebook.use(traveller, FACE_ENROLMENT, None)

    # (1) consent, and the authority's portrait
    with begin() as work:
        work.travellers.lock(traveller)
        key, seeds = keys.key(traveller), keys.seeds(traveller)
        covered = standing_for(work, traveller, [use], at=at)
        if isinstance(covered, Denied):
            return _refuse(work, traveller, key, covered, at=at, entropy=entropy)
        digest = digest_of_capture(capture, key=key)
        before = _made_from(work, traveller, digest)
        if before is not None:
            return before
        sealed = work.travellers.portrait(traveller)
        if sealed is None:
            missing = Denied(Refusal.NO_PORTRAIT, "log in again, so that the authority sends its portrait")
            return _refuse(work, traveller, key, missing, at=at, entropy=entropy)
        kept = open_portrait(work, sealed, traveller=traveller, key=key)
        portrait = kept.for_own_use(OwnUse.ENROLMENT)

    # (2) quality, one face, the same person: in the face engine's own process
    seen = examiner.examine(capture, portrait, seeds)

    # (3) consent again: it may have been withdrawn while the engine looked
    with begin() as work:
        work.travellers.lock(traveller)
        covered = standing_for(work, traveller, [use], at=at)
        if isinstance(covered, Denied):
            return _refuse(work, traveller, key, covered, at=at, entropy=entropy)
        if isinstance(seen, NotAccepted):
            not_accepted = Denied(seen.reason, f"the {seen.image} was refused")
            return _refuse(work, traveller, key, not_accepted, at=at, entropy=entropy)
        # Sent twice at once: the other one was faster.
        meanwhile = _made_from(work, traveller, digest)
        if meanwhile is not None:
            return meanwhile
        return _keep(work, traveller, key, seen, digest, status_signer=status_signer, at=at, entropy=entropy)


def _made_from(work: Work, traveller: UUID, digest: bytes) -> Enrolled | None:
    """The enrolment that stands, when it came from the capture with that digest."""
    kept = work.templates.find(traveller)
    if kept is None or kept.capture_digest is None or not hmac.compare_digest(kept.capture_digest, digest):
        return None
    return Enrolled(kept.template_id)


def _refuse(work: Work, traveller: UUID, key: bytes, denied: Denied, *, at: datetime, entropy: Entropy) -> Denied:
    entry = Entry("traveller:face:refused", {"reasons": [denied.reason.value]}, None, traveller, key)
    work.journal.append(entry, at=at, entropy=entropy)
    return denied


def _keep(
    work: Work,
    traveller: UUID,
    key: bytes,
    seen: Examined,
    digest: bytes,
    *,
    status_signer: Signer,
    at: datetime,
    entropy: Entropy,
) -> Enrolled:
    """Seal the template, drop the portrait, and revoke passes that committed to an earlier template."""
    template_id = UUID(bytes=entropy(16), version=4)
    context = template_context(template_id)
    sealed = seal(seen.template.encode(), key=key, context=context, salt=entropy(SALT_BYTES))
    stale = work.passes.live(traveller, at=at)
    revoke_all(work, stale, status_signer=status_signer, at=at)
    work.templates.store(SealedTemplate(template_id, traveller, sealed, at, digest))
    work.travellers.discard_portrait(traveller)
    work.journal.append(_entry(traveller, key, seen), at=at, entropy=entropy)
    return Enrolled(template_id)


def _entry(traveller: UUID, key: bytes, seen: Examined) -> Entry:
    embedders: Sequence[str] = [part.embedder for part in seen.template.parts]
    return Entry(
        kind="traveller:face:enrolled",
        clear={
            "embedders": list(embedders),
            "models": dict(seen.model_hashes),
            "thresholds": seen.thresholds_hash,
        },
        personal={"score": seen.score, "threshold": seen.threshold},
        traveller=traveller,
        traveller_key=key,
    )
