"""An erasure that can be proved: the certificate waits behind a link that is shown once, when the session has ended
(specs/rights.md 4).
"""

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from broker.core.denial import Denied, Refusal
from broker.core.erasure_certificate import SEALED, TYP, ErasureRecord, certificate_claims
from broker.core.jws import sign_statement
from broker.core.rights import RightsRules
from broker.core.sealing import SALT_BYTES, SealBroken, derive, seal
from broker.core.traveller import receipt_subject
from broker.core.unsealing import unseal
from broker.flows.erase import Erasure, erase
from broker.flows.ports import InclusionProof, KeyStore, Work
from broker.flows.ports.rights import KeptCertificate
from broker.wire.keys import Entropy, Signer

TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Certified:
    """`link`: the one-time secret that opens the certificate; nobody else has it, the broker included."""

    erasure: Erasure
    link: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """`jws`: signed, for others to verify. `claims`: the same in plain values. `again_until`: until when a transfer
    that broke may be repeated; None while the erasure is not complete, when it can be asked for as often as one likes.
    """

    jws: str
    claims: dict[str, Any]
    again_until: datetime | None


@dataclass(frozen=True, slots=True)
class NotYet:
    """The key is about to be destroyed, or the journal's entry has no place yet: seconds."""


def erase_with_certificate(
    work: Work,
    *,
    keys: KeyStore,
    status_signer: Signer,
    rules: RightsRules,
    traveller: UUID,
    at: datetime,
    entropy: Entropy,
) -> Certified:
    """Erase, and keep what the certificate will say. Commit this work, then call `destroy_erased_keys`. Raises
    UnknownTraveller.
    """
    work.travellers.lock(traveller)
    subject = receipt_subject(keys.key(traveller))
    erasure = erase(work, status_signer=status_signer, traveller=traveller, at=at, entropy=entropy)
    record = ErasureRecord(
        UUID(bytes=entropy(16), version=4), subject, erasure.at, erasure.complete_at, erasure.destroyed
    )
    token = entropy(TOKEN_BYTES)
    work.rights.keep_certificate(
        KeptCertificate(
            token_digest=sha256(token).digest(),
            traveller=traveller,
            # Under the link's own secret: until it is used, nothing here connects the erasure with a receipt.
            sealed=seal(record.to_bytes(), key=_key(token), context=SEALED, salt=entropy(SALT_BYTES)),
            leaf=erasure.leaf,
            complete_at=erasure.complete_at,
            forget_at=erasure.complete_at + timedelta(days=rules.certificate.keep_days),
        )
    )
    return Certified(erasure, urlsafe_b64encode(token).rstrip(b"=").decode())


def issue_certificate(
    work: Work, *, signer: Signer, issuer: str, rules: RightsRules, token: bytes, at: datetime
) -> Certificate | NotYet | Denied:
    """The certificate as it can be signed now. Final from the moment the erasure is complete, and then handed out once,
    with some minutes to repeat a transfer that broke.
    """
    kept = work.rights.certificate(sha256(token).digest())
    if kept is None or at >= kept.forget_at:
        return Denied(Refusal.CERTIFICATE_UNKNOWN, "no certificate waits behind this link")
    again = timedelta(minutes=rules.certificate.repeat_minutes)
    if kept.fetched_at is not None and at >= kept.fetched_at + again:
        return Denied(Refusal.CERTIFICATE_UNKNOWN, "the certificate was handed out")
    place = work.journal.proof(kept.leaf)
    if kept.key_destroyed_at is None or place is None:
        return NotYet()
    try:
        record = ErasureRecord.from_bytes(unseal(kept.sealed, key=_key(token), context=SEALED))
    except SealBroken:
        return Denied(Refusal.CERTIFICATE_UNKNOWN, "the certificate does not open")
    # "Erased" is claimed only when no epoch secret that could open one of the person's codes exists any more.
    erased = at >= kept.complete_at and not work.epochs.due(kept.complete_at)
    claims = certificate_claims(
        record,
        rules,
        issuer=issuer,
        key_destroyed_at=kept.key_destroyed_at,
        erased=erased,
        journal=journal_place(kept.leaf, place),
        at=at,
    )
    if erased:
        work.rights.certificate_fetched(kept.token_digest, at)
    until = (kept.fetched_at or at) + again if erased else None
    return Certificate(sign_statement(claims, signer, typ=TYP), claims, until)


def journal_place(leaf: bytes, place: InclusionProof) -> dict[str, Any]:
    """Where the journal holds an entry, as `/journal/v1/proofs` says it (specs/journal.md 7), with the log's name."""
    return {
        "origin": place.checkpoint.split("\n", 1)[0],
        "leaf": leaf.hex(),
        "index": place.position,
        "size": place.size,
        "proof": [node.hex() for node in place.path],
        "checkpoint": place.checkpoint,
    }


def _key(token: bytes) -> bytes:
    return derive(token, info=b"tongguan/erasure-certificate/v1")
