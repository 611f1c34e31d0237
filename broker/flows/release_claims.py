"""A partner reads what a person agreed to, and nothing else. This is the only way claims leave the broker.

Claims are opened here under consents that are locked, counted and covering, and the release is journalled in the same
transaction: what left without an entry cannot be, and what has an entry had its consent.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from uuid import UUID

from broker.core.claim_categories import categories_of, receivable
from broker.core.claim_item import JSON
from broker.core.client import Client
from broker.core.denial import Denied, Refusal, UnknownTraveller
from broker.core.departure import Departure, Kept
from broker.core.disclosure import disclose
from broker.core.identity_release import IdentityRelease, ReleasedClaims
from broker.core.purpose import Recipient
from broker.core.rulebook import Rulebook
from broker.core.transfer import Outgoing
from broker.flows.claim_cover import Asked, Covered, asked_of, covered_of, purposes_of, refusal_for
from broker.flows.claim_record import (
    RELEASED,
    grant_of,
    refused_entry,
    released_entry,
    told_of,
    verification_of,
    vouched_of,
)
from broker.flows.decide_transfer import subject_of
from broker.flows.decide_transfers import Leaving, decide_transfers
from broker.flows.issue_consent_grant import Granting
from broker.flows.opening import open_claims
from broker.flows.ports import BeginWork, ClaimQuestion, Entry, KeyStore, OnClaim, Work
from broker.flows.unavailable import DatabaseBusy, DatabaseUnavailable
from broker.wire.identity_grant import VerifiedClaims
from broker.wire.keys import Entropy


@dataclass(frozen=True, slots=True)
class ClaimOrder:
    """One partner's request about one person: `wanted` (None: everything the releases name) of a grant's releases.

    `arguments` are those of predicates, by claim name; `kind` is the journal's word for the release.
    """

    traveller: UUID
    client: Client
    releases: Sequence[IdentityRelease]
    wanted: frozenset[str] | None
    arguments: Mapping[str, JSON] | None = None
    kind: str = RELEASED


Answer = ReleasedClaims | Denied


@dataclass(slots=True)
class _Case:
    """One order on its way."""

    order: ClaimOrder
    partner_id: str = ""
    answer: Answer | None = None
    entries: list[Entry] = field(default_factory=list)
    ready: "_Ready | None" = None


@dataclass(frozen=True, slots=True)
class _Ready:
    """An order whose consents cover it, opened, and what each of its releases would be for the law."""

    desk: OnClaim
    key: bytes
    claims: Kept[VerifiedClaims]
    covered: Sequence[Covered]
    leaving: Sequence[Leaving]


def release_claims(
    work: Work,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    traveller: UUID,
    client: Client,
    releases: Sequence[IdentityRelease],
    wanted: frozenset[str] | None,
    at: datetime,
    entropy: Entropy,
    arguments: Mapping[str, JSON] | None = None,
    kind: str = RELEASED,
    granting: Granting | None = None,
) -> Answer:
    """Release to the partner behind `client` what ClaimOrder asks.

    A release without a covering consent yields nothing; when none is covered the answer is Denied, journalled. Raises
    UnknownTraveller, InvalidInput.
    """
    order = ClaimOrder(traveller, client, releases, wanted, arguments, kind)
    (answer,) = _release(
        work, [order], keys=keys, rulebook=rulebook, granting=granting, at=at, entropy=entropy, wait=True
    )
    assert answer is not None  # noqa: S101  it waited for its locks
    return answer


def release_together(
    begin: BeginWork,
    orders: Sequence[ClaimOrder],
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    clock: Callable[[], datetime],
    entropy: Entropy,
    granting: Granting | None = None,
    aside: Callable[[Callable[[], Answer]], "Future[Answer]"],
) -> list["Answer | Exception | Future[Answer]"]:
    """Every order as `release_claims` would answer it, all in one transaction. At most one order about each person.

    An order that would have to wait for somebody's lock is done `aside`, in a transaction of its own, and so are all of
    them when one fails: nobody's request suffers from another's. Their answers are futures. An exception stands for
    what `release_claims` would raise.
    """
    common = {"keys": keys, "rulebook": rulebook, "granting": granting, "entropy": entropy}

    def alone(order: ClaimOrder) -> Answer:
        with begin() as work:
            answer = _release(work, [order], at=clock(), wait=True, **common)[0]  # type: ignore[arg-type]
        assert answer is not None  # noqa: S101  it waited for its locks
        return answer

    answers: list[Answer | None] = [None] * len(orders)
    try:
        with begin() as work:
            answers = _release(work, orders, at=clock(), wait=False, **common)  # type: ignore[arg-type]
    except DatabaseUnavailable as gone:
        if gone.outcome_unknown or not isinstance(gone, DatabaseBusy):
            return [gone] * len(orders)  # perhaps after the commit: a second try could count twice
    except Exception as error:  # noqa: BLE001  whose it is shows when each goes alone
        if len(orders) == 1:
            return [error]
        answers = [None] * len(orders)
    return [
        aside(partial(alone, order)) if answer is None else answer
        for order, answer in zip(orders, answers, strict=True)
    ]


def _release(
    work: Work,
    orders: Sequence[ClaimOrder],
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    granting: Granting | None,
    at: datetime,
    entropy: Entropy,
    wait: bool,
) -> list[Answer | None]:
    """None for an order that somebody's lock held up; only without `wait`."""
    cases = [_Case(order, order.client.partner_id or "" if order.client.active else "") for order in orders]
    # (1) who asks: an active client of an active partner, for itself; the consents to it are locked and counted by now:
    # a withdrawal that committed first has won
    named = [case for case in cases if case.partner_id]
    questions = [
        ClaimQuestion(case.order.traveller, case.partner_id, purposes_of(case.order.releases, case.order.client))
        for case in named
    ]
    desks = work.claiming.open(questions, at, wait=wait) if questions else ()
    for case, desk in zip(named, desks, strict=True):
        if desk is not None:
            _prepare(work, case, desk, keys, rulebook, at)
    # (2) what the law of the place where the data reside says of each; a held one yields nothing
    ready = [(case, case.ready) for case in cases if case.ready is not None]
    leaving = [one for _, prepared in ready for one in prepared.leaving]
    decided = iter(decide_transfers(work, leaving, keys=keys, rules=rulebook.transfers, at=at) if leaving else ())
    used: list[UUID] = []
    for case, prepared in ready:
        departures = [next(decided) for _ in prepared.leaving]
        used += _settle(work, case, prepared, departures, granting, at=at, entropy=entropy)
    # (3) each use counts, and each is journalled: in this transaction, or nothing leaves
    entries = [entry for case in cases for entry in case.entries]
    leaves = iter(work.claiming.enter(used, entries, at=at, entropy=entropy) if entries else ())
    for case in cases:
        its = tuple(next(leaves) for _ in case.entries)
        if isinstance(case.answer, ReleasedClaims):
            case.answer = replace(case.answer, journal_leaves=its[-len(case.answer.consents) :])
        elif case.answer is None and not case.partner_id:
            case.answer = Denied(Refusal.RECIPIENT_UNKNOWN, "the client belongs to no active partner")
    return [case.answer for case in cases]


