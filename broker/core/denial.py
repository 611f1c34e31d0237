"""A denial is a value: it commits and reaches the journal. A failure is an exception: it rolls back."""

from dataclasses import dataclass
from enum import StrEnum

from broker.wire.reasons import Reason


class Refusal(StrEnum):
    """Why the broker told a traveller or a gate no, where no lane reason code says it. The value names the problem
    type.
    """

    CONSENT_MISSING = "consent_missing"
    CONSENT_UNKNOWN = "consent_unknown"
    CONSENT_PAUSED = "consent_paused"
    OVER_FREQUENCY = "over_frequency"
    RECIPIENT_UNKNOWN = "recipient_unknown"
    NO_PORTRAIT = "no_portrait"
    DEVICE_KEY_USED = "device_key_used"
    PASS_UNKNOWN = "pass_unknown"  # noqa: S105 - a problem type, not a credential
    INVITATION_INVALID = "invitation_invalid"
    IDENTITY_UNKNOWN = "identity_unknown"
    IDENTITY_REFUSED = "identity_refused"
    LAST_IDENTITY = "last_identity"
    GUESSED_TOO_OFTEN = "guessed_too_often"
    NO_ENCRYPTION_KEY = "no_encryption_key"
    REQUEST_UNKNOWN = "request_unknown"
    IDEMPOTENCY_CLASH = "idempotency_clash"
    CERTIFICATE_UNKNOWN = "certificate_unknown"
    ALREADY_ASKED = "already_asked"
    NO_GUARDIAN = "no_guardian"


@dataclass(frozen=True, slots=True)
class Denied:
    """The answer no. `detail` is for the operator's log and may be shown to the caller: it never holds
    personal data.
    """

    reason: Reason | Refusal
    detail: str = ""


class InvalidInput(ValueError):
    """The caller asked for something that has no meaning (an unknown zone, a point off the curve). Nothing was done."""

    def __init__(self, code: str, hint: str) -> None:
        super().__init__(f"{code}: {hint}")
        self.code = code
        self.hint = hint


class UnknownTraveller(LookupError):
    """No such traveller, or one who was erased. A session that outlived an erasure meets this: answer 401, not 500."""


class GateNotAuthenticated(Exception):
    """A gate request whose signature, key or time does not hold. Not journalled: anyone can send such bytes."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
