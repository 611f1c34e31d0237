"""The linking rules, by their numbers in specs/linking.md: over the fakes and over PostgreSQL."""

from datetime import date, timedelta
from uuid import UUID

import pytest

from broker.core.denial import Denied, Refusal
from broker.core.linking import (
    LINK_WINDOW,
    Held,
    HeldIdentity,
    HeldReason,
    IdentityLink,
    Linked,
    LinkRefusal,
    NotLinked,
    document_digests,
)
from broker.core.traveller import VOUCHED
from broker.core.unsealing import unseal
from broker.flows.confirm_identity import confirm_identity, settle_identity
from broker.flows.erase import erase
from broker.flows.look import list_uses, show_profile
from broker.flows.take_notice import take_notice
from broker.flows.unlink_identity import unlink_identity
from broker.wire.approval_connector import ProviderNotice, StepUp, Withdrawal
from broker.wire.identity_grant import Assurance, DocumentType, HeldDocument, IdentityGrant, VerifiedClaims, Vouched
from broker.wire.registry import KeyUse
from tests.support.arrivals import CHAN, WONG, Person, arrival
from tests.support.broker_world import LINK_SECRET, World

BROWSER = b"b" * 32


def _log_in(world: World, grant: IdentityGrant, onto: UUID | None = None) -> UUID:
    outcome = world.arrive(grant, onto=onto, browser=BROWSER)
    assert isinstance(outcome, Linked), outcome
    return outcome.traveller


def _held(world: World, grant: IdentityGrant) -> HeldIdentity:
    outcome = world.arrive(grant, browser=BROWSER)
    assert isinstance(outcome, Held), outcome
    return outcome.held


def _refused(world: World, grant: IdentityGrant, onto: UUID | None = None) -> LinkRefusal:
    outcome = world.arrive(grant, onto=onto, browser=BROWSER)
    assert isinstance(outcome, NotLinked), outcome
    return outcome.refusal


def _links(world: World, traveller: UUID) -> list[str]:
    with world.begin() as work:
        return [link.provider for link in work.identities.of(traveller)]


def _link(world: World, traveller: UUID, provider: str) -> IdentityLink:
    with world.begin() as work:
        return next(link for link in work.identities.of(traveller) if link.provider == provider)


def _kinds(world: World, traveller: UUID) -> list[str]:
    with world.begin() as work:
        return [use.kind for use in list_uses(work, keys=world.keys, traveller=traveller)]


def _confirm(world: World, traveller: UUID, held: HeldIdentity, browser: bytes = BROWSER) -> IdentityLink | Denied:
    with world.begin() as work:
        return confirm_identity(
            work, keys=world.keys, traveller=traveller, held_id=held.held_id, browser=browser, auth_time=world.at,
            at=world.at, entropy=world.entropy,
        )  # fmt: skip


def _settle(world: World, held: HeldIdentity, *, same_person: bool) -> IdentityLink | Denied:
    with world.begin() as work:
        return settle_identity(
            work, keys=world.keys, held_id=held.held_id, same_person=same_person, officer="A. Silva", at=world.at,
            entropy=world.entropy,
        )  # fmt: skip


def _unlink(world: World, traveller: UUID, provider: str) -> IdentityLink | Denied:
    link = _link(world, traveller, provider)
    with world.begin() as work:
        return unlink_identity(
            work, keys=world.keys, traveller=traveller, link_id=link.link_id, at=world.at, entropy=world.entropy
        )


def _both(world: World) -> UUID:
    """Chan, linked at iAM Smart and at Macau."""
    traveller = _log_in(world, arrival(world, "iamsmart", "chan", tokens=True))
    world.at += timedelta(minutes=1)
    assert _log_in(world, arrival(world, "macau", "chan-mo", tokens=True), onto=traveller) == traveller
    return traveller


# --- rule 1: an identity is one person's, always the same one ---


def test_the_same_identity_is_the_same_person(world: World) -> None:
    traveller = _log_in(world, arrival(world, "iamsmart", "chan"))
    assert _log_in(world, arrival(world, "iamsmart", "chan")) == traveller
    assert _log_in(world, arrival(world, "iamsmart", "wong", WONG)) != traveller


def test_the_same_subject_at_another_issuer_is_somebody_else(world: World) -> None:
    here = _log_in(world, arrival(world, "iamsmart", "1"))
    assert _log_in(world, arrival(world, "macau", "1", WONG)) != here


