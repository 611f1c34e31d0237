"""Base45 (RFC 9285): bytes as the 45 characters of a QR code's alphanumeric mode, three characters for two bytes."""

from broker.wire.errors import DecodeError
from broker.wire.reasons import Reason

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUES = {character: value for value, character in enumerate(ALPHABET)}


def encode(raw: bytes) -> str:
    out: list[str] = []
    for i in range(0, len(raw) - 1, 2):
        high, rest = divmod(raw[i] << 8 | raw[i + 1], 45 * 45)
        middle, low = divmod(rest, 45)
        out += ALPHABET[low], ALPHABET[middle], ALPHABET[high]
    if len(raw) % 2:
        high, low = divmod(raw[-1], 45)
        out += ALPHABET[low], ALPHABET[high]
    return "".join(out)


def decode(text: str) -> bytes:
    """Return the bytes; DecodeError (malformed_base45) for a foreign character, an impossible length or group."""
    if len(text) % 3 == 1:
        raise DecodeError(Reason.MALFORMED_BASE45, "one character too many")
    try:
        values = [_VALUES[character] for character in text]
    except KeyError:
        raise DecodeError(Reason.MALFORMED_BASE45, "a character outside the alphabet") from None
    out = bytearray()
    for i in range(0, len(values) - 2, 3):
        pair = values[i] + 45 * values[i + 1] + 2025 * values[i + 2]
        if pair > 0xFFFF:
            raise DecodeError(Reason.MALFORMED_BASE45, "a group above 65535")
        out += pair.to_bytes(2, "big")
    if len(values) % 3:
        last = values[-2] + 45 * values[-1]
        if last > 0xFF:
            raise DecodeError(Reason.MALFORMED_BASE45, "a last group above 255")
        out.append(last)
    return bytes(out)
