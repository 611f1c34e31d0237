"""A login at an identity provider becomes a traveller: the same one every time that identity logs in, and never a
second one for a person who is known (specs/linking.md).
"""

from datetime import datetime
from uuid import UUID

from broker.core.denial import UnknownTraveller
from broker.core.ending import Ending
from broker.core.linking import (
    HELD_LIFETIME,
    Held,
    HeldIdentity,
    IdentityLink,
    Linked,
    LinkOutcome,
    LinkRefusal,
    NotLinked,
    document_digests,
    held_reason,
    main_document,
)
from broker.core.sealing import SALT_BYTES, seal
from broker.core.traveller import (
    CLAIMS,
    JURISDICTION,
    PORTRAIT,
    VOUCHED,
    Traveller,
    VouchedClaims,
    identity_digest,
    tokens_context,
)
from broker.flows.end_logins import end_logins_at
from broker.flows.ports import Entry, KeyStore, Work
from broker.flows.tell_correction import correct_claims
from broker.wire.identity_grant import IdentityGrant
from broker.wire.keys import Entropy


def link_identity(
    work: Work,
    *,
    keys: KeyStore,
    link_secret: bytes,
    grant: IdentityGrant,
    at: datetime,
    entropy: Entropy,
    onto: UUID | None = None,
    browser: bytes = b"",
) -> LinkOutcome:
    """Find or make the traveller of `grant` and seal what the authority says about them.

    `onto`: the person logged in already in this browser session, who adds this identity. `browser`: digest of the
    secret that the browser keeps if the login is held. The upstream issuer and subject, and the documents, are kept as
    digests keyed by the 32-byte `link_secret` only. The portrait is kept, sealed, only until a face is enrolled.
    """
    # (1) whose login this is, by what the provider calls them: rules 1 and 5
    if grant.expires_at <= at:
        return NotLinked(LinkRefusal.EXPIRED)
    digest = identity_digest(link_secret, issuer=grant.issuer, subject=grant.subject)
    fresh = IdentityLink(
        UUID(bytes=entropy(16), version=4), digest, onto or UUID(bytes=entropy(16), version=4), grant.provider,
        str(grant.acr), at, at,
    )  # fmt: skip
    known = _locked(work, digest)
    first = False
    if known is None:
        # (2) somebody who is known by a document already, or a person adding an identity: rules 2, 3 and 4
        settled = (
            _add(work, link_secret, grant, fresh, entropy=entropy)
            if onto is not None
            else _first_login(work, link_secret, grant, fresh, browser=browser, entropy=entropy)
        )
        if isinstance(settled, NotLinked):
            return _refused(work, keys, onto, grant, settled, at=at, entropy=entropy)
        if isinstance(settled, Held):
            return _held(work, keys, settled, at=at, entropy=entropy)
        known, first = settled, settled is fresh and onto is None
    elif onto is not None and known.traveller != onto:
        return _refused(work, keys, onto, grant, NotLinked(LinkRefusal.TAKEN), at=at, entropy=entropy)
    traveller = work.travellers.lock(known.traveller).traveller_id

    # (3) their key: made before the commit, so that no committed traveller lacks one; a rollback leaves an unused key
    if first:
        keys.create(traveller)
    key = keys.key(traveller)

    # (4) what the authority says, sealed; and what it gave us to act with
    work.identities.logged_in(digest, acr=str(grant.acr), at=at)
    _keep_tokens(work, grant, traveller, key=key, entropy=entropy)
    alone = _keep_claims(work, link_secret, grant, traveller, key=key, at=at, entropy=entropy)

    # (5) the journal
    entry = Entry(
        kind="traveller:identity:linked" if known is fresh else "traveller:identity:confirmed",
        clear={"provider": grant.provider, "acr": str(grant.acr)},
        personal={"evidence": grant.evidence_hash.hex(), "auth_time": grant.auth_time.isoformat()},
        traveller=traveller,
        traveller_key=key,
    )
    entries = [entry]
    if not alone:  # two people from before documents were compared: an officer's matter, not the person's
        entries.append(Entry("traveller:identity:duplicate", {"provider": grant.provider}))
    work.journal.append_all(entries, at=at, entropy=entropy)
    return Linked(traveller, first)


def _locked(work: Work, digest: bytes) -> IdentityLink | None:
    """The identity's link, with its traveller locked: an unlinking that committed first has won."""
    known = work.identities.find(digest)
    if known is None:
        return None
    try:
        work.travellers.lock(known.traveller)
    except UnknownTraveller:  # erased in between, and the link with them
        return None
    return work.identities.find(digest)


def _add(
    work: Work, secret: bytes, grant: IdentityGrant, fresh: IdentityLink, *, entropy: Entropy
) -> IdentityLink | NotLinked:
    """A second identity of a person who is logged in: only with one document, and its birth date, in common."""
    work.travellers.lock(fresh.traveller)
    if grant.claims is None:
        return NotLinked(LinkRefusal.RESULT_ONLY)
    shown = document_digests(secret, grant.claims)
    theirs = work.identities.documents_of(fresh.traveller)
    if not theirs.intersection(shown):
        return NotLinked(LinkRefusal.NO_MATCH)
    same_document = {known.document: known.birth for known in theirs}
    if any(same_document.get(document.document, document.birth) != document.birth for document in shown):
        return NotLinked(LinkRefusal.NO_MATCH)
    # Having logged in with another identity in this session is the confirmation that a changed subject needs.
    for link in work.identities.of(fresh.traveller):
        if link.provider == fresh.provider:
            replace_identity(work, link, at=fresh.linked_at, entropy=entropy)
    return fresh if work.identities.add(fresh) else NotLinked(LinkRefusal.TAKEN)