def test_one_identity_never_reaches_two_people(world: World) -> None:
    _log_in(world, arrival(world, "macau", "wong", WONG))
    chan = _log_in(world, arrival(world, "iamsmart", "chan"))
    assert _refused(world, arrival(world, "macau", "wong", WONG), onto=chan) is LinkRefusal.TAKEN
    assert _links(world, chan) == ["iamsmart"]
    assert "traveller:identity:refused" in _kinds(world, chan)


# --- rule 2: a login that says nothing but yes counts only for somebody linked ---


def test_a_result_only_login(world: World) -> None:
    assert _refused(world, arrival(world, "ctid", "wang", None)) is LinkRefusal.RESULT_ONLY
    traveller = _log_in(world, arrival(world, "ctid", "wang", CHAN))
    assert _log_in(world, arrival(world, "ctid", "wang", None)) == traveller
    with world.begin() as work:
        profile = show_profile(work, keys=world.keys, traveller=traveller)
    assert profile.claims is not None  # what was known stays
    assert _refused(world, arrival(world, "macau", "wang", None), onto=traveller) is LinkRefusal.RESULT_ONLY


# --- rule 3: a second identity after logging in at both, with one document and birth date ---


def test_a_second_identity_is_added_by_the_person_logged_in(world: World) -> None:
    traveller = _both(world)
    assert _links(world, traveller) == ["iamsmart", "macau"]
    assert _log_in(world, arrival(world, "macau", "chan-mo")) == traveller
    assert _kinds(world, traveller).count("traveller:identity:linked") == 2


@pytest.mark.parametrize(
    "other", [WONG, CHAN.but(born=date(1985, 4, 13)), CHAN.but(kind=DocumentType.MACAU_BIR)], ids=str
)
def test_another_document_or_birth_date_is_not_added(world: World, other: Person) -> None:
    traveller = _log_in(world, arrival(world, "iamsmart", "chan"))
    assert _refused(world, arrival(world, "macau", "x", other), onto=traveller) is LinkRefusal.NO_MATCH
    assert _links(world, traveller) == ["iamsmart"]


def test_a_further_document_in_common_is_enough(world: World) -> None:
    permit = HeldDocument(document_type=DocumentType.MAINLAND_TRAVEL_PERMIT, document_number="H12345678")
    traveller = _log_in(world, arrival(world, "iamsmart", "chan", CHAN.but(further=(permit,))))
    mainland = Person("H12345678", CHAN.born, DocumentType.MAINLAND_TRAVEL_PERMIT)
    assert _log_in(world, arrival(world, "ctid", "chan-cn", mainland), onto=traveller) == traveller
    with world.begin() as work:
        profile = show_profile(work, keys=world.keys, traveller=traveller)
    # The claims stay those about the document the person is known by.
    assert profile.claims is not None
    assert profile.claims.document_type is DocumentType.HKID
    assert profile.traveller.jurisdiction == "HK"


def test_documents_that_agree_in_one_and_contradict_in_another_are_not_added(world: World) -> None:
    permit = HeldDocument(document_type=DocumentType.MAINLAND_TRAVEL_PERMIT, document_number="H12345678")
    corrected = CHAN.but(born=date(1985, 4, 21))
    _log_in(world, arrival(world, "iamsmart", "chan", CHAN.but(further=(permit,))))
    traveller = _log_in(world, arrival(world, "iamsmart", "chan", corrected))  # the permit keeps the old date
    both = corrected.but(further=(permit,))
    assert _refused(world, arrival(world, "macau", "x", both), onto=traveller) is LinkRefusal.NO_MATCH
    assert _log_in(world, arrival(world, "macau", "x", corrected), onto=traveller) == traveller


# --- rule 4: nobody becomes a second person silently ---


def test_a_known_document_at_another_provider_is_held_and_taken_after_the_other_login(world: World) -> None:
    traveller = _log_in(world, arrival(world, "iamsmart", "chan"))
    held = _held(world, arrival(world, "macau", "chan-mo"))
    assert (held.reason, held.traveller) == (HeldReason.OTHER_PROVIDER, traveller)
    assert _links(world, traveller) == ["iamsmart"]
    link = _confirm(world, traveller, held)
    assert isinstance(link, IdentityLink)
    assert _log_in(world, arrival(world, "macau", "chan-mo")) == traveller
    assert _confirm(world, traveller, held) == Denied(
        Refusal.IDENTITY_UNKNOWN, "nothing of this person's waits in this browser"
    )


