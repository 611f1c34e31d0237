"""Where travellers and their logins are kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from broker.core.authorization import Grant
from broker.core.ending import GrantsOf, SessionsOf
from broker.core.traveller import Traveller, VouchedClaims


class Travellers(Protocol):
    """The people this broker knows, and what is sealed about them."""

    def add(self, traveller: Traveller) -> None:
        """Record a new traveller, whose identity was claimed in this work (`IdentityLinks.add`)."""

    def find(self, traveller: UUID) -> Traveller:
        """The traveller. Raises UnknownTraveller when there is none or they were erased."""

    def lock(self, traveller: UUID) -> Traveller:
        """The traveller, locked until the end of the work, so that one person's changes happen one after another.

        Raises UnknownTraveller when there is none or they were erased.
        """

    def keep_claims(self, traveller: UUID, claims: VouchedClaims) -> None:
        """Replace the sealed verified claims by those of the latest login."""

    def document(self, traveller: UUID) -> bytes | None:
        """The digest of the document that the claims are about."""

    def vouched(self, traveller: UUID) -> bytes | None:
        """The sealed statement of the login that vouched for the claims (wire.identity_grant.Vouched)."""

    def claims(self, traveller: UUID) -> bytes | None:
        """The sealed verified claims."""

    def keep_portrait(self, traveller: UUID, sealed: bytes, at: datetime) -> None:
        """Replace the sealed authority's portrait."""

    def portrait(self, traveller: UUID) -> bytes | None:
        """The sealed authority's portrait, until enrolment is done."""

    def discard_portrait(self, traveller: UUID) -> None:
        """Delete the portrait; harmless when there is none."""

    def discard_portraits_before(self, moment: datetime) -> int:
        """Delete portraits nobody enrolled with; returns how many."""

    def erase(self, traveller: UUID, *, complete_at: datetime, at: datetime) -> None:
        """Delete identity links, claims and portrait; remember that this traveller's key must be destroyed."""

    def erased_with_key(self) -> Sequence[UUID]:
        """Erased travellers whose key has not been confirmed destroyed."""

    def confirm_key_destroyed(self, traveller: UUID, at: datetime) -> None:
        """Note that the key store no longer holds this traveller's key."""


class LoginRegister(Protocol):
    """Sessions, grants and pseudonyms that the authorization server keeps about a person."""

    def grant(self, grant_id: UUID) -> Grant | None:
        """What one redeemed code founded."""

    def drop_codes_resting_on(self, traveller_id: UUID, consents: Sequence[UUID]) -> None:
        """Delete the person's codes that nobody redeemed yet and that rest on any of these consents. One that is being
        redeemed is waited for: afterwards its grant is there.
        """

    def grants_resting_on(self, traveller_id: UUID, consents: Sequence[UUID], at: datetime) -> Sequence[Grant]:
        """The person's grants that stand at `at` and rest on any of these consents: not one that ran out."""

    def end_grants(self, whose: GrantsOf, at: datetime) -> Sequence[Grant]:
        """Revoke those that stand, with every token of their families and the codes that wait for them; returns them.
        Only `flows.end_logins` calls this and the next two: it tells whoever has to hear.
        """

    def drop_sessions(self, whose: SessionsOf) -> Sequence[UUID]:
        """Delete these login sessions; returns the ids of those that clients may know."""

    def note_logouts(self, session_ids: Sequence[UUID]) -> None:
        """Have the clients of these sessions told by back-channel logout."""

    def person_behind(self, subject: str) -> UUID | None:
        """Whose pseudonym it is, in whichever sector; None when it is nobody's (any more)."""

    def forget_traveller(self, traveller_id: UUID) -> None:
        """Delete all of them, once they have ended."""
