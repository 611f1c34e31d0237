"""Why a lane, a broker or a parser said no: one closed vocabulary for gate, broker, journal and vectors."""

from enum import StrEnum


class Reason(StrEnum):
    """A refusal or referral code. The value is what travels in problems, vectors, outbox rows and journal entries."""

    # Reading the code: one code per layer, so that a vector can name the layer that must refuse it.
    NO_QR = "no_qr"
    MALFORMED_QR = "malformed_qr"
    MALFORMED_BASE45 = "malformed_base45"
    MALFORMED_CBOR = "malformed_cbor"
    MALFORMED_COSE = "malformed_cose"
    MALFORMED_CLAIMS = "malformed_claims"

    # Trusting the pass.
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    WRONG_ZONE = "wrong_zone"
    PROOF_STALE = "proof_stale"
    PROOF_FORGED = "proof_forged"
    REVOKED = "revoked"
    STATUS_UNKNOWN = "status_unknown"
    LIST_ROLLED_BACK = "list_rolled_back"

    # Using it once.
    ALREADY_RESERVED = "already_reserved"
    ALREADY_SPENT = "already_spent"
    ALREADY_RELEASED = "already_released"

    # Getting the template.
    CONSENT_WITHDRAWN = "consent_withdrawn"
    RELEASE_REFUSED = "release_refused"
    TRANSFER_HELD = "transfer_held"  # the law of the place the data reside in asks for something first
    TRANSFER_DENIED = "transfer_denied"
    TEMPLATE_UNAVAILABLE = "template_unavailable"
    COMMITMENT_MISMATCH = "commitment_mismatch"
    BROKER_UNREACHABLE = "broker_unreachable"

    # Looking at the face.
    MALFORMED_IMAGE = "malformed_image"
    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    POOR_QUALITY = "poor_quality"
    NOT_SAME_PERSON = "not_same_person"

    # The lane itself.
    CLOCK_DRIFT = "clock_drift"
    LANE_FAULT = "lane_fault"