def test_a_changed_subject_is_held_and_an_officer_may_settle_it(world: World) -> None:
    traveller = _log_in(world, arrival(world, "iamsmart", "old", tokens=True))
    held = _held(world, arrival(world, "iamsmart", "new"))
    assert held.reason is HeldReason.CHANGED_SUBJECT
    link = _settle(world, held, same_person=True)
    assert isinstance(link, IdentityLink)
    assert _links(world, traveller) == ["iamsmart"]  # the new name in place of the old
    assert _log_in(world, arrival(world, "iamsmart", "new")) == traveller
    with world.begin() as work:
        assert work.tokens.find(traveller, "iamsmart") is None
    # Whoever comes under the old name now is held in turn.
    assert _held(world, arrival(world, "iamsmart", "old")).traveller == traveller


def test_a_changed_subject_is_taken_after_logging_in_with_another_identity(world: World) -> None:
    traveller = _both(world)
    held = _held(world, arrival(world, "macau", "chan-mo-2"))
    assert held.reason is HeldReason.CHANGED_SUBJECT
    assert isinstance(_confirm(world, traveller, held), IdentityLink)
    assert _log_in(world, arrival(world, "macau", "chan-mo-2")) == traveller
    assert _links(world, traveller) == ["iamsmart", "macau"]


def test_an_officer_may_find_another_person(world: World) -> None:
    traveller = _log_in(world, arrival(world, "iamsmart", "chan"))
    held = _held(world, arrival(world, "macau", "x"))
    denied = _settle(world, held, same_person=False)
    assert isinstance(denied, Denied)
    assert denied.reason is Refusal.IDENTITY_REFUSED
    assert _links(world, traveller) == ["iamsmart"]
    assert isinstance(_settle(world, held, same_person=True), Denied)  # once


def test_a_known_document_with_another_birth_date_is_for_an_officer_only(world: World) -> None:
    traveller = _log_in(world, arrival(world, "iamsmart", "wong", WONG))
    held = _held(world, arrival(world, "macau", "wong-mo", WONG.but(born=date(1991, 1, 2))))
    assert held.reason is HeldReason.BIRTH_DATE
    assert isinstance(_confirm(world, traveller, held), Denied)
    assert isinstance(_settle(world, held, same_person=True), IdentityLink)


def test_a_held_login_is_taken_in_its_browser_in_its_time_and_by_its_person_only(world: World) -> None:
    traveller = _log_in(world, arrival(world, "iamsmart", "chan"))
    stranger = _log_in(world, arrival(world, "iamsmart", "wong", WONG))
    held = _held(world, arrival(world, "macau", "chan-mo"))
    assert isinstance(_confirm(world, traveller, held, browser=b"x" * 32), Denied)
    assert isinstance(_confirm(world, stranger, held), Denied)
    world.at += LINK_WINDOW
    assert isinstance(_confirm(world, traveller, held), Denied)
    assert _links(world, traveller) == ["iamsmart"]


def test_held_logins_end(world: World) -> None:
    _log_in(world, arrival(world, "iamsmart", "chan"))
    held = _held(world, arrival(world, "macau", "chan-mo"))
    world.at = held.expires_at
    assert isinstance(_settle(world, held, same_person=True), Denied)
    with world.begin() as work:
        assert not work.identities.held_for(None, world.at)
        assert work.identities.sweep(world.at) == 1


# --- rule 5: a grant counts until it expires ---


def test_an_expired_grant_is_nobodys_login(world: World) -> None:
    late = arrival(world, "iamsmart", "chan")
    world.at = late.expires_at
    assert _refused(world, late) is LinkRefusal.EXPIRED


# --- rule 6: unlinking ---


def test_unlinking_ends_what_rests_on_the_identity(world: World) -> None:
    traveller = _both(world)
    assert isinstance(_unlink(world, traveller, "macau"), IdentityLink)
    assert _links(world, traveller) == ["iamsmart"]
    with world.begin() as work:
        assert work.tokens.find(traveller, "macau") is None
        assert work.tokens.find(traveller, "iamsmart") is not None
    assert "traveller:identity:unlinked" in _kinds(world, traveller)
    # Logging in with it again is not logging in as a second person.
    assert _held(world, arrival(world, "macau", "chan-mo")).traveller == traveller


def test_the_last_identity_stays(world: World) -> None:
    traveller = _both(world)
    _unlink(world, traveller, "macau")
    denied = _unlink(world, traveller, "iamsmart")
    assert isinstance(denied, Denied)
    assert denied.reason is Refusal.LAST_IDENTITY
    assert _links(world, traveller) == ["iamsmart"]


def test_nobody_unlinks_another_persons_identity(world: World) -> None:
    traveller = _both(world)
    stranger = _log_in(world, arrival(world, "ctid", "wong", WONG))
    link = _link(world, traveller, "macau")
    with world.begin() as work:
        denied = unlink_identity(
            work, keys=world.keys, traveller=stranger, link_id=link.link_id, at=world.at, entropy=world.entropy
        )
    assert isinstance(denied, Denied)
    assert denied.reason is Refusal.IDENTITY_UNKNOWN
    assert _links(world, traveller) == ["iamsmart", "macau"]


