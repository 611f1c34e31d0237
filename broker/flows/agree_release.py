"""A person agrees to one release to one partner. The page that asked is the caller's: broker origin, nothing ticked."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from broker.core.consent import ConsentRecord, ConsentStatus
from broker.core.denial import InvalidInput
from broker.core.identity_release import IdentityRelease
from broker.core.partner_purpose import limit_of, together
from broker.core.purpose import Notice, Recipient
from broker.core.rulebook import Rulebook
from broker.flows.enter_consent import Given, enter_consent
from broker.flows.ports import KeyStore, Work
from broker.wire.keys import Entropy, Signer


@dataclass(frozen=True, slots=True)
class Question:
    """What the page shows: the notice, the claims that are new (to be ticked where they are optional), those that were
    agreed to before, and for how many days the answer may hold.
    """

    release: IdentityRelease
    notice: Notice
    required: tuple[str, ...]
    optional: tuple[str, ...]
    agreed: tuple[str, ...]
    days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reworded:
    """What would be recorded is another text than the person read. Nothing was entered: they are to read and decide
    again.
    """


def pose(
    work: Work,
    *,
    rulebook: Rulebook,
    traveller: UUID,
    recipient: Recipient,
    release: IdentityRelease,
    language: str,
    at: datetime,
) -> Question:
    """What the person is to read and may choose about `release`. Raises InvalidInput, UnknownTraveller.

    A wider request asks only for what is new; the notice is about everything that would then be allowed.
    """
    standing = _kept(work, rulebook, traveller, recipient, release, at=at)
    effective = release if standing is None else together(standing, release)
    agreed = frozenset[str]() if standing is None else standing.categories
    origin = work.travellers.find(traveller).jurisdiction
    return Question(
        effective,
        rulebook.partner.notice(effective, recipient, language, origin=origin),
        tuple(sorted(release.claims - release.optional - agreed)),
        tuple(sorted(release.optional - agreed)),
        tuple(sorted(agreed)),
        rulebook.partner.days(effective),
    )


def agree_release(
    work: Work,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    receipt_signer: Signer,
    issuer: str,
    traveller: UUID,
    recipient: Recipient,
    release: IdentityRelease,
    chosen: frozenset[str],
    days: int,
    language: str,
    shown: bytes,
    at: datetime,
    entropy: Entropy,
) -> Given | Reworded:
    """Enter a consent to the required claims of `release` and to the optional ones in `chosen`, for `days` days.
    `shown` is the digest of the notice that the person read.

    What stood for that purpose and recipient is superseded by a next version, which also covers what stood. Optional
    claims left out are noted, so that they are not asked for again. Raises InvalidInput, UnknownTraveller.
    """
    # (1) the very text that was shown, and an answer that fits it
    work.travellers.lock(traveller)
    question = pose(
        work,
        rulebook=rulebook,
        traveller=traveller,
        recipient=recipient,
        release=release,
        language=language,
        at=at,
    )
    if question.notice.reference().digest != shown:
        return Reworded()
    if not chosen <= frozenset(question.optional):
        raise InvalidInput("unknown_claim", "only optional claims of this release can be chosen")
    granted = frozenset(question.required) | frozenset(question.agreed) | chosen
    if not granted:
        raise InvalidInput("nothing_chosen", "at least one claim has to be chosen")
    if days not in question.days:
        raise InvalidInput("bad_until", "not one of the durations that were offered")

    # (2) the record, the next version of what stood
    before = work.consents.standing(traveller, release.purpose, recipient.recipient_id)
    if before is not None and before.valid_until <= at:
        work.consents.settle(before.consent_id, ConsentStatus.EXPIRED, at)
        before = None
    purpose = rulebook.partner.purpose(release.purpose)
    consent_id = UUID(bytes=entropy(16), version=4)
    record = ConsentRecord(
        consent_id=consent_id,
        traveller=traveller,
        purpose=purpose.purpose_id,
        recipient=recipient.recipient_id,
        controller=recipient.controller.controller_id,
        categories=granted,
        legal_basis=purpose.legal_basis,
        exporter_kind=purpose.exporter_kind,
        notice=question.notice.reference(),
        given_at=at,
        valid_from=at,
        valid_until=at + timedelta(days=days),
        frequency=limit_of(question.release),
        retention=question.release.retention,
        jurisdiction=recipient.jurisdiction,
        version=1 if before is None else before.version + 1,
        series=consent_id if before is None else before.series_id,
        supersedes=None if before is None else before.consent_id,
    )

    # (3) artefact, journal, receipt, ledger; and what was left out
    given = enter_consent(
        work,
        record,
        question.notice,
        superseded=before,
        keys=keys,
        receipt_signer=receipt_signer,
        issuer=issuer,
        at=at,
        entropy=entropy,
    )
    left_out = frozenset(question.optional) - chosen
    if left_out:
        work.consents.note_declined(consent_id, left_out)
    return given


def _kept(
    work: Work, rulebook: Rulebook, traveller: UUID, recipient: Recipient, release: IdentityRelease, *, at: datetime
) -> ConsentRecord | None:
    """The record that stands and still covers something for this recipient: what a new version would carry on.

    Not one beyond the purpose as it is now: a ceiling that was lowered is not raised again by renewing.
    """
    record = work.consents.standing(traveller, release.purpose, recipient.recipient_id)
    if record is None or record.status is not ConsentStatus.ACTIVE or not record.valid_from <= at < record.valid_until:
        return None
    if record.controller != recipient.controller.controller_id or record.frequency is None:
        return None
    if record.frequency.per is None and work.consents.used(record.consent_id) >= record.frequency.times:
        return None
    return record if rulebook.partner.allows(together(record, release)) else None
