"""A held login is settled: the person, logged in with another identity, takes it, or an officer decides."""

from datetime import datetime
from uuid import UUID

from broker.core.denial import Denied, Refusal
from broker.core.linking import HeldIdentity, IdentityLink, may_confirm
from broker.flows.link_identity import replace_identity
from broker.flows.ports import Entry, KeyStore, Work
from broker.wire.keys import Entropy


def confirm_identity(
    work: Work,
    *,
    keys: KeyStore,
    traveller: UUID,
    held_id: UUID,
    browser: bytes,
    auth_time: datetime,
    at: datetime,
    entropy: Entropy,
) -> IdentityLink | Denied:
    """The person, logged in as `traveller` at `auth_time` with another identity, takes what waits in the same browser.

    `browser`: digest of the secret that the browser got when the login was held. Denied: identity_unknown.
    """
    work.travellers.lock(traveller)
    held = work.identities.held(held_id, lock=True)
    allowed = held is not None and may_confirm(held, traveller=traveller, browser=browser, auth_time=auth_time, at=at)
    if held is None or not allowed:
        return Denied(Refusal.IDENTITY_UNKNOWN, "nothing of this person's waits in this browser")
    return _link(work, keys, held, by={"by": "traveller"}, at=at, entropy=entropy)


def settle_identity(
    work: Work, *, keys: KeyStore, held_id: UUID, same_person: bool, officer: str, at: datetime, entropy: Entropy
) -> IdentityLink | Denied:
    """An officer, who saw the documents, says whether it is the same person. Denied: identity_unknown, or
    identity_refused when it is not (the hold ends; the next login is held again).
    """
    held = work.identities.held(held_id)
    if held is None or held.expires_at <= at:
        return Denied(Refusal.IDENTITY_UNKNOWN, "no such login waits")
    work.travellers.lock(held.traveller)
    held = work.identities.held(held_id, lock=True)
    if held is None:
        return Denied(Refusal.IDENTITY_UNKNOWN, "no such login waits")
    by = {"by": "officer", "officer": officer}
    if same_person:
        return _link(work, keys, held, by=by, at=at, entropy=entropy)
    work.identities.let_go(held_id)
    _journal(work, keys, held, "traveller:identity:refused", by, at=at, entropy=entropy)
    return Denied(Refusal.IDENTITY_REFUSED, "an officer found another person")


def _link(
    work: Work, keys: KeyStore, held: HeldIdentity, *, by: dict[str, str], at: datetime, entropy: Entropy
) -> IdentityLink | Denied:
    for link in work.identities.of(held.traveller):
        if link.provider == held.provider:
            replace_identity(work, link, at=at, entropy=entropy)
    link = IdentityLink(
        UUID(bytes=entropy(16), version=4), held.digest, held.traveller, held.provider, held.acr, at, None
    )
    work.identities.let_go(held.held_id)
    if not work.identities.add(link):
        return Denied(Refusal.IDENTITY_UNKNOWN, "the identity was linked to another person meanwhile")
    _journal(work, keys, held, "traveller:identity:linked", by, at=at, entropy=entropy)
    return link


def _journal(
    work: Work, keys: KeyStore, held: HeldIdentity, kind: str, by: dict[str, str], *, at: datetime, entropy: Entropy
) -> None:
    clear = {"provider": held.provider, "acr": held.acr, **by}
    entry = Entry(kind, clear, {"held": str(held.held_id)}, held.traveller, keys.key(held.traveller))
    work.journal.append(entry, at=at, entropy=entropy)
