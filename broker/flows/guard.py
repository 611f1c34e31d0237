"""A guardian invites, a child confirms, the guardian agrees purpose by purpose, and either ends it (PIPL 31;
specs/rights.md 7).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from broker.core.consent import ConsentRecord, ConsentStatus
from broker.core.denial import Denied, Refusal
from broker.core.departure import OwnUse
from broker.core.guardian import (
    CODE_BYTES,
    GuardianConsent,
    Guardianship,
    GuardianState,
    comes_of_age,
    digest_of_code,
    new_code,
)
from broker.core.rights import GuardianRules
from broker.flows.opening import open_claims
from broker.flows.ports import Entry, KeyStore, Work
from broker.flows.revocation import revoke_all
from broker.wire.keys import Entropy, Signer


def invite_ward(
    work: Work, *, keys: KeyStore, rules: GuardianRules, guardian: UUID, at: datetime, entropy: Entropy
) -> str | Denied:
    """The code that a child types in a session of their own. Denied for whoever is not of age. Raises
    UnknownTraveller.
    """
    work.travellers.lock(guardian)
    born = _born(work, keys, guardian)
    if born is None or at < comes_of_age(born, rules.adult_at):
        return Denied(Refusal.NO_GUARDIAN, "a guardian is of age, as their authority says")
    code = new_code(entropy(CODE_BYTES))
    digest = digest_of_code(code)
    if digest is None:
        raise ValueError("a code that was just made is one")
    until = at + timedelta(hours=rules.invitation_hours)
    made = Guardianship(UUID(bytes=entropy(16), version=4), guardian, None, digest, GuardianState.INVITED, at, until)
    work.guardians.invite(made)
    return code


def confirm_guardian(
    work: Work, *, keys: KeyStore, rules: GuardianRules, ward: UUID, code: str, at: datetime, entropy: Entropy
) -> Guardianship | Denied:
    """A child, logged in, says that the invitation is of their guardian. Denied for a code that does not hold, and for
    whoever is old enough to decide alone.
    """
    digest = digest_of_code(code)
    found = None if digest is None else work.guardians.invitation(digest)
    if found is None or found.state is not GuardianState.INVITED or at >= found.expires_at or found.guardian == ward:
        return Denied(Refusal.NO_GUARDIAN, "the code is not one of a guardian that waits")
    of_age = _of_age(work, keys, rules, ward)
    if of_age is None or at >= of_age:
        return Denied(Refusal.NO_GUARDIAN, "this person decides alone")
    standing = replace(found, ward=ward, state=GuardianState.STANDING, confirmed_at=at)
    work.guardians.keep(standing)
    _journal(work, keys, standing, "guardian:ward:confirmed", {}, at=at, entropy=entropy)
    return standing


def agree_for_ward(
    work: Work,
    *,
    keys: KeyStore,
    rules: GuardianRules,
    guardian: UUID,
    guardianship_id: UUID,
    consent_id: UUID,
    at: datetime,
    entropy: Entropy,
) -> GuardianConsent | Denied:
    """The guardian's own consent beside one of the ward's. It ends with it, and at the latest when the ward decides
    alone. Agreeing to what stands changes nothing.
    """
    link = work.guardians.find(guardianship_id, lock=True)
    if link is None or link.guardian != guardian or link.state is not GuardianState.STANDING or link.ward is None:
        return Denied(Refusal.NO_GUARDIAN, "not a ward of this person")
    record = _record(work, link.ward, consent_id)
    of_age = _of_age(work, keys, rules, link.ward)
    if record is None or of_age is None or at >= of_age:
        return Denied(Refusal.CONSENT_UNKNOWN, "nothing a guardian has to agree to")
    made = GuardianConsent(
        UUID(bytes=entropy(16), version=4),
        guardianship_id,
        link.ward,
        record.purpose,
        record.recipient,
        at,
        min(record.valid_until, of_age),
    )
    if work.guardians.agree(made):
        about = {"purpose": record.purpose, "recipient": record.recipient}
        _journal(work, keys, link, "guardian:consent:granted", about, at=at, entropy=entropy)
    return made


def withdraw_for_ward(
    work: Work,
    *,
    keys: KeyStore,
    status_signer: Signer,
    person: UUID,
    consent_id: UUID,
    at: datetime,
    entropy: Entropy,
) -> bool | Denied:
    """Either of the two takes a guardian's consent back; the ward's passes that rest on it are revoked. Whether one
    stood.
    """
    for link in work.guardians.of(person):
        for consent in work.guardians.consents(link.ward) if link.ward is not None else ():
            if consent.consent_id == consent_id and consent.guardianship_id == link.guardianship_id:
                _take_back(work, keys, link, consent, status_signer=status_signer, at=at, entropy=entropy)
                return True
    return Denied(Refusal.CONSENT_UNKNOWN, "not a consent between this person and a guardian or ward")


def end_guardianship(
    work: Work,
    *,
    keys: KeyStore,
    status_signer: Signer,
    person: UUID,
    guardianship_id: UUID,
    at: datetime,
    entropy: Entropy,
) -> Guardianship | Denied:
    """Either of the two ends it, and with it every consent that the guardian gave."""
    link = work.guardians.find(guardianship_id, lock=True)
    if link is None or person not in (link.guardian, link.ward) or link.state is GuardianState.ENDED:
        return Denied(Refusal.NO_GUARDIAN, "nothing that this person could end")
    for consent in work.guardians.consents(link.ward) if link.ward is not None else ():
        if consent.guardianship_id == guardianship_id:
            _take_back(work, keys, link, consent, status_signer=status_signer, at=at, entropy=entropy)
    ended = replace(link, state=GuardianState.ENDED, ended_at=at)
    work.guardians.keep(ended)
    _journal(work, keys, ended, "guardian:ward:ended", {}, at=at, entropy=entropy)
    return ended


def consents_of_ward(work: Work, ward: UUID) -> list[ConsentRecord]:
    """What the ward agreed to and a guardian has to agree to as well."""
    return [record for record, _ in work.consents.of(ward) if record.status is ConsentStatus.ACTIVE]


def known_as(work: Work, person: UUID, *, keys: KeyStore, rules: GuardianRules) -> tuple[str, datetime | None]:
    """By what name the other side of a guardianship knows them, and when they decide alone."""
    sealed = work.travellers.claims(person)
    if sealed is None:
        return "—", None
    claims = open_claims(work, sealed, traveller=person, key=keys.key(person)).for_own_use(OwnUse.SHOWN)
    return claims.display_name, comes_of_age(claims.birth_date, rules.below(work.travellers.find(person).jurisdiction))


def _record(work: Work, ward: UUID, consent_id: UUID) -> ConsentRecord | None:
    return next((record for record in consents_of_ward(work, ward) if record.consent_id == consent_id), None)


def _take_back(
    work: Work,
    keys: KeyStore,
    link: Guardianship,
    consent: GuardianConsent,
    *,
    status_signer: Signer,
    at: datetime,
    entropy: Entropy,
) -> None:
    work.guardians.withdraw(consent.consent_id, at)
    standing = work.consents.standing(consent.ward, consent.purpose, consent.recipient)
    if standing is not None:
        passes = work.passes.live(consent.ward, at=at, resting_on=standing.consent_id)
        revoke_all(work, passes, status_signer=status_signer, at=at)
    about = {"purpose": consent.purpose, "recipient": consent.recipient}
    _journal(work, keys, link, "guardian:consent:withdrawn", about, at=at, entropy=entropy)


def _of_age(work: Work, keys: KeyStore, rules: GuardianRules, ward: UUID) -> datetime | None:
    """When the ward decides alone; None where no authority says when they were born."""
    place = work.travellers.find(ward).jurisdiction
    born = _born(work, keys, ward)
    return None if born is None else comes_of_age(born, rules.below(place))


def _born(work: Work, keys: KeyStore, traveller: UUID) -> date | None:
    sealed = work.travellers.claims(traveller)
    if sealed is None:
        return None
    kept = open_claims(work, sealed, traveller=traveller, key=keys.key(traveller))
    return kept.for_own_use(OwnUse.DECIDING).birth_date


def _journal(
    work: Work,
    keys: KeyStore,
    link: Guardianship,
    kind: str,
    clear: Mapping[str, Any],
    *,
    at: datetime,
    entropy: Entropy,
) -> None:
    """In both people's logs."""
    personal = {"guardianship": str(link.guardianship_id), "at": at.isoformat()}
    entries = [
        Entry(kind, clear, personal, person, keys.key(person)) for person in (link.guardian, link.ward) if person
    ]
    work.journal.append_all(entries, at=at, entropy=entropy)
