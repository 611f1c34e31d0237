"""The device proof: the pass's own key signs a counter every 15 seconds (specs/device-proof.md)."""

import hashlib
import hmac
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec

from broker.wire.errors import DecodeError, VerifyError
from broker.wire.fields import EPOCH
from broker.wire.keys import PublicKey, sign_p256
from broker.wire.qr_payload import TravelQr
from broker.wire.reasons import Reason
from broker.wire.registry import Alg, KeyUse
from broker.wire.travel_pass import PassMode, TravelPass

WINDOW = timedelta(seconds=15)
SKEW = timedelta(seconds=5)
DOMAIN = b"tongguan/device-proof/v1\0"


def message(pass_bytes: bytes, counter: int) -> bytes:
    """Return the signed bytes: domain tag, SHA-256 of the pass, counter as eight big-endian bytes."""
    return _message(hashlib.sha256(pass_bytes).digest(), counter)


def counter_at(moment: datetime) -> int:
    """Return the number of the 15 s window, counted from 1970, that `moment` lies in."""
    return (moment - EPOCH) // WINDOW


def sign(private_key: ec.EllipticCurvePrivateKey, pass_bytes: bytes, counter: int) -> bytes:
    """Return the 64-byte proof, as a wallet's WebCrypto key would."""
    return sign_p256(private_key, message(pass_bytes, counter))


def verify(qr: TravelQr, travel_pass: TravelPass, *, at: datetime) -> None:
    """Return when the code is complete and its proof is by the pass's key for this moment.

    DecodeError: malformed_qr, malformed_claims. VerifyError: proof_stale, proof_forged.
    """
    # (1) The pass in the code is the one verified, and a sealed template is there exactly when its mode says so:
    #     the proof does not cover that part, so nothing may ride along unread.
    if not hmac.compare_digest(hashlib.sha256(qr.pass_bytes).digest(), travel_pass.hash):
        raise VerifyError(Reason.PROOF_FORGED, "a proof for another pass")
    if (qr.sealed_template is not None) != (travel_pass.claims.mode is PassMode.OFFLINE):
        raise DecodeError(Reason.MALFORMED_QR, "a sealed template belongs to offline passes and to them alone")
    # (2) The window, with the skew on both sides.
    opens = EPOCH + qr.counter * WINDOW
    if not opens - SKEW <= at < opens + WINDOW + SKEW:
        raise VerifyError(Reason.PROOF_STALE, "outside the proof's window")
    # (3) The signature.
    key = PublicKey.of_point(Alg.ES256, KeyUse.PASS, travel_pass.claims.device_key)
    try:
        key.verify(qr.proof, _message(travel_pass.hash, qr.counter))
    except VerifyError:
        raise VerifyError(Reason.PROOF_FORGED, "not signed by the pass's key") from None


def _message(pass_hash: bytes, counter: int) -> bytes:
    return DOMAIN + pass_hash + counter.to_bytes(8, "big")
