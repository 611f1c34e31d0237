"""A person leaves: passes revoked, everything about them deleted, their key destroyed (specs/enrolment.md 6)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from broker.core.consent import ConsentStatus
from broker.core.ending import Ending
from broker.core.epoch import dies_at
from broker.core.erasure_certificate import Destroyed
from broker.flows.consent_changes import end_grants
from broker.flows.end_logins import end_all_logins
from broker.flows.ports import BeginWork, Entry, KeyStore, Work
from broker.flows.revocation import revoke_all
from broker.wire.keys import Entropy, Signer


@dataclass(frozen=True, slots=True)
class Erasure:
    """Done at `at` but for codes on the person's own phone, whose last epoch secret dies at `complete_at`. `leaf`: the
    journal's entry.
    """

    at: datetime
    complete_at: datetime
    destroyed: Destroyed
    leaf: bytes


def erase(work: Work, *, status_signer: Signer, traveller: UUID, at: datetime, entropy: Entropy) -> Erasure:
    """Delete the person. Commit this work, then call `destroy_erased_keys`. Raises UnknownTraveller.

    Order matters: the key is destroyed only after the deletion is durable, and a crash in between is made good by the
    next `destroy_erased_keys`. The other way round a failed commit would leave a person whose data nobody can open.
    """
    work.travellers.lock(traveller)
    epoch = work.passes.latest_offline_epoch(traveller)
    complete_at = at if epoch is None else max(at, dies_at(epoch))
    consents = work.consents.of(traveller)
    destroyed = Destroyed(
        face_templates=int(work.templates.find(traveller) is not None),
        portraits=int(work.travellers.portrait(traveller) is not None),
        claims=int(work.travellers.claims(traveller) is not None),
        identities=len(work.identities.of(traveller)),
        consents=len(consents),
        passes_revoked=revoke_all(work, work.passes.live(traveller, at=at), status_signer=status_signer, at=at),
    )
    for record, _ in consents:
        if record.status in (ConsentStatus.ACTIVE, ConsentStatus.PAUSED):
            end_grants(work, record, "consent.withdrawn", at=at, entropy=entropy)
    end_all_logins(work, traveller, Ending.ERASED, at=at, entropy=entropy)
    work.passes.forget(traveller)
    work.templates.discard(traveller)
    work.consents.forget(traveller)
    work.answers.forget(traveller)
    work.logins.forget_traveller(traveller)
    work.approvals.forget(traveller)
    work.journal.forget(traveller)
    work.rights.forget(traveller)
    work.travellers.erase(traveller, complete_at=complete_at, at=at)
    leaf = work.journal.append(
        Entry("traveller:account:erased", {"complete_at": complete_at.isoformat()}), at=at, entropy=entropy
    )
    return Erasure(at, complete_at, destroyed, leaf)


def destroy_erased_keys(begin: BeginWork, *, keys: KeyStore, at: datetime) -> int:
    """Destroy the keys of everybody whose erasure has committed; returns how many. Safe to repeat, also
    after a crash.
    """
    with begin() as work:
        waiting = tuple(work.travellers.erased_with_key())
    for traveller in waiting:
        keys.destroy(traveller)
        with begin() as work:
            work.travellers.confirm_key_destroyed(traveller, at)
    return len(waiting)
