"""Whoever received a claim that turned out to be wrong is told so, by name of the claim and never by value (PIPL 46,
GDPR 19; specs/rights.md 6).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from broker.core.correction import changed_claims
from broker.core.departure import OwnUse
from broker.core.identity_release import base_claim
from broker.core.rights import RightsRules
from broker.flows.opening import open_claims
from broker.flows.ports import Entry, JournalledUse, Work
from broker.wire.identity_grant import VerifiedClaims
from broker.wire.keys import Entropy

CORRECTED: Final = "claims.corrected"
_TOLD: Final = "traveller:claims:corrected"
_BATCH: Final = 500
_MONTH: Final = timedelta(days=31)

Status = Literal["replaced", "withheld"]


def tell_correction(
    work: Work,
    *,
    key: bytes,
    rules: RightsRules,
    traveller: UUID,
    claims: frozenset[str],
    status: Status,
    at: datetime,
    entropy: Entropy,
) -> tuple[str, ...]:
    """Put the notice into the outbox of every partner that received one of `claims` within the months that the data
    name, and journal it; returns the partners. `replaced`: a fetch brings the right values; `withheld`: nothing yet.
    """
    told: dict[str, set[str]] = {}
    for use in _since(work, traveller, key, at - _MONTH * rules.correction.tell_months):
        if use.kind.startswith("partner:") and not use.kind.endswith(":refused"):
            received = {base_claim(str(claim)) for claim in use.clear.get("claims", ())} & claims
            if received:
                told.setdefault(str(use.clear["recipient"]), set()).update(received)
    for recipient, received in sorted(told.items()):
        body = {"claims": sorted(received), "status": status, "grants": _grants(work, traveller, recipient, at)}
        work.partner_events.enqueue(recipient, CORRECTED, body, about=traveller, at=at, entropy=entropy)
    clear = {"claims": sorted(claims), "status": status, "told": sorted(told)}
    entry = Entry(_TOLD, clear, {"at": at.isoformat()}, traveller, key)
    work.journal.append(entry, at=at, entropy=entropy)
    return tuple(sorted(told))


def correct_claims(
    work: Work,
    before: bytes | None,
    now: VerifiedClaims,
    *,
    traveller: UUID,
    key: bytes,
    at: datetime,
    entropy: Entropy,
) -> None:
    """A login replaced what an authority says. `before`: what was kept until now, sealed; where it differs, whoever
    received it is told. After a correction nothing was kept: then whoever was told that claims are withheld is told
    that they are there again.
    """
    rules = RightsRules.packaged()
    if before is None:
        changed = _withheld(work, traveller, key, at - _MONTH * rules.correction.tell_months)
    else:
        kept = open_claims(work, before, traveller=traveller, key=key).for_own_use(OwnUse.RENEWAL)
        changed = changed_claims(kept, now)
    if changed:
        tell_correction(
            work,
            key=key,
            rules=rules,
            traveller=traveller,
            claims=changed,
            status="replaced",
            at=at,
            entropy=entropy,
        )


def _withheld(work: Work, traveller: UUID, key: bytes, since: datetime) -> frozenset[str]:
    """The claims that corrections took away and no login has brought back."""
    taken: set[str] = set()
    for use in _since(work, traveller, key, since):
        if use.kind == _TOLD and use.clear["status"] == "replaced":
            break
        if use.kind == _TOLD:
            taken.update(str(claim) for claim in use.clear["claims"])
    return frozenset(taken)


def _since(work: Work, traveller: UUID, key: bytes, since: datetime) -> Iterator[JournalledUse]:
    after: bytes | None = None
    while True:
        batch = work.rights.entries(traveller, key=key, limit=_BATCH, after=after)
        for use in batch:
            if use.at < since:
                return
            yield use
        if len(batch) < _BATCH:
            return
        after = batch[-1].leaf_hash


def _grants(work: Work, traveller: UUID, recipient: str, at: datetime) -> list[str]:
    """The grants that stand; there may be none any more."""
    records = [record.consent_id for record, _ in work.consents.of(traveller) if record.recipient == recipient]
    resting = work.logins.grants_resting_on(traveller, records, at) if records else ()
    return [str(grant.grant_id) for grant in resting]
