"""What can be wrong with keys, signatures and envelopes. No message carries key material or plaintext."""


class SmError(Exception):
    """Base of the three below."""


class DecodeError(SmError):
    """Not the DER or PEM structure it should be, or too large."""


class SignatureError(SmError):
    """A signature that does not count: unknown or expired certificate, or it does not verify."""


class EnvelopeError(SmError):
    """An envelope that does not open: addressed to somebody else, or altered."""
