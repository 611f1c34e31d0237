"""What stands when one release is decided: the law, and what two operators changed, as both bear on it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from broker.core.governance.calendar import shanghai_date
from broker.core.governance.decide import decide
from broker.core.governance.decision import Decision
from broker.core.governance.policy import Law, Policy
from broker.core.special_list import Document, Special, SpecialList, member
from broker.core.standing_changes import StandingChanges
from broker.core.transfer import (
    Counted,
    Identity,
    Outgoing,
    Region,
    Subject,
    TransferProfiles,
    TransferRules,
    Trust,
    facts_of,
    full_years,
)
from broker.flows.ports import KeyStore, Work


@dataclass(frozen=True, slots=True)
class Bearing:
    """One release with everything but the counts. `subject`: with what the lists say of the person."""

    outgoing: Outgoing
    subject: Subject
    at: datetime
    policy: Policy
    profiles: TransferProfiles
    trust: Trust | None
    exclusion: bool

    @property
    def law(self) -> Law:
        """Raises PolicyError."""
        return self.policy.at(self.at)

    def decide(self, counted: Counted) -> Decision:
        """The decision on those counts. Raises FactsError and PolicyError."""
        facts = facts_of(
            self.outgoing,
            self.subject,
            counted,
            self.profiles,
            self.law,
            at=self.at,
            trust=self.trust,
            exclusion=self.exclusion,
        )
        return decide(facts, self.policy)


def standing_changes(work: Work, at: datetime) -> StandingChanges:
    """What stands at `at`: as this process saw it within the last half second. Raises ChangesUnsound."""
    return work.changes.standing(at)


def bearing_on(
    work: Work, keys: KeyStore, rules: TransferRules, subject: Subject, outgoing: Outgoing, *, at: datetime
) -> Bearing:
    """Raises ChangesUnsound, and LookupError where a standing list cannot be asked: nothing may leave."""
    standing = standing_changes(work, at)
    if not standing.terms:
        return Bearing(outgoing, subject, at, rules.policy, rules.profiles, trust=None, exclusion=False)
    return Bearing(
        outgoing,
        _as_listed(subject, standing, keys, at),
        at,
        standing.policy(rules.policy),
        rules.profiles,
        trust=standing.trust(outgoing.jurisdiction, at),
        exclusion=standing.suspends_exemptions(
            exporter=rules.profiles.exporter(subject.origin).id,
            recipient=outgoing.recipient_id,
            jurisdiction=outgoing.jurisdiction,
            categories=outgoing.categories,
            purpose=outgoing.purpose,
            at=at,
        ),
    )


def specials_of(
    standing: StandingChanges, documents: Iterable[Document], *, keys: KeyStore, at: datetime
) -> tuple[Special | None, Special | None]:
    """What the lists of identities and of regions say of the person with these documents. Raises LookupError when a
    standing list's key is gone: then nobody can say.
    """

    def hashes(listed: SpecialList) -> list[bytes]:
        key = standing.list_key(listed, keys.key)
        return [member(key, kind, number) for kind, number in documents]

    return standing.identity_of(hashes, at), standing.region_of(hashes, at)


def _as_listed(subject: Subject, standing: StandingChanges, keys: KeyStore, at: datetime) -> Subject:
    identity, region = specials_of(standing, subject.documents, keys=keys, at=at)
    if identity is not None:
        left = None if identity.since is None else full_years(identity.since, shanghai_date(at))
        subject = replace(subject, identity=cast(Identity, identity.grade), former_years=left)
    return subject if region is None else replace(subject, region=cast(Region, region.grade))