def _prepare(work: Work, case: _Case, desk: OnClaim, keys: KeyStore, rulebook: Rulebook, at: datetime) -> None:
    order, recipient = case.order, desk.recipient
    if recipient is None:
        case.answer = Denied(Refusal.RECIPIENT_UNKNOWN, "the client belongs to no active partner")
        return
    # what is asked of each release
    asked = asked_of(rulebook, order.traveller, order.client, recipient, order.releases, order.wanted, order.arguments)
    if not asked:
        case.answer = Denied(Refusal.CONSENT_MISSING, "nothing that was asked for is in the grant")
        return
    # what each of them rests on
    covered, lacking = covered_of(desk, asked, at=at)
    key = _key(keys, order.traveller)
    if not covered:
        _refuse(case, key, asked[0], refusal_for(lacking), at)
        return
    # what the authority said, opened now and not before
    if desk.claims is None or desk.origin is None:
        raise UnknownTraveller(str(order.traveller))
    claims = open_claims(work, desk.claims, traveller=order.traveller, key=key)
    subject = subject_of(desk.origin, claims, at=at)
    leaving = [
        Leaving(order.traveller, subject, _outgoing(one, recipient, desk.origin, order.client, rulebook))
        for one in covered
    ]
    case.ready = _Ready(desk, key, claims, covered, leaving)


def _settle(
    work: Work,
    case: _Case,
    ready: _Ready,
    departures: Sequence[Departure],
    granting: Granting | None,
    *,
    at: datetime,
    entropy: Entropy,
) -> list[UUID]:
    """The answer and its entries; returns the consents that are used."""
    passed = []
    for one, said in zip(ready.covered, departures, strict=True):
        if said.refusal is None:
            passed.append((one, said))
        else:
            _refuse(case, ready.key, one.asked, Denied(said.refusal, "not under the law they reside under"), at, said)
    if not passed:
        return []
    values: dict[str, JSON] = {}
    covered = [one for one, _ in passed]
    for one, said in passed:
        values |= disclose(ready.claims, one.asked.items, covered=one.record.categories, at=at).leave(said)
    vouched = vouched_of(work, ready.desk.vouched, case.order.traveller, ready.key, passed)
    grants = [grant_of(one, granting, vouched, ready.key, at=at, entropy=entropy) for one in covered]
    case.entries += [
        released_entry(one, said, case.order.client, ready.key, case.order.kind, grant, at)
        for (one, said), grant in zip(passed, grants, strict=True)
    ]
    consents = tuple(one.record.consent_id for one in covered)
    verification = verification_of(vouched, told_of(covered))
    signed = tuple(grant.jws for grant in grants if grant is not None)
    case.answer = ReleasedClaims(values, consents, (), verification, signed, tuple(said for _, said in passed))
    return list(consents)


def _refuse(
    case: _Case, key: bytes, asked: Asked, denied: Denied, at: datetime, departure: Departure | None = None
) -> None:
    case.answer = denied
    case.entries.append(refused_entry(case.order.traveller, key, asked, denied, at=at, departure=departure))


def _outgoing(one: Covered, recipient: Recipient, origin: str, client: Client, rulebook: Rulebook) -> Outgoing:
    purpose = one.asked.release.purpose
    return Outgoing(
        recipient.recipient_id,
        recipient.jurisdiction or origin,
        categories_of(item.claim for item in one.asked.items.values()),
        rulebook.partner.purpose(purpose).terms,
        purpose=purpose,
        beside=receivable(client.claims),
    )


def _key(keys: KeyStore, traveller: UUID) -> bytes:
    try:
        return keys.key(traveller)
    except LookupError:
        raise UnknownTraveller(str(traveller)) from None
