"""A login at an identity provider becomes a traveller: the same one every time that identity logs in."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from broker.core.sealing import SALT_BYTES, seal
from broker.core.traveller import CLAIMS, JURISDICTION, PORTRAIT, Traveller, identity_digest
from broker.flows.ports import Entry, KeyStore, Work
from broker.wire.identity_grant import IdentityGrant
from broker.wire.keys import Entropy


@dataclass(frozen=True, slots=True)
class Linked:
    """Whom the login belongs to, and whether it was their first."""

    traveller: UUID
    first: bool


def link_identity(
    work: Work, *, keys: KeyStore, link_secret: bytes, grant: IdentityGrant, at: datetime, entropy: Entropy
) -> Linked:
    """Find or make the traveller of `grant` and seal what the authority says about them.

    The upstream issuer and subject are kept as a digest keyed by the 32-byte `link_secret` only. The portrait is kept,
    sealed, only until a face is enrolled.
    """
    # (1) whose login this is; of two first logins at the same moment one makes the traveller and the other finds it
    digest = identity_digest(link_secret, issuer=grant.issuer, subject=grant.subject)
    known = work.travellers.find_by_identity(digest)
    first = False
    if known is None:
        if grant.claims is None:
            raise LookupError("a login without claims is nobody's first")
        jurisdiction = JURISDICTION[grant.claims.document_type]
        fresh = Traveller(UUID(bytes=entropy(16), version=4), grant.provider, jurisdiction, at)
        first = work.travellers.claim_identity(digest, fresh)
        known = fresh.traveller_id if first else work.travellers.find_by_identity(digest)
        if known is None:
            raise LookupError("an identity was claimed by somebody who is not there")
    traveller = work.travellers.lock(known).traveller_id

    # (2) their key: made before the commit, so that no committed traveller lacks one; a rollback leaves an unused key
    if first:
        keys.create(traveller)
    key = keys.key(traveller)

    # (3) what the authority says, sealed
    if grant.claims is not None:
        claims = seal(grant.claims.model_dump_json().encode(), key=key, context=CLAIMS, salt=entropy(SALT_BYTES))
        work.travellers.keep_claims(
            traveller, claims, evidence=grant.evidence_hash, auth_time=grant.auth_time, acr=grant.acr
        )
    if grant.portrait is not None and work.templates.find(traveller) is None:
        portrait = seal(grant.portrait, key=key, context=PORTRAIT, salt=entropy(SALT_BYTES))
        work.travellers.keep_portrait(traveller, portrait, at)

    # (4) the journal
    entry = Entry(
        kind="traveller:identity:linked" if first else "traveller:identity:confirmed",
        clear={"provider": grant.provider, "acr": str(grant.acr)},
        personal={"evidence": grant.evidence_hash.hex(), "auth_time": grant.auth_time.isoformat()},
        traveller=traveller,
        traveller_key=key,
    )
    work.journal.append(entry, at=at, entropy=entropy)
    return Linked(traveller, first)
