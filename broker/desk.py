"""Consents and claims as the authorization server asks for them, over the flows: the same transaction, seen as a unit
there and as a work here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from broker.core.client import Client
from broker.core.denial import Denied
from broker.core.identity_release import IdentityRelease, ReleasedClaims
from broker.core.rulebook import Rulebook
from broker.flows import cover_release
from broker.flows.end_grant import end_grant
from broker.flows.issue_consent_grant import Granting
from broker.flows.name_person import name_person
from broker.flows.ports import KeyStore, Work
from broker.flows.release_claims import release_claims
from broker.oidc.ports import OidcUnit, Settled
from broker.wire.keys import Entropy


@dataclass(frozen=True)
class Desk:
    """Port `ConsentDesk`; its method `release` is the port `ReleaseClaims`. `work_of` gives the work of a unit."""

    work_of: Callable[[OidcUnit], Work]
    keys: KeyStore
    rulebook: Rulebook
    entropy: Entropy
    granting: Granting | None = None

    def outstanding(
        self,
        unit: OidcUnit,
        *,
        traveller: UUID,
        client: Client,
        releases: Sequence[IdentityRelease],
        at: datetime,
        anew: bool = False,
    ) -> tuple[IdentityRelease, ...]:
        work = self.work_of(unit)
        return cover_release.outstanding(work, traveller=traveller, client=client, releases=releases, at=at, anew=anew)

    def settle(
        self,
        unit: OidcUnit,
        *,
        handle_hash: bytes,
        traveller: UUID,
        client: Client,
        releases: Sequence[IdentityRelease],
        at: datetime,
        anew: bool = False,
    ) -> Settled:
        work = self.work_of(unit)
        # A code that is issued on these consents is there before they can be withdrawn, and goes with them.
        work.travellers.lock(traveller)
        cover = cover_release.settle(
            work,
            handle_hash=handle_hash,
            traveller=traveller,
            client=client,
            releases=releases,
            at=at,
            anew=anew,
        )
        return Settled(cover.releases, cover.consents, cover.outstanding, cover.refused)

    def name_person(
        self, unit: OidcUnit, *, traveller: UUID, client: Client, subject: str, at: datetime
    ) -> str | Denied:
        return name_person(
            self.work_of(unit),
            keys=self.keys,
            rulebook=self.rulebook,
            traveller=traveller,
            client=client,
            subject=subject,
            at=at,
            entropy=self.entropy,
        )

    def end_grant(self, unit: OidcUnit, *, grant_id: UUID, client_id: str, at: datetime) -> bool:
        ended = end_grant(
            self.work_of(unit), keys=self.keys, grant_id=grant_id, client_id=client_id, at=at, entropy=self.entropy
        )
        return ended is not None

    def release(
        self,
        unit: OidcUnit,
        *,
        traveller: UUID,
        client: Client,
        releases: Sequence[IdentityRelease],
        wanted: frozenset[str] | None,
        at: datetime,
        arguments: Mapping[str, Any] | None = None,
    ) -> ReleasedClaims | Denied:
        return release_claims(
            self.work_of(unit),
            keys=self.keys,
            rulebook=self.rulebook,
            traveller=traveller,
            client=client,
            releases=releases,
            wanted=wanted,
            at=at,
            entropy=self.entropy,
            arguments=arguments,
            granting=self.granting,
        )
