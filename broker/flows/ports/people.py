"""Where travellers and their logins are kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from broker.core.authorization import Grant
from broker.core.traveller import Traveller


class Travellers(Protocol):
    """The people this broker knows, and what is sealed about them."""

    def find_by_identity(self, digest: bytes) -> UUID | None:
        """Whom an upstream identity (core.traveller.identity_digest) belongs to."""

    def claim_identity(self, digest: bytes, traveller: Traveller) -> bool:
        """Record a new traveller under an identity. False when somebody else did so first: then nothing was
        recorded.
        """

    def find(self, traveller: UUID) -> Traveller:
        """The traveller. Raises UnknownTraveller when there is none or they were erased."""

    def lock(self, traveller: UUID) -> Traveller:
        """The traveller, locked until the end of the work, so that one person's changes happen one after another.

        Raises UnknownTraveller when there is none or they were erased.
        """

    def keep_claims(self, traveller: UUID, sealed: bytes, *, evidence: bytes, auth_time: datetime, acr: str) -> None:
        """Replace the sealed verified claims by those of the latest login."""

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

    def grants_resting_on(self, traveller_id: UUID, consents: Sequence[UUID]) -> Sequence[Grant]:
        """The person's grants that stand and rest on any of these consents."""

    def revoke_grant(self, grant_id: UUID, at: datetime) -> None:
        """End it with every token of its family. Idempotent: the first time stands."""

    def forget_traveller(self, traveller_id: UUID) -> None:
        """End and delete all of them."""
