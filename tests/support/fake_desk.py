"""Consents without pages or ledger: what a test says the person answers is answered at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from fastapi import FastAPI
from starlette.responses import RedirectResponse

from broker.core.authorization import digest
from broker.core.client import Client
from broker.core.denial import Denied, Refusal
from broker.core.ending import Ending
from broker.core.identity_release import IdentityRelease, ReleasedClaims
from broker.flows.unavailable import DatabaseBusy
from broker.oidc.ports import EndLogins, OidcUnit, Settled

VALUES: Mapping[str, Any] = {
    "name": "Chan Tai Man",
    "family_name": "Chan",
    "given_name": "Tai Man",
    "birthdate": "1985-04-12",
    "document_type": "hkid",
    "document_number": "QX9001236",
    "over_18": True,
    "resident_of": ["HK"],
}
VERIFICATION: Mapping[str, Any] = {
    "trust_framework": "hk_iamsmart",
    "time": "2026-11-21T08:00:00Z",
    "evidence": [{"type": "electronic_record"}],
}


@dataclass
class FakeDesk:
    """Ports `ConsentDesk`, `ReleaseClaims`. `agrees`: what the person says on the page, or which claims they grant."""

    logins: EndLogins
    agrees: bool | frozenset[str] = True
    standing: dict[tuple[UUID, str, str], tuple[UUID, frozenset[str]]] = field(default_factory=dict)
    answered: dict[bytes, bool | frozenset[str]] = field(default_factory=dict)
    shown: int = 0
    denial: Denied | None = None
    down: bool = False
    withheld: Denied | None = None
    released: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    consent_grants: tuple[str, ...] = ()

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
        return tuple(release for release in releases if anew or not self._covers(traveller, release))

    def name_person(
        self, unit: OidcUnit, *, traveller: UUID, client: Client, subject: str, at: datetime
    ) -> str | Denied:
        return subject if self.withheld is None else self.withheld

    def end_grant(self, unit: OidcUnit, *, grant_id: UUID, client_id: str, at: datetime) -> bool:
        grant = unit.grant(grant_id)
        if grant is None or grant.client_id != client_id or grant.revoked_at is not None:
            return False
        self.logins.grant(unit, grant_id, Ending.RETURNED, at=at)
        return True

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
        answer = self.answered.get(handle_hash)
        if answer is None:
            missing = self.outstanding(unit, traveller=traveller, client=client, releases=releases, at=at, anew=anew)
            if missing:
                return Settled(outstanding=missing)
        elif answer is False:
            return Settled(refused=tuple(releases))
        else:
            for release in releases:
                granted = release.claims if answer is True else release.claims & answer
                self.standing.setdefault((traveller, release.purpose, release.recipient), (uuid4(), granted))
        held = [self.standing[traveller, release.purpose, release.recipient] for release in releases]
        return Settled(tuple(releases), tuple(consent for consent, _ in held))

    def release(
        self,
        unit: OidcUnit,
        *,
        traveller: UUID,
        client: Client,
        releases: Sequence[IdentityRelease],
        wanted: frozenset[str] | None,
        at: datetime,
    ) -> ReleasedClaims | Denied:
        if self.down:
            raise DatabaseBusy("two transactions collided")
        if self.denial is not None:
            return self.denial
        values: dict[str, Any] = {}
        for release in releases:
            held = self.standing.get((traveller, release.purpose, release.recipient))
            names = held[1] & release.claims if held is not None else frozenset[str]()
            names = names if wanted is None else names & wanted
            self.released.append((client.client_id, names))
            values |= {name: VALUES[name] for name in names if name in VALUES}
        if not values:
            return Denied(Refusal.CONSENT_MISSING)
        return ReleasedClaims(values, verification=VERIFICATION, consent_grants=self.consent_grants)

    def withdraw(self) -> None:
        self.standing.clear()

    def serve(self, app: FastAPI) -> None:
        """The page: it answers by itself and goes on."""

        @app.get("/consent/authorize/{handle}")
        def page(handle: str) -> RedirectResponse:
            self.shown += 1
            self.answered[digest(handle)] = self.agrees
            return RedirectResponse(f"/oauth/continue/{handle}", status_code=303)

    def _covers(self, traveller: UUID, release: IdentityRelease) -> bool:
        held = self.standing.get((traveller, release.purpose, release.recipient))
        return held is not None and release.claims - release.optional <= held[1]
