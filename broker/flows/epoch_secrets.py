"""Epoch secrets: made at first need, handed to the zone's gates, destroyed an hour after the last pass has expired."""

from dataclasses import dataclass
from datetime import datetime

from broker.core.denial import Denied
from broker.core.epoch import dies_at, epoch_secret, epochs_in_use, key_id
from broker.flows.gate_request import authenticate, may_speak
from broker.flows.ports import Entry, KeyStore, Work
from broker.wire import hpke
from broker.wire.gate_api import EpochSecret, EpochSecretsRequest, encode_epoch_secrets
from broker.wire.keys import Entropy


@dataclass(frozen=True, slots=True)
class SealedSecrets:
    """HPKE ciphertext of the zone's secrets, for the asking gate alone."""

    ciphertext: bytes


def epoch_secrets(
    work: Work, *, keys: KeyStore, request: bytes, at: datetime, entropy: Entropy
) -> SealedSecrets | Denied:
    """Answer a signed EpochSecretsRequest. Raises GateNotAuthenticated; DecodeError for an HPKE key that is none."""
    gate, message = authenticate(work, request, EpochSecretsRequest, at=at)
    clear = {"zone": gate.zone, "gate": gate.gate_id}
    refusal = may_speak(gate, gate_id=message.gate_id, zone=message.zone)
    if refusal is not None:
        denied = Entry("gate:epochs:refused", {**clear, "reasons": [refusal.reason.value]})
        work.journal.append(denied, at=at, entropy=entropy)
        return refusal
    secrets = tuple(
        EpochSecret(epoch, open_epoch(work, keys, zone=gate.zone, epoch=epoch), dies_at(epoch))
        for epoch in epochs_in_use(at)
    )
    sealed = hpke.seal(encode_epoch_secrets(secrets), message.hpke_public, message.info(request))
    released = Entry("gate:epochs:released", {**clear, "epochs": [secret.epoch for secret in secrets]})
    work.journal.append(released, at=at, entropy=entropy)
    return SealedSecrets(sealed)


def open_epoch(work: Work, keys: KeyStore, *, zone: str, epoch: int) -> bytes:
    """The secret of a zone and day, made when it is first needed. Raises LookupError once it was destroyed."""
    if not work.epochs.open(zone, epoch, dies_at=dies_at(epoch)):
        raise LookupError(f"the secret of {zone}/{epoch} was destroyed")
    return secret_of(keys, zone=zone, epoch=epoch)


def secret_of(keys: KeyStore, *, zone: str, epoch: int) -> bytes:
    """The same, of an epoch that is known to be open."""
    name = key_id(zone, epoch)
    try:
        key = keys.key(name)
    except LookupError:
        keys.create(name)
        key = keys.key(name)
    return epoch_secret(key, zone=zone, epoch=epoch)


def retire_epoch_secrets(work: Work, *, keys: KeyStore, at: datetime, entropy: Entropy) -> int:
    """Destroy every secret whose time has come; returns how many. Safe to repeat after a crash."""
    due = work.epochs.due(at)
    for zone, epoch in due:
        keys.destroy(key_id(zone, epoch))
        work.epochs.close(zone, epoch, at)
        work.journal.append(Entry("broker:epoch:destroyed", {"zone": zone, "epoch": epoch}), at=at, entropy=entropy)
    return len(due)
