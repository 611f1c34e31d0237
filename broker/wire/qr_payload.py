"""What the QR code holds: pass, device proof and, offline, the sealed template (specs/travel-pass.md 4)."""

from dataclasses import dataclass

from broker.wire import base45, cbor
from broker.wire.errors import DecodeError
from broker.wire.keys import SIGNATURE_BYTES
from broker.wire.reasons import Reason

PREFIX = "TG1:"
# The largest QR code in alphanumeric mode holds 4296 characters; ours end at version 19.
MAX_CHARS = 1024
MAX_COUNTER = 1 << 33  # a time the calendar still has


@dataclass(frozen=True, slots=True)
class TravelQr:
    """`pass_bytes`: COSE_Sign1; `counter`: the 15 s window; `proof`: r || s; `sealed_template`: COSE_Encrypt0."""

    pass_bytes: bytes
    counter: int
    proof: bytes
    sealed_template: bytes | None = None

    def to_text(self) -> str:
        parts = [self.pass_bytes, self.counter, self.proof]
        if self.sealed_template is not None:
            parts.append(self.sealed_template)
        return PREFIX + base45.encode(cbor.encode(parts))


def parse_qr(text: str | bytes) -> TravelQr:
    """Read a code's content; DecodeError names the layer: malformed_qr, malformed_base45 or malformed_cbor."""
    if isinstance(text, bytes):
        try:
            text = text.decode("ascii")
        except UnicodeDecodeError:
            raise DecodeError(Reason.MALFORMED_QR, "not ASCII") from None
    if not text.startswith(PREFIX):
        raise DecodeError(Reason.MALFORMED_QR, "not a travel code")
    if len(text) > MAX_CHARS:
        raise DecodeError(Reason.MALFORMED_QR, f"longer than {MAX_CHARS} characters")
    parts = cbor.decode(base45.decode(text[len(PREFIX) :]), max_bytes=MAX_CHARS)
    match parts:
        case [bytes(pass_bytes), int(counter), bytes(proof)]:
            sealed = None
        case [bytes(pass_bytes), int(counter), bytes(proof), bytes(sealed)]:
            pass
        case _:
            raise DecodeError(Reason.MALFORMED_QR, "not pass, counter, proof and at most a sealed template")
    if isinstance(counter, bool) or not 0 <= counter < MAX_COUNTER or len(proof) != SIGNATURE_BYTES:
        raise DecodeError(Reason.MALFORMED_QR, "a counter or proof out of bounds")
    return TravelQr(pass_bytes, counter, proof, sealed)
