"""What a traveller can agree to, and the notice shown before they do: data with a version (data/purposes.toml)."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any, Self

from broker.core.consent import NoticeReference
from broker.core.denial import InvalidInput
from broker.core.transfer import PurposeTerms
from broker.core.zone import BROKER, LANGUAGES, Controller, Zones, in_every_language

FACE_ENROLMENT = "face-enrolment"
E_CHANNEL = "e-channel"
OFFLINE_PASS = "offline-pass"  # noqa: S105 - a purpose, not a credential


@dataclass(frozen=True, slots=True)
class Purpose:
    """One purpose with its law as data. `per_zone`: the recipient is a border zone; otherwise it is the broker itself.

    `texts` holds title, purpose, method, effect and law (the legal basis in words), each by language.
    """

    purpose_id: str
    per_zone: bool
    categories: frozenset[str]
    legal_basis: str
    exporter_kind: str
    retention: str
    max_days: int
    texts: Mapping[str, Mapping[str, str]]
    terms: PurposeTerms


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who receives under one consent, resolved from a zone or from the broker itself."""

    recipient_id: str
    controller: Controller
    name: Mapping[str, str]
    jurisdiction: str | None


@dataclass(frozen=True, slots=True)
class Notice:
    """What the person reads before consenting (PIPL articles 17, 30, 39), in one language. `categories` are ids.

    `words`: each category in plain words, where the data files have them. `jurisdiction` is the recipient's, `origin`
    that where the person's data reside; `crossing` and `sensitive_notice` are texts shown when they apply. `frequency`
    reads "once", "P1D/3" (three times a day) or is empty where uses are not counted.
    """

    version: str
    language: str
    title: str
    recipient: str
    controller: str
    contact: str
    purpose: str
    method: str
    categories: tuple[str, ...]
    retention: str
    effect: str
    rights: str
    legal_basis: str
    words: tuple[tuple[str, str], ...] = ()
    optional: tuple[str, ...] = ()
    frequency: str = ""
    jurisdiction: str | None = None
    origin: str | None = None
    crossing: str = ""
    sensitive: tuple[str, ...] = ()
    sensitive_notice: str = ""
    refusal: str = ""
    withdrawal: str = ""

    def reference(self) -> NoticeReference:
        """Version, language and SHA-256 over the notice as sorted compact UTF-8 JSON."""
        text = json.dumps(asdict(self), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return NoticeReference(self.version, self.language, hashlib.sha256(text.encode()).digest())


@dataclass(frozen=True, slots=True)
class Purposes:
    """All purposes of this broker."""

    version: str
    purposes: Mapping[str, Purpose]
    rights: Mapping[str, str]

    @classmethod
    def load(cls, text: str | None = None) -> Self:
        """From TOML text, or from the packaged data. Raises ValueError when a purpose is incomplete."""
        source = text or (resources.files("broker.core") / "data" / "purposes.toml").read_text(encoding="utf-8")
        data = tomllib.loads(source)
        purposes = {entry["id"]: _purpose(entry) for entry in data["purposes"]}
        if not purposes:
            raise ValueError("purposes.toml names no purpose")
        return cls(str(data["version"]), purposes, in_every_language(data["rights"], "rights"))

    def purpose(self, purpose_id: str) -> Purpose:
        """The purpose of that id; raises InvalidInput for any other text."""
        try:
            return self.purposes[purpose_id]
        except KeyError:
            raise InvalidInput("unknown_purpose", f"no purpose is called {purpose_id[:32]!r}") from None

    def recipient(self, purpose: Purpose, zone_id: str | None, zones: Zones) -> Recipient:
        """Who receives under `purpose`: the zone asked for, or the broker. Raises InvalidInput when the two
        do not fit.
        """
        if purpose.per_zone:
            if zone_id is None:
                raise InvalidInput("zone_required", f"{purpose.purpose_id} is agreed to per zone")
            zone = zones.zone(zone_id)
            return Recipient(zone.zone_id, zone.controller, zone.name, zone.jurisdiction)
        if zone_id not in (None, BROKER):
            raise InvalidInput("zone_not_applicable", f"{purpose.purpose_id} has no zone")
        return Recipient(BROKER, zones.broker, zones.broker.name, None)

    def notice(self, purpose: Purpose, recipient: Recipient, language: str) -> Notice:
        """The notice in one of the four languages; raises InvalidInput for another language."""
        if language not in LANGUAGES:
            raise InvalidInput("unknown_language", f"notices exist in {', '.join(LANGUAGES)}")
        return Notice(
            version=self.version,
            language=language,
            title=purpose.texts["title"][language],
            recipient=recipient.name[language],
            controller=recipient.controller.name[language],
            contact=recipient.controller.contact,
            purpose=purpose.texts["purpose"][language],
            method=purpose.texts["method"][language],
            categories=tuple(sorted(purpose.categories)),
            retention=purpose.retention,
            effect=purpose.texts["effect"][language],
            rights=self.rights[language],
            legal_basis=purpose.texts["law"][language],
            jurisdiction=recipient.jurisdiction,
        )


def _purpose(entry: Mapping[str, Any]) -> Purpose:
    name = str(entry["id"])
    terms = PurposeTerms.of(entry)
    if entry["recipient"] not in ("broker", "zone"):
        raise ValueError(f"purpose {name} has the unknown recipient {entry['recipient']!r}")
    if not entry["categories"] or int(entry["max_days"]) < 1:
        raise ValueError(f"purpose {name} covers nothing")
    return Purpose(
        purpose_id=name,
        per_zone=entry["recipient"] == "zone",
        categories=frozenset(entry["categories"]),
        legal_basis=str(entry["legal_basis"]),
        exporter_kind=str(entry["exporter_kind"]),
        retention=str(entry["retention"]),
        max_days=int(entry["max_days"]),
        texts={
            part: in_every_language(entry[part], f"{name}.{part}")
            for part in ("title", "purpose", "method", "effect", "law")
        },
        terms=terms,
    )
