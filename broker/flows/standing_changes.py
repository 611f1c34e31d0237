"""What stands when one release is decided: the law, and what two operators changed, as both bear on it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypedDict, cast

from broker.core.governance.calendar import shanghai_date
from broker.core.governance.decide import decide
from broker.core.governance.decision import Decision
from broker.core.governance.policy import Law, Policy
from broker.core.release_facts import facts_of, on_paper, turns_on
from broker.core.special_list import Document, Special, SpecialList, member
from broker.core.standing_changes import StandingChanges
from broker.core.transfer import (
    NOTHING_COUNTED,
    Counted,
    Identity,
    Outgoing,
    Region,
    Subject,
    TransferRules,
    Trust,
    full_years,
)
from broker.flows.ports import KeyStore, Work


class _Changed(TypedDict):
    trust: Trust | None
    exclusion: bool


@dataclass(frozen=True, slots=True)
class Bearing:
    """One release with everything but the counts. `subject`: with what the lists say of the person; `policy`: the law
    of `rules` as two operators changed it.
    """

    outgoing: Outgoing
    subject: Subject
    at: datetime
    policy: Policy
    rules: TransferRules
    trust: Trust | None
    exclusion: bool

    @property
    def law(self) -> Law:
        """Raises PolicyError."""
        return self.policy.at(self.at)

    def decide(self, counted: Counted) -> Decision:
        """The decision on those counts. Raises FactsError and PolicyError."""
        outgoing, subject, at, law = self.outgoing, self.subject, self.at, self.law
        paper = on_paper(outgoing, subject, self.rules.profiles, at=at)
        changed: _Changed = {"trust": self.trust, "exclusion": self.exclusion}

        def decided() -> Decision:
            facts = facts_of(outgoing, subject, counted, self.rules.profiles, law, at=at, paper=paper, **changed)
            return decide(facts, self.policy)

        if counted != NOTHING_COUNTED:
            return decided()  # another number with almost every release
        return self.rules.memory.recall(turns_on(outgoing, subject, paper, law, at=at, **changed), decided)


def standing_changes(work: Work, at: datetime) -> StandingChanges:
    """What stands at `at`: as this process saw it within the last half second. Raises ChangesUnsound."""
    return work.changes.standing(at)


def bearing_on(
    work: Work, keys: KeyStore, rules: TransferRules, subject: Subject, outgoing: Outgoing, *, at: datetime
) -> Bearing:
    """Raises ChangesUnsound, and LookupError where a standing list cannot be asked: nothing may leave."""
    standing = standing_changes(work, at)
    if not standing.terms:
        return Bearing(outgoing, subject, at, rules.policy, rules, trust=None, exclusion=False)
    return Bearing(
        outgoing,
        _as_listed(subject, standing, keys, at),
        at,
        standing.policy(rules.policy),
        rules,
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