def _first_login(
    work: Work, secret: bytes, grant: IdentityGrant, fresh: IdentityLink, *, browser: bytes, entropy: Entropy
) -> IdentityLink | Held | NotLinked:
    """An identity nobody is linked to: a new person, unless one of its documents is known."""
    if grant.claims is None:
        return NotLinked(LinkRefusal.RESULT_ONLY)
    shown = document_digests(secret, grant.claims)
    # Of two first logins at the same moment one makes the traveller and the other finds it. They queue before they
    # touch a row: identity and documents in different orders would be a deadlock. The unique inserts decide all the
    # same.
    work.identities.queue([fresh.digest, *(document.document for document in shown)])
    known = _locked(work, fresh.digest)
    if known is None and not work.identities.add(fresh):
        known = _locked(work, fresh.digest)
        if known is None:
            raise LookupError("an identity was claimed by somebody who is not there")
    if known is not None:
        return known
    if work.identities.claim_documents(fresh.traveller, shown):
        jurisdiction = JURISDICTION[grant.claims.document_type]
        work.travellers.add(Traveller(fresh.traveller, grant.provider, jurisdiction, fresh.linked_at))
        return fresh
    work.identities.release_documents(fresh.traveller)
    work.identities.remove(fresh.digest)
    traveller, document = work.identities.known_documents(shown)[0]
    same = any(link.provider == grant.provider for link in work.identities.of(traveller))
    held = HeldIdentity(
        UUID(bytes=entropy(16), version=4), fresh.digest, traveller, grant.provider, str(grant.acr),
        held_reason(document, shown, same_provider=same), browser, fresh.linked_at, fresh.linked_at + HELD_LIFETIME,
    )  # fmt: skip
    work.identities.hold(held)
    return Held(held)


def replace_identity(work: Work, link: IdentityLink, *, at: datetime, entropy: Entropy) -> None:
    """A provider calls the person by another name now: the old one, its tokens and its logins go."""
    work.identities.remove(link.digest)
    work.tokens.destroy(link.traveller, link.provider)
    end_logins_at(work, link.traveller, link.provider, Ending.IDENTITY_REPLACED, at=at, entropy=entropy)


def _keep_tokens(work: Work, grant: IdentityGrant, traveller: UUID, *, key: bytes, entropy: Entropy) -> None:
    if grant.tokens is None:
        return
    context = tokens_context(grant.provider)
    sealed = seal(grant.tokens.model_dump_json().encode(), key=key, context=context, salt=entropy(SALT_BYTES))
    work.tokens.keep(traveller, grant.provider, sealed, expires_at=grant.tokens.expires_at)


def _keep_claims(
    work: Work, secret: bytes, grant: IdentityGrant, traveller: UUID, *, key: bytes, at: datetime, entropy: Entropy
) -> bool:
    """Whether no document turned out to be another person's."""
    if grant.claims is None:
        return True
    alone = work.identities.claim_documents(traveller, document_digests(secret, grant.claims))
    document = main_document(secret, grant.claims)
    # The claims stay those about the document the person is known by; another provider's add nothing to them.
    if work.travellers.document(traveller) in (None, document):
        claims = VouchedClaims(
            seal(grant.claims.model_dump_json().encode(), key=key, context=CLAIMS, salt=entropy(SALT_BYTES)),
            seal(grant.vouched().model_dump_json().encode(), key=key, context=VOUCHED, salt=entropy(SALT_BYTES)),
            document,
            grant.evidence_hash,
            grant.auth_time,
            str(grant.acr),
        )
        before = work.travellers.claims(traveller)
        work.travellers.keep_claims(traveller, claims)
        correct_claims(work, before, grant.claims, traveller=traveller, key=key, at=at, entropy=entropy)
    if grant.portrait is not None and work.templates.find(traveller) is None:
        portrait = seal(grant.portrait, key=key, context=PORTRAIT, salt=entropy(SALT_BYTES))
        work.travellers.keep_portrait(traveller, portrait, at)
    return alone


def _held(work: Work, keys: KeyStore, settled: Held, *, at: datetime, entropy: Entropy) -> Held:
    held = settled.held
    entry = Entry(
        kind="traveller:identity:held",
        clear={"provider": held.provider, "reason": str(held.reason)},
        personal={"held": str(held.held_id)},
        traveller=held.traveller,
        traveller_key=keys.key(held.traveller),
    )
    work.journal.append(entry, at=at, entropy=entropy)
    return settled


def _refused(
    work: Work,
    keys: KeyStore,
    onto: UUID | None,
    grant: IdentityGrant,
    settled: NotLinked,
    *,
    at: datetime,
    entropy: Entropy,
) -> NotLinked:
    clear = {"provider": grant.provider, "reason": str(settled.refusal)}
    key = keys.key(onto) if onto is not None else None
    entry = Entry("traveller:identity:refused", clear, traveller=onto, traveller_key=key)
    work.journal.append(entry, at=at, entropy=entropy)
    return settled