# --- rule 7: withdrawal at the provider ---


def _notice(world: World, provider: str, subject: str, business_id: str = "n-1") -> bool:
    notice = ProviderNotice(business_id, "withdrawal", Withdrawal(f"https://{provider}.example", subject))
    with world.begin() as work:
        return take_notice(
            work, keys=world.keys, link_secret=LINK_SECRET, provider=provider, notice=notice, approvals=None,
            at=world.at, entropy=world.entropy,
        )  # fmt: skip


def test_a_withdrawal_at_the_provider_ends_tokens_and_marks_the_link(world: World) -> None:
    traveller = _both(world)
    assert _notice(world, "macau", "chan-mo")
    assert _link(world, traveller, "macau").withdrawn_at == world.at
    assert _link(world, traveller, "iamsmart").withdrawn_at is None
    with world.begin() as work:
        assert work.tokens.find(traveller, "macau") is None
    assert _kinds(world, traveller)[0] == "traveller:identity:withdrawn"
    # The other identity is now the last that can log in.
    denied = _unlink(world, traveller, "iamsmart")
    assert isinstance(denied, Denied)
    assert denied.reason is Refusal.LAST_IDENTITY
    # Logging in there again is agreeing there again.
    assert _log_in(world, arrival(world, "macau", "chan-mo")) == traveller
    assert _link(world, traveller, "macau").withdrawn_at is None


def test_a_repeated_notice_changes_nothing(world: World) -> None:
    traveller = _both(world)
    assert _notice(world, "macau", "chan-mo")
    _log_in(world, arrival(world, "macau", "chan-mo"))
    assert not _notice(world, "macau", "chan-mo")
    assert _link(world, traveller, "macau").withdrawn_at is None
    # Another provider may use the same number.
    assert _notice(world, "iamsmart", "chan")


def test_a_notice_about_nobody_is_taken_and_does_nothing(world: World) -> None:
    assert _notice(world, "macau", "unheard-of")


def test_other_notices_go_to_the_approval_desk_once(world: World) -> None:
    seen: list[str] = []
    notice = ProviderNotice("b-1", "step_up", StepUp(passed=True, at=world.at))
    for _ in range(2):
        with world.begin() as work:
            take_notice(
                work, keys=world.keys, link_secret=LINK_SECRET, provider="macau", notice=notice,
                approvals=lambda _, provider, notice, at: seen.append(notice.business_id), at=world.at,
                entropy=world.entropy,
            )  # fmt: skip
    assert seen == ["b-1"]


# --- erasure, and what is kept ---


def test_erasure_forgets_identities_documents_and_what_waits(world: World) -> None:
    traveller = _both(world)
    _held(world, arrival(world, "ctid", "chan-cn"))
    with world.begin() as work:
        erase(work, status_signer=world.signers[KeyUse.STATUS], traveller=traveller, at=world.at, entropy=world.entropy)
    assert _links(world, traveller) == []
    with world.begin() as work:
        assert not work.identities.held_for(None, world.at)
        assert work.tokens.find(traveller, "macau") is None
    # The same document is free for whoever comes: a new person.
    assert _log_in(world, arrival(world, "macau", "chan-mo")) != traveller


def test_who_vouched_is_kept_sealed_for_consent_grants(world: World) -> None:
    traveller = _log_in(world, arrival(world, "iamsmart", "chan"))
    with world.begin() as work:
        sealed = work.travellers.vouched(traveller)
    assert sealed is not None
    vouched = Vouched.model_validate_json(unseal(sealed, key=world.keys.key(traveller), context=VOUCHED))
    assert (vouched.provider, vouched.acr, vouched.provider_acr) == ("iamsmart", Assurance.HIGH, "face")


def test_digests_need_the_secret_and_never_repeat_across_people() -> None:
    def digests(person: Person, secret: bytes = LINK_SECRET) -> set[bytes]:
        claims = VerifiedClaims(
            native_name="陳", birth_date=person.born, document_type=person.kind, document_number=person.number
        )
        return {part for digest in document_digests(secret, claims) for part in (digest.document, digest.birth)}

    assert digests(CHAN) == digests(CHAN)
    assert not digests(CHAN) & digests(CHAN, b"M" * 32)
    # The same birth date of two people is not the same hash.
    assert not digests(CHAN) & digests(CHAN.but(number="QX9009999"))
