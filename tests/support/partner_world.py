"""A partner agency, its client and what people agree to towards it, over the flows of a World."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from broker.core.authorization import AuthorizationCode, Grant
from broker.core.client import Authentication, Client, Profile
from broker.core.consent import ConsentRecord
from broker.core.denial import Denied
from broker.core.identity_release import Frequency, IdentityRelease, ReleasedClaims
from broker.core.partner import Ceilings, Partner, PartnerKind
from broker.core.purpose import Recipient
from broker.flows.agree_release import agree_release, pose
from broker.flows.cover_release import outstanding
from broker.flows.enter_consent import Given
from broker.flows.issue_consent_grant import Granting
from broker.flows.pause_consent import pause_consent, resume_consent
from broker.flows.ports import JournalledUse, Work
from broker.flows.release_claims import release_claims
from broker.flows.withdraw_consent import Withdrawn
from broker.wire.registry import KeyUse
from tests.support.broker_world import World

BANK, SHOP = "harbour-bank", "corner-shop"
DAILY = Frequency(3, timedelta(days=1))
NAMES = {"zh-Hant": "海港銀行", "zh-Hans": "海港银行", "en": "Harbour Bank", "pt": "Banco do Porto"}


def opening(
    *claims: str,
    purpose: str = "account-opening",
    recipient: str = BANK,
    optional: Sequence[str] = (),
    frequency: Frequency | None = DAILY,
    retention: timedelta = timedelta(days=30),
) -> IdentityRelease:
    """A release as a client asks for it."""
    named = frozenset(claims) | frozenset(optional)
    return IdentityRelease(purpose, recipient, named, retention, frequency, frozenset(optional))


def client_of(world: World, partner_id: str = BANK, **changes: Any) -> Client:
    """A fapi2 client that may ask for everything."""
    purposes = frozenset(world.rulebook.partner.purposes)
    claims = frozenset(world.rulebook.partner.words.claims)
    values: dict[str, Any] = {
        "client_id": f"{partner_id}-client",
        "profile": Profile.FAPI2,
        "redirect_uris": frozenset({f"https://{partner_id}.example/callback"}),
        "scopes": frozenset({"openid"}),
        "sector": partner_id,
        "partner_id": partner_id,
        "names": NAMES,
        "auth": Authentication.PRIVATE_KEY_JWT,
        "jwks": {"keys": []},
        "purposes": purposes,
        "claims": claims,
    }
    return Client(**values | changes)


@dataclass
class PartnerWorld:
    """`world` with the partners BANK (in `jurisdiction`) and SHOP (in Hong Kong); BANK is reached at `contact`."""

    world: World
    jurisdiction: str = "HK"
    contact: str = f"privacy@{BANK}.example"
    released: list[ReleasedClaims] = field(default_factory=list)

    def __post_init__(self) -> None:
        with self.world.begin() as work:
            partners = ((BANK, self.jurisdiction, self.contact), (SHOP, "HK", f"privacy@{SHOP}.example"))
            for partner_id, where, contact in partners:
                work.partners.add(
                    Partner(
                        partner_id, NAMES, contact, where, PartnerKind.COMPANY,
                        sandbox=False, ceilings=Ceilings(), created_at=self.world.at,
                        webhook_url=f"https://{partner_id}.example/notices",
                    )
                )  # fmt: skip

    def recipient(self, work: Work, partner_id: str) -> Recipient:
        found = work.partners.recipient(partner_id)
        assert found is not None
        return found

    def agree(
        self, traveller: UUID, release: IdentityRelease, *chosen: str, days: int | None = None, language: str = "en"
    ) -> Given:
        """For the shortest time that the page offers, unless `days` says another."""
        world = self.world
        with world.begin() as work:
            recipient = self.recipient(work, release.recipient)
            offered = pose(
                work, rulebook=world.rulebook, traveller=traveller, recipient=recipient, release=release,
                language=language, at=world.at,
            )  # fmt: skip
            given = agree_release(
                work, keys=world.keys, rulebook=world.rulebook, receipt_signer=world.signers[KeyUse.RECEIPT],
                issuer="https://broker.example", traveller=traveller, recipient=recipient, release=release,
                chosen=frozenset(chosen), days=days or offered.days[0], language=language,
                shown=offered.notice.reference().digest, at=world.at, entropy=world.entropy,
            )  # fmt: skip
        assert isinstance(given, Given)
        return given

    def read(self, traveller: UUID, release: IdentityRelease) -> bytes:
        """The digest of the notice that the person would read, in English."""
        world = self.world
        with world.begin() as work:
            recipient = self.recipient(work, release.recipient)
            question = pose(
                work, rulebook=world.rulebook, traveller=traveller, recipient=recipient, release=release,
                language="en", at=world.at,
            )  # fmt: skip
        return question.notice.reference().digest

    def release(
        self, traveller: UUID, *releases: IdentityRelease, wanted: Sequence[str] | None = None,
        arguments: Mapping[str, Any] | None = None, client: Client | None = None,
    ) -> ReleasedClaims | Denied:  # fmt: skip
        world = self.world
        with world.begin() as work:
            return release_claims(
                work, keys=world.keys, rulebook=world.rulebook, traveller=traveller,
                client=client or client_of(world), releases=releases,
                wanted=None if wanted is None else frozenset(wanted), at=world.at, entropy=world.entropy,
                arguments=arguments, granting=Granting(world.signers[KeyUse.RECEIPT], "https://broker.example"),
            )  # fmt: skip

    def outstanding(self, person: UUID, *releases: IdentityRelease) -> tuple[IdentityRelease, ...]:
        with self.world.begin() as work:
            return outstanding(
                work, traveller=person, client=client_of(self.world), releases=releases, at=self.world.at
            )

    def pause(self, traveller: UUID, consent_id: UUID) -> Withdrawn | Denied:
        world = self.world
        with world.begin() as work:
            return pause_consent(
                work, keys=world.keys, status_signer=world.signers[KeyUse.STATUS], traveller=traveller,
                consent_id=consent_id, at=world.at, entropy=world.entropy,
            )  # fmt: skip

    def resume(self, traveller: UUID, consent_id: UUID) -> ConsentRecord | Denied:
        world = self.world
        with world.begin() as work:
            return resume_consent(
                work, keys=world.keys, traveller=traveller, consent_id=consent_id, at=world.at, entropy=world.entropy
            )

    def journal(self, traveller: UUID) -> Sequence[JournalledUse]:
        with self.world.begin() as work:
            return work.journal.of_traveller(traveller, key=self.world.keys.key(traveller), limit=200, before=None)

    def events(self, partner_id: str = BANK) -> list[tuple[str, Mapping[str, Any]]]:
        with self.world.begin() as work:
            return [(event.name, event.body) for event in work.partner_events.of(partner_id, state=None, limit=50)]

    def code(self, traveller: UUID, releases: Sequence[IdentityRelease], consents: Sequence[UUID]) -> AuthorizationCode:
        """A code as the authorization endpoint issues it, kept."""
        world = self.world
        made = AuthorizationCode(
            world.entropy(32), UUID(bytes=world.entropy(16), version=4), f"{BANK}-client",
            "https://harbour-bank.example/callback", "c" * 43, frozenset({"openid"}), None, None, traveller, "iamsmart",
            "urn:tongguan:acr:high", world.at, world.at + timedelta(minutes=1), releases=tuple(releases),
            consents=tuple(consents),
        )  # fmt: skip
        with world.begin() as work:
            work.logins.add_code(made)  # type: ignore[attr-defined]
        return made

    def grant(
        self, traveller: UUID, releases: Sequence[IdentityRelease], consents: Sequence[UUID], grant_id: UUID
    ) -> Grant:
        """A grant as the token endpoint founds it (not stored)."""
        world = self.world
        return Grant(
            grant_id, f"{BANK}-client", traveller, "pairwise", "iamsmart", "urn:tongguan:acr:high", world.at,
            frozenset({"openid"}), "jkt", world.at, world.at + timedelta(days=90), releases=tuple(releases),
            consents=tuple(consents),
        )  # fmt: skip
