"""An identity leaves a person: they unlink it here, or revoke us at the provider, which tells us so."""

from datetime import datetime
from uuid import UUID

from broker.core.denial import Denied, Refusal
from broker.core.ending import Ending
from broker.core.linking import IdentityLink
from broker.core.traveller import identity_digest
from broker.flows.end_logins import end_logins_at
from broker.flows.ports import Entry, KeyStore, Work
from broker.wire.keys import Entropy


def unlink_identity(
    work: Work, *, keys: KeyStore, traveller: UUID, link_id: UUID, at: datetime, entropy: Entropy
) -> IdentityLink | Denied:
    """Remove one of a person's identities with its upstream tokens, and end the logins that rest on it.

    Denied: identity_unknown, last_identity. The traveller's lock puts two unlinkings in order, so that one stays.
    Raises UnknownTraveller.
    """
    work.travellers.lock(traveller)
    links = work.identities.of(traveller)
    link = next((link for link in links if link.link_id == link_id), None)
    if link is None:
        return Denied(Refusal.IDENTITY_UNKNOWN, "no such identity is linked to this person")
    if not any(other.withdrawn_at is None for other in links if other is not link):
        return Denied(Refusal.LAST_IDENTITY, "the last identity that can log in stays: erase the account instead")
    work.identities.remove(link.digest)
    _end(work, keys, link, Ending.IDENTITY_UNLINKED, at=at, entropy=entropy)
    return link


def withdraw_identity(
    work: Work,
    *,
    keys: KeyStore,
    link_secret: bytes,
    provider: str,
    issuer: str,
    subject: str,
    at: datetime,
    entropy: Entropy,
) -> IdentityLink | None:
    """The person revoked us at the provider: its tokens, and the logins that rest on it, end. The mark on the link goes
    with the next login there. None when nobody is linked to that identity.
    """
    digest = identity_digest(link_secret, issuer=issuer, subject=subject)
    link = work.identities.find(digest)
    if link is None or link.provider != provider:
        return None
    work.travellers.lock(link.traveller)
    work.identities.mark_withdrawn(digest, at)
    _end(work, keys, link, Ending.IDENTITY_WITHDRAWN, at=at, entropy=entropy)
    return link


def _end(work: Work, keys: KeyStore, link: IdentityLink, ending: Ending, *, at: datetime, entropy: Entropy) -> None:
    work.tokens.destroy(link.traveller, link.provider)
    end_logins_at(work, link.traveller, link.provider, ending, at=at, entropy=entropy)
    happened = "unlinked" if ending is Ending.IDENTITY_UNLINKED else "withdrawn"
    kind = f"traveller:identity:{happened}"
    entry = Entry(kind, {"provider": link.provider}, None, link.traveller, keys.key(link.traveller))
    work.journal.append(entry, at=at, entropy=entropy)
