"""Consent: who may use what, for what, how often, from when until when. The record follows ISO/IEC TS 27560:2023
(specs/consent-record.md).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID


class ConsentStatus(StrEnum):
    """ISO/IEC TS 27560 event state of a record. Only an active record covers anything; withdrawn, expired and
    superseded (a newer version stands in its place) are final.
    """

    ACTIVE = "active"
    PAUSED = "paused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class NoticeReference:
    """The notice the person saw: which text, in which language, and its SHA-256, so that the wording can be proved
    later.
    """

    version: str
    language: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class UseLimit:
    """At most `times` uses within any stretch of time of length `per`; None: within the whole life of the record."""

    times: int
    per: timedelta | None = None

    def __post_init__(self) -> None:
        if self.times < 1 or (self.per is not None and self.per <= timedelta(0)):
            raise ValueError("a limit allows at least one use in some stretch of time")

    def within(self, other: "UseLimit") -> bool:
        """Whether this limit allows nothing that `other` does not."""
        if self.times > other.times:
            return False
        return self.per is None or (other.per is not None and self.per >= other.per)


ONCE = UseLimit(1)


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """One person's consent to one purpose, one recipient and one controller. `categories` is never empty.

    A record is a version of its series: a wider or renewed consent is the next version and supersedes the one before.
    `frequency` None: uses are not counted. `retention`: how long the recipient may keep what it receives, None where
    the purpose alone says so. `digest`: SHA-256 of the artefact the person was handed (core.receipt).
    """

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
    frequency: UseLimit | None = None
    retention: timedelta | None = None
    jurisdiction: str | None = None
    version: int = 1
    series: UUID | None = None
    supersedes: UUID | None = None
    digest: bytes | None = None

    def __post_init__(self) -> None:
        if not self.categories:
            raise ValueError("a consent without categories would cover nothing and prove nothing")
        if self.valid_from >= self.valid_until:
            raise ValueError("a consent must end after it begins")
        if (self.version == 1) != (self.supersedes is None):
            raise ValueError("every version but the first supersedes another")

    @property
    def series_id(self) -> UUID:
        """The id that all versions share: that of the first."""
        return self.series or self.consent_id


@dataclass(frozen=True, slots=True)
class Use:
    """What somebody wants to do with a person's data now. `retention`: how long they say they will keep it."""

    traveller: UUID
    purpose: str
    recipient: str
    controller: str
    categories: frozenset[str]
    retention: timedelta | None = None


class Gap(StrEnum):
    """The first thing a consent lacks for a use."""

    OTHER_PERSON = "other_person"
    OTHER_PURPOSE = "other_purpose"
    OTHER_RECIPIENT = "other_recipient"
    OTHER_CONTROLLER = "other_controller"
    CATEGORY_NOT_GRANTED = "category_not_granted"
    NOTHING_ASKED = "nothing_asked"
    KEPT_TOO_LONG = "kept_too_long"
    WITHDRAWN = "withdrawn"
    PAUSED = "paused"
    SUPERSEDED = "superseded"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    OVER_FREQUENCY = "over_frequency"


_STATE = {
    ConsentStatus.WITHDRAWN: Gap.WITHDRAWN,
    ConsentStatus.PAUSED: Gap.PAUSED,
    ConsentStatus.SUPERSEDED: Gap.SUPERSEDED,
}


def gap(consent: ConsentRecord, use: Use, *, at: datetime, used: int | None = None) -> Gap | None:
    """What keeps `consent` from covering `use` at the moment `at`, or None when it covers it.

    It covers when person, purpose, recipient and controller match exactly, the categories are a subset of those
    granted, nothing is kept longer, the record is active, `at` lies in [valid_from, valid_until), and `used`, the uses
    counted in the stretch of time that its frequency names, leaves room for one more. A record with a frequency does
    not cover anything for a caller who has not counted.
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
    if use.retention is not None and (consent.retention is None or use.retention > consent.retention):
        return Gap.KEPT_TOO_LONG
    # (3) state
    if consent.status in _STATE:
        return _STATE[consent.status]
    # (4) time
    if at < consent.valid_from:
        return Gap.NOT_YET_VALID
    if consent.status is ConsentStatus.EXPIRED or at >= consent.valid_until:
        return Gap.EXPIRED
    # (5) frequency
    if consent.frequency is not None and (used is None or used >= consent.frequency.times):
        return Gap.OVER_FREQUENCY
    return None


def covers(consent: ConsentRecord, use: Use, *, at: datetime, used: int | None = None) -> bool:
    """Whether `consent` covers `use` at the moment `at`; `gap` says why not."""
    return gap(consent, use, at=at, used=used) is None
