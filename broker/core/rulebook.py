"""Zones and purposes together: from the ids in a request to the exact use a consent must cover."""

from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

from broker.core.consent import Use
from broker.core.duty import Duties
from broker.core.partner_purpose import PartnerPurposes
from broker.core.purpose import E_CHANNEL, FACE_ENROLMENT, OFFLINE_PASS, Notice, Purpose, Purposes, Recipient
from broker.core.rights import RightsRules
from broker.core.transfer import TransferRules
from broker.core.zone import Zone, Zones
from broker.wire.travel_pass import PassMode


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The data files an operator maintains, read once."""

    zones: Zones
    purposes: Purposes
    partner: PartnerPurposes = field(default_factory=PartnerPurposes.load)
    transfers: TransferRules = field(default_factory=TransferRules.load)
    duties: Duties = field(default_factory=Duties.load)
    rights: RightsRules = field(default_factory=RightsRules.load)

    @classmethod
    def load(cls, transfers: str | None = None) -> Self:
        """The packaged data, and the operator's own statement about transfers where there is one (TOML)."""
        return cls(Zones.load(), Purposes.load(), transfers=TransferRules.load(transfers))

    def zone(self, zone_id: str) -> Zone:
        """Raises InvalidInput."""
        return self.zones.zone(zone_id)

    def resolve(self, purpose_id: str, zone_id: str | None) -> tuple[Purpose, Recipient]:
        """Purpose and recipient by id. Raises InvalidInput when either is unknown or they do not fit together."""
        purpose = self.purposes.purpose(purpose_id)
        return purpose, self.purposes.recipient(purpose, zone_id, self.zones)

    def notice(self, purpose_id: str, zone_id: str | None, language: str) -> Notice:
        """What the person reads before agreeing. Raises InvalidInput."""
        purpose, recipient = self.resolve(purpose_id, zone_id)
        return self.purposes.notice(purpose, recipient, language)

    def title(self, purpose_id: str, language: str) -> str:
        """What people call a purpose, a traveller's or a partner's. Raises InvalidInput for an unknown one."""
        partner = self.partner.purposes.get(purpose_id)
        texts = self.purposes.purpose(purpose_id).texts if partner is None else partner.texts
        return texts["title"][language]

    def use(self, traveller: UUID, purpose_id: str, zone_id: str | None) -> Use:
        """The full use a purpose stands for. Raises InvalidInput."""
        purpose, recipient = self.resolve(purpose_id, zone_id)
        controller = recipient.controller.controller_id
        return Use(traveller, purpose.purpose_id, recipient.recipient_id, controller, purpose.categories)

    def uses_of_pass(self, traveller: UUID, zone_id: str, mode: PassMode) -> tuple[Use, ...]:
        """Every use a pass of that zone and mode rests on. Raises InvalidInput for an unknown zone."""
        purposes = [(FACE_ENROLMENT, None), (E_CHANNEL, zone_id)]
        if mode is PassMode.OFFLINE:
            purposes.append((OFFLINE_PASS, zone_id))
        return tuple(self.use(traveller, purpose, zone) for purpose, zone in purposes)
