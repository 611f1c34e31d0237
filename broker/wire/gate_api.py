"""What a gate says to the broker: signed CBOR messages (specs/gate-api.md)."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from broker.wire import cbor, cose
from broker.wire.cbor import Value
from broker.wire.errors import DecodeError, VerifyError
from broker.wire.fields import NAME, ZONE, Fields, microseconds, seconds
from broker.wire.hpke import PUBLIC_BYTES
from broker.wire.keys import PublicKey, Signer
from broker.wire.qr_payload import MAX_CHARS
from broker.wire.reasons import Reason
from broker.wire.registry import KeyUse
from broker.wire.sealed_template import SECRET_BYTES

MEDIA_TYPE = "application/cose"
REQUEST_ID_BYTES = 16
EVENT_ID_BYTES = 16
MAX_BYTES = 1 << 20
MAX_EVENTS = 500
MAX_MODELS = 16
MAX_SKEW = timedelta(seconds=30)
# A gate's key signs nothing else, and this says so once more.
DOMAIN = b"tongguan/gate-request/v1\0"


class _Kind(IntEnum):
    RELEASE = 1
    EPOCH_SECRETS = 2
    CROSSINGS = 3


class Decision(StrEnum):
    """How a lane session ended for the traveller."""

    CLEARED = "cleared"
    REFERRED = "referred"
    REFUSED = "refused"


class CrossingMode(StrEnum):
    """Where the template came from."""

    ONLINE = "online"
    OFFLINE = "offline"


class Liveness(StrEnum):
    """What presentation attack detection said."""

    NOT_ASSESSED = "not_assessed"


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """Asks for the template of the pass in `qr` (the code's text), sealed to the one-use key `hpke_public`."""

    request_id: bytes
    gate_id: str
    zone: str
    qr: str
    hpke_public: bytes
    at: datetime

    def __post_init__(self) -> None:
        _check(self.request_id, self.gate_id, self.zone, self.hpke_public)
        if not 0 < len(self.qr) <= MAX_CHARS:
            raise ValueError("the code's text")

    def info(self, signed_request: bytes) -> bytes:
        """Return HPKE's info: it binds the answer to this very request, gate and zone."""
        return _info(b"tongguan/release/v1\0", signed_request, self.gate_id, self.zone)


@dataclass(frozen=True, slots=True)
class EpochSecretsRequest:
    """Asks for the zone's current epoch secrets, sealed to the one-use key `hpke_public`."""

    request_id: bytes
    gate_id: str
    zone: str
    hpke_public: bytes
    at: datetime

    def __post_init__(self) -> None:
        _check(self.request_id, self.gate_id, self.zone, self.hpke_public)

    def info(self, signed_request: bytes) -> bytes:
        """Return HPKE's info: it binds the answer to this very request, gate and zone."""
        return _info(b"tongguan/epoch-secrets/v1\0", signed_request, self.gate_id, self.zone)


@dataclass(frozen=True, slots=True)
class CrossingEvent:
    """One lane session. `score` and `threshold` are on the scale of the `embedder_set`.

    `model_hashes` names every model and threshold file that the decision used, MAX_MODELS at most.
    """

    event_id: bytes
    pass_id: bytes | None
    decision: Decision
    reasons: tuple[Reason, ...]
    mode: CrossingMode
    liveness: Liveness
    opened: bool
    decided_at: datetime
    score: float | None = None
    threshold: float | None = None
    embedder_set: str | None = None
    model_hashes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.event_id) != EVENT_ID_BYTES or (self.pass_id is not None and len(self.pass_id) != 16):
            raise ValueError("event and pass ids are 16 bytes")
        if self.opened and self.decision is not Decision.CLEARED:
            raise ValueError("a lane opens for a cleared traveller only")
        if len(self.model_hashes) > MAX_MODELS:
            raise ValueError(f"{MAX_MODELS} model hashes at most")
        names = [*self.model_hashes, *self.model_hashes.values(), *([self.embedder_set] if self.embedder_set else [])]
        if not all(NAME.fullmatch(name) for name in names):
            raise ValueError("names and hashes are short plain text")


@dataclass(frozen=True, slots=True)
class CrossingReport:
    """Lane sessions from the outbox. Sending one again is harmless: the broker knows `event_id`."""

    gate_id: str
    zone: str
    events: tuple[CrossingEvent, ...]

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.gate_id) or not ZONE.fullmatch(self.zone):
            raise ValueError("a gate and its zone")
        if not 1 <= len(self.events) <= MAX_EVENTS:
            raise ValueError(f"1 to {MAX_EVENTS} events")


GateMessage = ReleaseRequest | EpochSecretsRequest | CrossingReport


@dataclass(frozen=True, slots=True)
class EpochSecret:
    """The secret that opens one day's sealed templates; both ends destroy it at `expires_at`."""

    epoch: int
    secret: bytes = field(repr=False)
    expires_at: datetime

    def __post_init__(self) -> None:
        if not 0 <= self.epoch < 1 << 32 or len(self.secret) != SECRET_BYTES:
            raise ValueError("a UTC day number and 32 bytes")


def sign_request(message: GateMessage, signer: Signer) -> bytes:
    """Return the signed request; ValueError when `signer` is not a gate key."""
    if signer.use is not KeyUse.GATE:
        raise ValueError("only a gate key signs requests")
    return cose.sign1(cbor.encode(_write(message)), signer, external_aad=DOMAIN)


