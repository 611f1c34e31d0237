"""What a partner agency may ask a person's data for, and the notice the person reads before agreeing: data with a
version (data/partner_purposes.toml).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import resources
from typing import Any, Final, Self

from broker.core.claim_words import ClaimWords
from broker.core.consent import ONCE, ConsentRecord, UseLimit
from broker.core.denial import InvalidInput
from broker.core.duration import format_duration, parse_duration
from broker.core.identity_release import Frequency, IdentityRelease, base_claim
from broker.core.purpose import Notice, Recipient
from broker.core.transfer import PurposeTerms
from broker.core.zone import LANGUAGES, in_every_language

ONE_TIME: Final = timedelta(days=1)
"""How long a consent to a single release waits for it."""

_SHARED: Final = ("method", "refusal", "withdrawal", "rights", "overseas", "sensitive")


@dataclass(frozen=True, slots=True)
class PartnerPurpose:
    """One purpose with its law as data. `claims`, `retention`, `limit` and `max_days` are what a request may ask for at
    most. `texts` holds title, purpose, effect and law (the legal basis in words), each by language.
    """

    purpose_id: str
    claims: frozenset[str]
    legal_basis: str
    exporter_kind: str
    retention: timedelta
    limit: UseLimit
    max_days: int
    texts: Mapping[str, Mapping[str, str]]
    terms: PurposeTerms


@dataclass(frozen=True, slots=True)
class PartnerPurposes:
    """All purposes that partners can be registered for. `shared` holds the texts that every notice carries."""

    version: str
    purposes: Mapping[str, PartnerPurpose]
    shared: Mapping[str, Mapping[str, str]]
    words: ClaimWords

    @classmethod
    def load(cls, text: str | None = None, words: ClaimWords | None = None) -> Self:
        """From TOML text, or from the packaged data. Raises ValueError when a purpose is incomplete."""
        source = text or (resources.files("broker.core") / "data" / "partner_purposes.toml").read_text(encoding="utf-8")
        data = tomllib.loads(source)
        known = words or ClaimWords.load()
        purposes = {entry["id"]: _purpose(entry, known) for entry in data["purposes"]}
        if not purposes:
            raise ValueError("partner_purposes.toml names no purpose")
        shared = {part: in_every_language(data[part], part) for part in _SHARED}
        return cls(f"{data['version']}+{known.version}", purposes, shared, known)

    def purpose(self, purpose_id: str) -> PartnerPurpose:
        """The purpose of that id; raises InvalidInput for any other text."""
        try:
            return self.purposes[purpose_id]
        except KeyError:
            raise InvalidInput("unknown_purpose", f"no purpose is called {purpose_id[:32]!r}") from None

    def check(self, release: IdentityRelease) -> PartnerPurpose:
        """The purpose of a release that stays within its ceilings. Raises InvalidInput."""
        purpose = self.purpose(release.purpose)
        beyond = {base_claim(claim) for claim in release.claims} - purpose.claims
        if beyond or not release.claims:
            raise InvalidInput("unknown_claim", f"{purpose.purpose_id} is about {', '.join(sorted(purpose.claims))}")
        if not release.optional <= release.claims:
            raise InvalidInput("unknown_claim", "optional claims are among the claims")
        if not timedelta(0) < release.retention <= purpose.retention:
            raise InvalidInput("bad_retention", f"at most {format_duration(purpose.retention)}")
        if not limit_of(release).within(purpose.limit):
            raise InvalidInput("bad_frequency", f"at most {frequency_text(purpose.limit)}")
        return purpose

    def allows(self, release: IdentityRelease) -> bool:
        """Whether `check` has nothing against the release."""
        try:
            self.check(release)
        except InvalidInput:
            return False
        return True

    def notice(self, release: IdentityRelease, recipient: Recipient, language: str, *, origin: str) -> Notice:
        """What the person reads about `release` to `recipient`; `origin` is the jurisdiction where their data reside.

        Raises InvalidInput for a release beyond its purpose, or a language that is none of the four.
        """
        if language not in LANGUAGES:
            raise InvalidInput("unknown_language", f"notices exist in {', '.join(LANGUAGES)}")
        purpose = self.check(release)
        sensitive = self.words.sensitive(release.claims)
        overseas = recipient.jurisdiction is not None and recipient.jurisdiction != origin
        return Notice(
            version=self.version,
            language=language,
            title=purpose.texts["title"][language],
            recipient=recipient.name[language],
            controller=recipient.controller.name[language],
            contact=recipient.controller.contact,
            purpose=purpose.texts["purpose"][language],
            method=self.shared["method"][language],
            categories=tuple(sorted(release.claims)),
            retention=format_duration(release.retention),
            effect=purpose.texts["effect"][language],
            rights=self.shared["rights"][language],
            legal_basis=purpose.texts["law"][language],
            words=tuple((claim, self.words.words(claim, language)) for claim in sorted(release.claims)),
            optional=tuple(sorted(release.optional)),
            frequency=frequency_text(limit_of(release)),
            jurisdiction=recipient.jurisdiction,
            origin=origin,
            crossing=self.shared["overseas"][language] if overseas else "",
            sensitive=sensitive,
            sensitive_notice=self.shared["sensitive"][language] if sensitive else "",
            refusal=self.shared["refusal"][language],
            withdrawal=self.shared["withdrawal"][language],
        )

    def days(self, release: IdentityRelease) -> tuple[int, ...]:
        """How many days a consent to `release` may be given for, shortest first. Raises InvalidInput."""
        purpose = self.check(release)
        if release.frequency is None:
            return (ONE_TIME.days,)
        return tuple(days for days in (30, 90, 365) if days <= purpose.max_days) or (purpose.max_days,)


def limit_of(release: IdentityRelease) -> UseLimit:
    """How often a release may be made."""
    return ONCE if release.frequency is None else UseLimit(release.frequency.times, release.frequency.per)


def frequency_text(limit: UseLimit | None) -> str:
    """As notices and artefacts write it: "once", "3" (in all), "P1D/3" (in any day), or nothing where not counted."""
    if limit is None:
        return ""
    if limit.per is None:
        return "once" if limit.times == 1 else str(limit.times)
    return f"{format_duration(limit.per)}/{limit.times}"


def together(standing: ConsentRecord, release: IdentityRelease) -> IdentityRelease:
    """The release that covers both what stands and what is asked: what a wider consent is about.

    Retention is the longer one. Of two frequencies that cannot be compared the one asked for now is taken: the person
    reads it.
    """
    limit = limit_of(release)
    if standing.frequency is not None and limit.within(standing.frequency):
        limit = standing.frequency
    return replace(
        release,
        claims=release.claims | standing.categories,
        optional=release.optional - standing.categories,
        retention=max(release.retention, standing.retention or release.retention),
        frequency=None if limit.per is None else Frequency(limit.times, limit.per),
    )


def _purpose(entry: Mapping[str, Any], words: ClaimWords) -> PartnerPurpose:
    name = str(entry["id"])
    terms = PurposeTerms.of(entry)
    claims = frozenset(str(claim) for claim in entry["claims"])
    if not claims or int(entry["max_days"]) < 1:
        raise ValueError(f"purpose {name} covers nothing")
    unknown = claims - words.claims.keys()
    if unknown:
        raise ValueError(f"purpose {name} names the unknown claims {', '.join(sorted(unknown))}")
    most = entry["frequency"]
    return PartnerPurpose(
        purpose_id=name,
        claims=claims,
        legal_basis=str(entry["legal_basis"]),
        exporter_kind=str(entry["exporter_kind"]),
        retention=parse_duration(str(entry["retention"])),
        limit=UseLimit(int(most["times"]), parse_duration(str(most["per"]))),
        max_days=int(entry["max_days"]),
        texts={
            part: in_every_language(entry[part], f"{name}.{part}") for part in ("title", "purpose", "effect", "law")
        },
        terms=terms,
    )
