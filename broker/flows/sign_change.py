"""An operator signs a change; with the second signature it is in force."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from broker.core.denial import InvalidInput
from broker.core.governed_change import ChangeRefusal, GovernedChange, check_signature, completed
from broker.core.staff import Staff
from broker.flows.ports import Entry, Work
from broker.wire.keys import Entropy


def sign_change(
    work: Work, *, change_id: UUID, staff_id: str, signature: bytes, clock: Callable[[], datetime], entropy: Entropy
) -> GovernedChange | ChangeRefusal:
    """The change with the signature on it, in force if it was the second that counts. A refusal is journalled: whoever
    gets this far is a member of staff. `clock` is read once nothing has to be waited for any more. Raises InvalidInput
    for an unknown change.
    """
    # (1) the change, which nobody else signs meanwhile; then everybody who signs it, so that nobody is suspended
    change = work.changes.lock(change_id)
    if change is None:
        raise InvalidInput("unknown_change", "there is no such change")
    signers = _signers(work, {*(given.staff_id for given in change.signatures), staff_id})
    # Every lock is held: what was released while we waited for them lies before this moment.
    at = clock()

    # (2) the signature
    given = check_signature(change, signers.get(staff_id), signature, at)
    if isinstance(given, ChangeRefusal):
        clear = {"change": change_id.hex, "by": staff_id, "reason": given.value}
        work.journal.append(Entry("governance:change:refused", clear), at=at, entropy=entropy)
        return given
    work.changes.sign(change_id, given)
    signed = completed(change.signed_by(given), signers, at)

    # (3) in force, from the next second at the earliest
    clear = {"change": change_id.hex, "digest": change.digest.hex(), "by": staff_id, "signature": signature.hex()}
    entries = [Entry("governance:change:signed", clear)]
    if signed.in_force_at is not None:
        work.changes.put_in_force(change_id, signed.in_force_at)
        said = {
            "change": change_id.hex,
            "kind": change.kind.value,
            "from": signed.in_force_at.isoformat(),
            "until": change.until.isoformat(),
        }
        entries.append(Entry("governance:change:adopted", said))
    work.journal.append_all(entries, at=at, entropy=entropy)
    return signed


def _signers(work: Work, staff_ids: set[str]) -> dict[str, Staff]:
    locked = {staff_id: work.staff.lock(staff_id) for staff_id in sorted(staff_ids)}
    return {staff_id: member for staff_id, member in locked.items() if member is not None}