def verify_request(
    raw: bytes, key_of: Callable[[bytes], PublicKey], *, at: datetime, max_skew: timedelta = MAX_SKEW
) -> GateMessage:
    """Return the message when the gate of its kid signed it and its time is near `at`.

    `key_of(kid)` raises VerifyError (unknown_key) for a gate nobody enrolled; whether that gate may speak for
    `gate_id` and `zone` is the caller's to check. A crossing report has no time of its own: events may be days old.
    DecodeError: malformed. VerifyError: unknown_key, bad_signature, clock_drift.
    """
    signed = cose.read_sign1(raw, max_bytes=MAX_BYTES)
    key = key_of(signed.kid)
    if key.use is not KeyUse.GATE or key.kid != signed.kid:
        raise VerifyError(Reason.UNKNOWN_KEY, "not a gate's key")
    message = _read(signed.verify(key, external_aad=DOMAIN))
    if not isinstance(message, CrossingReport) and abs(at - message.at) > max_skew:
        raise VerifyError(Reason.CLOCK_DRIFT, f"{(message.at - at).total_seconds():+.0f} s from the broker's time")
    return message


def encode_epoch_secrets(secrets: tuple[EpochSecret, ...]) -> bytes:
    """Return the plaintext that is sealed to a gate."""
    return cbor.encode([[secret.epoch, secret.secret, seconds(secret.expires_at)] for secret in secrets])


def decode_epoch_secrets(raw: bytes) -> tuple[EpochSecret, ...]:
    """Read the plaintext; DecodeError (malformed_cbor, malformed_claims) otherwise."""
    value = cbor.decode(raw)
    if not isinstance(value, list) or not all(isinstance(entry, list) and len(entry) == 3 for entry in value):
        raise DecodeError(Reason.MALFORMED_CLAIMS, "not a list of epoch secrets")
    return tuple(_read_secret(Fields(dict(enumerate(entry)))) for entry in value)


def _read_secret(fields: Fields) -> EpochSecret:
    return EpochSecret(fields.uint(0, most=(1 << 32) - 1), fields.octets(1, size=SECRET_BYTES), fields.second(2))


def _check(request_id: bytes, gate_id: str, zone: str, hpke_public: bytes) -> None:
    if len(request_id) != REQUEST_ID_BYTES or len(hpke_public) != PUBLIC_BYTES:
        raise ValueError("a 16-byte request id and an HPKE public key")
    if not NAME.fullmatch(gate_id) or not ZONE.fullmatch(zone):
        raise ValueError("a gate and its zone")


def _info(domain: bytes, signed_request: bytes, gate_id: str, zone: str) -> bytes:
    return domain + hashlib.sha256(signed_request).digest() + gate_id.encode() + b"\0" + zone.encode()


# --- the CBOR maps (labels: specs/gate-api.md 3) -------------------------------------------------------------------


def _write(message: GateMessage) -> dict[int | str, Value]:
    entries: dict[int | str, Value] = {2: message.gate_id, 3: message.zone}
    if isinstance(message, CrossingReport):
        return {**entries, 1: _Kind.CROSSINGS, 8: [_write_event(event) for event in message.events]}
    entries |= {4: message.request_id, 5: message.hpke_public, 6: microseconds(message.at)}
    if isinstance(message, ReleaseRequest):
        return {**entries, 1: _Kind.RELEASE, 7: message.qr}
    return {**entries, 1: _Kind.EPOCH_SECRETS}


def _write_event(event: CrossingEvent) -> dict[int | str, Value]:
    entries: dict[int | str, Value] = {
        1: event.event_id,
        2: event.pass_id,
        3: event.decision.value,
        4: [reason.value for reason in event.reasons],
        5: event.mode.value,
        6: event.liveness.value,
        7: event.opened,
        8: microseconds(event.decided_at),
        9: None if event.score is None else float(event.score),
        10: None if event.threshold is None else float(event.threshold),
        11: event.embedder_set,
        12: dict(event.model_hashes),
    }
    return {label: value for label, value in entries.items() if value is not None}


def _read(payload: bytes) -> GateMessage:
    fields = Fields(cbor.decode(payload, max_bytes=MAX_BYTES))
    kind = fields.uint(1)
    gate_id, zone = fields.text(2), fields.text(3, pattern=ZONE)
    try:
        if kind == _Kind.CROSSINGS:
            events = tuple(_read_event(entry) for entry in fields.array(8, most=MAX_EVENTS))
            fields.end()
            return CrossingReport(gate_id, zone, events)
        request_id, hpke_public = fields.octets(4), fields.octets(5)
        at = fields.microsecond(6)
        if kind == _Kind.RELEASE:
            qr = fields.take(7)
            if not isinstance(qr, str):
                fields.refuse("the code is not text")
            fields.end()
            return ReleaseRequest(request_id, gate_id, zone, qr, hpke_public, at)
        if kind != _Kind.EPOCH_SECRETS:
            fields.refuse("a kind of message that nobody defined")
        fields.end()
        return EpochSecretsRequest(request_id, gate_id, zone, hpke_public, at)
    except ValueError as error:
        fields.refuse(str(error))


def _read_event(entry: Value) -> CrossingEvent:
    fields = Fields(entry)
    reasons, hashes = fields.array(4, most=32), fields.take(12)
    if not isinstance(hashes, dict) or not all(isinstance(text, str) for pair in hashes.items() for text in pair):
        fields.refuse("model hashes are names and hashes")
    event = CrossingEvent(
        event_id=fields.octets(1),
        pass_id=fields.octets(2) if fields.has(2) else None,
        decision=Decision(fields.text(3)),
        reasons=tuple(Reason(reason) for reason in reasons),
        mode=CrossingMode(fields.text(5)),
        liveness=Liveness(fields.text(6)),
        opened=fields.flag(7),
        decided_at=fields.microsecond(8),
        score=fields.number(9) if fields.has(9) else None,
        threshold=fields.number(10) if fields.has(10) else None,
        embedder_set=fields.text(11) if fields.has(11) else None,
        model_hashes=hashes,
    )
    fields.end()
    return event
