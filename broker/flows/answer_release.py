"""A person answers one page of a waiting authorization request: yes or no to one release, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from broker.core.consent import ConsentStatus
from broker.core.identity_release import IdentityRelease
from broker.core.purpose import Recipient
from broker.core.rulebook import Rulebook
from broker.flows.agree_release import Reworded, agree_release
from broker.flows.cover_release import release_digest
from broker.flows.ports import KeyStore, Work
from broker.wire.keys import Entropy, Signer


@dataclass(frozen=True, slots=True)
class Answer:
    """`chosen` None: refused. Otherwise the optional claims that were ticked, for how many days it may hold, and the
    language and digest of the notice that was read.
    """

    chosen: frozenset[str] | None
    days: int = 1
    language: str = "en"
    shown: bytes = b""


def answer_release(
    work: Work,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    receipt_signer: Signer,
    issuer: str,
    handle_hash: bytes,
    traveller: UUID,
    recipient: Recipient,
    release: IdentityRelease,
    answer: Answer,
    at: datetime,
    entropy: Entropy,
) -> UUID | Reworded | None:
    """The consent that was given, or None. The first answer to a page stands: a form sent twice changes nothing.
    Reworded is no answer: the question stays open.

    Raises InvalidInput, UnknownTraveller.
    """
    # (1) one person's answers one after another
    work.travellers.lock(traveller)
    digest = release_digest(release)
    earlier = work.answers.of(handle_hash, traveller)
    if digest in earlier:
        return earlier[digest]
    # (2) no is an answer that needs no reason; it is kept only as long as the request waits
    consent_id = None
    if answer.chosen is None:
        _note_declined(work, traveller, release)
    else:
        given = agree_release(
            work,
            keys=keys,
            rulebook=rulebook,
            receipt_signer=receipt_signer,
            issuer=issuer,
            traveller=traveller,
            recipient=recipient,
            release=release,
            chosen=answer.chosen,
            days=answer.days,
            language=answer.language,
            shown=answer.shown,
            at=at,
            entropy=entropy,
        )
        if isinstance(given, Reworded):
            return given
        consent_id = given.record.consent_id
    work.answers.add(handle_hash, traveller, digest, consent_id=consent_id, at=at)
    return consent_id


def unanswered(
    work: Work, *, handle_hash: bytes, traveller: UUID, releases: Sequence[IdentityRelease]
) -> tuple[IdentityRelease, ...]:
    """Those of `releases` without an answer yet, in their order."""
    answers = work.answers.of(handle_hash, traveller)
    return tuple(release for release in releases if release_digest(release) not in answers)


def _note_declined(work: Work, traveller: UUID, release: IdentityRelease) -> None:
    """Where all that the client needs stands already, a no is about the optional rest: it is not asked for again."""
    standing = work.consents.standing(traveller, release.purpose, release.recipient)
    if standing is None or standing.status is not ConsentStatus.ACTIVE:
        return
    if release.claims - release.optional <= standing.categories:
        work.consents.note_declined(standing.consent_id, release.optional - standing.categories)
