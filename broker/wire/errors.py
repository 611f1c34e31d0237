"""The two ways a wire format says no. Both carry a `Reason`, so a caller never has to read the message."""

from broker.wire.reasons import Reason


class WireError(Exception):
    """A refusal: `reason` is for the journal and the screen, `detail` for the operator's log (no personal data)."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
        self.detail = detail


class DecodeError(WireError):
    """The bytes are not what they claim to be. Every decoder raises this and nothing else, on any input."""


class VerifyError(WireError):
    """The bytes are well formed, and not to be trusted."""
