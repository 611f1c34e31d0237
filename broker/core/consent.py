"""Consent: who may use what, for what, from when until when. The record follows ISO/IEC TS 27560:2023
(specs/consent-record.md).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class ConsentStatus(StrEnum):
    """ISO/IEC TS 27560 event state of a record. Only an active record covers anything; withdrawn and
    expired are final.
    """

    ACTIVE = "active"
    PAUSED = "paused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class NoticeReference:
    """The notice the person saw: which text, in which language, and its SHA-256, so that the wording can be proved
    later.
    """

    version: str
    language: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """One person's consent to one purpose, one recipient and one controller. `categories` is never empty."""

    consent_id: UUID
    traveller: UUID
    purpose: str
    recipient: str
    controller: str
    categories: frozenset[str]
    legal_basis: str
    exporter_kind: str
    notice: NoticeReference
    given_at: datetime
    valid_from: datetime
    valid_until: datetime
    status: ConsentStatus = ConsentStatus.ACTIVE
    settled_at: datetime | None = None

    def __post_init__(self) -> None:
        if not self.categories:
            raise ValueError("a consent without categories would cover nothing and prove nothing")
        if self.valid_from >= self.valid_until:
            raise ValueError("a consent must end after it begins")


@dataclass(frozen=True, slots=True)
class Use:
    """What somebody wants to do with a person's data now."""

    traveller: UUID
    purpose: str
    recipient: str
    controller: str
    categories: frozenset[str]


class Gap(StrEnum):
    """The first thing a consent lacks for a use."""

    OTHER_PERSON = "other_person"
    OTHER_PURPOSE = "other_purpose"
    OTHER_RECIPIENT = "other_recipient"
    OTHER_CONTROLLER = "other_controller"
    CATEGORY_NOT_GRANTED = "category_not_granted"
    NOTHING_ASKED = "nothing_asked"
    WITHDRAWN = "withdrawn"
    PAUSED = "paused"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"


def gap(consent: ConsentRecord, use: Use, *, at: datetime) -> Gap | None:
    """What keeps `consent` from covering `use` at the moment `at`, or None when it covers it.

    It covers when person, purpose, recipient and controller match exactly, the categories are a subset of those
    granted, the record is active and `at` lies in [valid_from, valid_until).
    """
    # (1) same person, purpose, recipient, controller: exact, never a prefix or a parent
    if use.traveller != consent.traveller:
        return Gap.OTHER_PERSON
    if use.purpose != consent.purpose:
        return Gap.OTHER_PURPOSE
    if use.recipient != consent.recipient:
        return Gap.OTHER_RECIPIENT
    if use.controller != consent.controller:
        return Gap.OTHER_CONTROLLER
    # (2) categories: the empty set is a subset of everything, so it must not pass for a use
    if not use.categories:
        return Gap.NOTHING_ASKED
    if not use.categories <= consent.categories:
        return Gap.CATEGORY_NOT_GRANTED
    # (3) state
    if consent.status is ConsentStatus.WITHDRAWN:
        return Gap.WITHDRAWN
    if consent.status is ConsentStatus.PAUSED:
        return Gap.PAUSED
    # (4) time
    if at < consent.valid_from:
        return Gap.NOT_YET_VALID
    if consent.status is ConsentStatus.EXPIRED or at >= consent.valid_until:
        return Gap.EXPIRED
    return None


def covers(consent: ConsentRecord, use: Use, *, at: datetime) -> bool:
    """Whether `consent` covers `use` at the moment `at`; `gap` says why not."""
    return gap(consent, use, at=at) is None
