"""What is really configured for one exporter, as an impact assessment describes it: purposes, data, recipients, rules.

The digest names exactly this configuration; a change of any part gives another one, and the assessment is stale.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from broker.core.claim_categories import PSEUDONYM, categories_of
from broker.core.client import SIGN_IN
from broker.core.duration import format_duration
from broker.core.duty import NOTICE_OF_ENDING
from broker.core.governance.policy import Law
from broker.core.partner import Partner, PartnerStatus
from broker.core.partner_purpose import PartnerPurpose, PartnerPurposes
from broker.core.purpose import Purpose
from broker.core.rulebook import Rulebook
from broker.core.standing_papers import Flow
from broker.core.transfer import ExporterProfile, PurposeTerms


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who gets the data of an activity, and of which kinds. `jurisdiction`: where it receives."""

    recipient_id: str
    name: str
    jurisdiction: str
    kind: str
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Activity:
    """One purpose as it is carried out."""

    purpose_id: str
    title: str
    necessity: str
    legal_basis: str
    basis: str
    exporter_kind: str
    industry: str
    storage: str
    retention: str
    receivers: tuple[Receiver, ...]

    @property
    def categories(self) -> frozenset[str]:
        return frozenset(name for receiver in self.receivers for name in receiver.categories)


@dataclass(frozen=True, slots=True)
class Configuration:
    """`rules`: the hash of the law in force; `versions`: of the data files; `trust`: our tier by jurisdiction."""

    exporter: str
    origin: str
    city: str
    gba_registered: bool
    ciio: bool
    processes_persons: int
    activities: tuple[Activity, ...]
    trust: Mapping[str, str]
    rules: str
    versions: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def digest(self) -> bytes:
        """SHA-256 over sorted compact UTF-8 JSON."""
        return hashlib.sha256(canonical(self.as_json())).digest()

    def flows(self) -> frozenset[Flow]:
        """Each (purpose, destination, category) that the configuration lets leave, or stay."""
        return frozenset(
            (activity.purpose_id, receiver.jurisdiction, category)
            for activity in self.activities
            for receiver in activity.receivers
            for category in receiver.categories
        )


def canonical(document: Mapping[str, Any]) -> bytes:
    """Sorted compact UTF-8 JSON: one document, one encoding."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def configuration_of(
    exporter: ExporterProfile, rulebook: Rulebook, partners: Iterable[Partner], law: Law
) -> Configuration:
    """What is configured for `exporter` now. Suspended partners get nothing, so they are no receivers."""
    active = sorted((p for p in partners if p.status is PartnerStatus.ACTIVE), key=lambda p: p.partner_id)
    activities = (
        *(_own(purpose, exporter, rulebook) for purpose in rulebook.purposes.purposes.values()),
        *_for_partners(rulebook.partner, active),
        *_notices(rulebook, active),
    )
    places = {r.jurisdiction for a in activities for r in a.receivers}
    profiles = rulebook.transfers.profiles
    return Configuration(
        exporter=exporter.id,
        origin=exporter.origin,
        city=exporter.city,
        gba_registered=exporter.gba_registered,
        ciio=exporter.ciio,
        processes_persons=exporter.processes_persons,
        activities=tuple(sorted(activities, key=lambda a: a.purpose_id)),
        trust={place: profiles.recipient(place).trust for place in sorted(places)},
        rules=law.hash,
        versions={
            "duties": rulebook.duties.version,
            "purposes": rulebook.purposes.version,
            "partner_purposes": rulebook.partner.version,
            "transfers": profiles.version,
            "overlay": law.overlay.version,
        },
    )


def _own(purpose: Purpose, exporter: ExporterProfile, rulebook: Rulebook) -> Activity:
    """A traveller's purpose: its receivers are the border zones, or the broker itself, at home."""
    categories = tuple(sorted(purpose.categories))
    if purpose.per_zone:
        zones = sorted(rulebook.zones.zones.values(), key=lambda zone: zone.zone_id)
        receivers = tuple(
            Receiver(zone.zone_id, zone.name["en"], zone.jurisdiction, zone.controller.kind, categories)
            for zone in zones
        )
    else:
        own = rulebook.zones.broker
        receivers = (Receiver("broker", own.name["en"], exporter.origin, own.kind, categories),)
    texts = purpose.texts
    necessity = f"{texts['purpose']['en']} {texts['effect']['en']}"
    return _activity(
        purpose.purpose_id,
        texts["title"]["en"],
        necessity,
        purpose.legal_basis,
        purpose.terms,
        purpose.retention,
        receivers,
    )


def _for_partners(purposes: PartnerPurposes, partners: Iterable[Partner]) -> Iterator[Activity]:
    """A purpose of partners with those who may name it; a purpose that nobody may name is no activity."""
    listed = tuple(partners)
    for purpose in purposes.purposes.values():
        receivers = tuple(
            _receiver(partner, categories_of(claims))
            for partner in listed
            if (claims := _claims(purpose, partner)) or purpose.purpose_id == SIGN_IN
        )
        if receivers:
            necessity = f"{purpose.texts['purpose']['en']} {purpose.texts['effect']['en']}"
            retention = format_duration(purpose.retention)
            yield _activity(
                purpose.purpose_id,
                purpose.texts["title"]["en"],
                necessity,
                purpose.legal_basis,
                purpose.terms,
                retention,
                receivers,
            )


def _claims(purpose: PartnerPurpose, partner: Partner) -> frozenset[str]:
    """What a partner may ask for under the purpose. Signing in tells every partner a pseudonym, whatever it may ask."""
    named = purpose.purpose_id in partner.ceilings.purposes
    return purpose.claims & partner.ceilings.claims if named else frozenset()


def _notices(rulebook: Rulebook, partners: Iterable[Partner]) -> Iterator[Activity]:
    """Partners hear, by pseudonym, that a consent ended."""
    receivers = tuple(_receiver(partner, (PSEUDONYM,)) for partner in partners)
    if receivers:
        yield _activity(
            NOTICE_OF_ENDING,
            "Tell a recipient that a consent ended or rests",
            "Without it a withdrawal would not reach whoever holds the data.",
            "duty: see data/duties.toml",
            rulebook.duties.terms[NOTICE_OF_ENDING],
            "as the recipient keeps its records",
            receivers,
        )


def _receiver(partner: Partner, categories: tuple[str, ...]) -> Receiver:
    return Receiver(partner.partner_id, partner.names["en"], partner.jurisdiction, partner.kind.value, categories)


def _activity(
    purpose_id: str,
    title: str,
    necessity: str,
    legal_basis: str,
    terms: PurposeTerms,
    retention: str,
    receivers: tuple[Receiver, ...],
) -> Activity:
    return Activity(
        purpose_id=purpose_id,
        title=title,
        necessity=necessity,
        legal_basis=legal_basis,
        basis=terms.basis,
        exporter_kind=terms.kind,
        industry=terms.industry,
        storage=terms.storage,
        retention=retention,
        receivers=receivers,
    )
