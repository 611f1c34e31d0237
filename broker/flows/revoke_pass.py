"""A person takes one pass back, for instance because the phone is gone."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from broker.core.denial import Denied, Refusal
from broker.core.travel import offline_effect
from broker.flows.ports import Entry, KeyStore, Work
from broker.flows.revocation import revoke_all
from broker.wire.keys import Entropy, Signer


@dataclass(frozen=True, slots=True)
class Revoked:
    """`offline_effect`: the latest moment a gate that is cut off may still accept the pass; None when none will."""

    pass_id: bytes
    offline_effect: datetime | None


def revoke_pass(
    work: Work,
    *,
    keys: KeyStore,
    status_signer: Signer,
    traveller: UUID,
    pass_id: bytes,
    at: datetime,
    entropy: Entropy,
) -> Revoked | Denied:
    """Set the pass's status bit. Revoking again, or an expired pass, changes nothing. Denied: pass_unknown."""
    work.travellers.lock(traveller)
    issued = work.passes.of_traveller(traveller, pass_id)
    if issued is None:
        return Denied(Refusal.PASS_UNKNOWN, "not a pass of this traveller")
    issued = work.passes.lock(issued.zone, pass_id)
    if issued.revoked_at is not None or issued.expires_at <= at:
        return Revoked(pass_id, offline_effect=None)
    revoke_all(work, [issued], status_signer=status_signer, at=at)
    entry = Entry(
        kind="traveller:pass:revoked",
        clear={"zone": issued.zone, "mode": issued.mode.name.lower()},
        personal={"pass": pass_id.hex()},
        traveller=traveller,
        traveller_key=keys.key(traveller),
    )
    work.journal.append(entry, at=at, entropy=entropy)
    return Revoked(pass_id, offline_effect([issued], at=at))
