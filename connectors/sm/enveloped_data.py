"""GM/T 0010 EnvelopedData for one recipient: an SM4 key under SM2, the content under SM4.

SM4-CBC is not authenticated: an envelope means something only inside a message whose signature was verified before.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.padding import PKCS7

from connectors.sm import messages, oids
from connectors.sm.certificate import Sm2Certificate
from connectors.sm.errors import DecodeError, EnvelopeError
from connectors.sm.keys import Sm2PrivateKey

MAX_ENVELOPE: Final = 6 * 1024 * 1024
_MAX_RECIPIENTS: Final = 8
_BLOCK: Final = 16


class ContentCipher(StrEnum):
    """How content is written; both are read."""

    SM4_CBC = "sm4-cbc"
    SM4_ECB = "sm4-ecb"  # the identifier without a mode and without parameters, as public samples have it


def seal(
    plaintext: bytes,
    *,
    recipient: Sm2Certificate,
    entropy: Callable[[int], bytes],
    cipher: ContentCipher = ContentCipher.SM4_CBC,
) -> bytes:
    """DER. The SM4 key and the IV come from `entropy`."""
    key = entropy(_BLOCK)
    if cipher is ContentCipher.SM4_CBC:
        iv = entropy(_BLOCK)
        algorithm = messages.Algorithm(algorithm=oids.SM4_CBC, parameters=iv)
        mode: modes.CBC | modes.ECB = modes.CBC(iv)
    else:
        algorithm = messages.Algorithm(algorithm=oids.SM4, parameters=None)
        mode = modes.ECB()  # noqa: S305  # the dialect's choice, see ContentCipher
    padder, encryptor = PKCS7(128).padder(), Cipher(SM4(key), mode).encryptor()
    padded = padder.update(plaintext) + padder.finalize()
    enveloped = messages.EnvelopedData(
        version=1,
        recipients=asn1.SetOf(
            [
                messages.RecipientInfo(
                    version=1,
                    recipient=messages.name(recipient),
                    algorithm=messages.plain(oids.SM2_ENCRYPT),
                    key=recipient.public_key.encrypt(key),
                )
            ]
        ),
        content=messages.EncryptedContent(
            content_type=oids.DATA,
            algorithm=algorithm,
            content=encryptor.update(padded) + encryptor.finalize(),
        ),
    )
    return asn1.encode_der(messages.EnvelopedDataInfo(content_type=oids.ENVELOPED_DATA, content=enveloped))


def unseal(der: bytes, *, key: Sm2PrivateKey, certificate: Sm2Certificate) -> bytes:
    """The content. Raises DecodeError (another structure) or EnvelopeError (not ours, or it does not open)."""
    if len(der) > MAX_ENVELOPE:
        raise DecodeError("an envelope is too large")
    try:
        outer = asn1.decode_der(messages.EnvelopedDataInfo, der)
    except ValueError as error:
        raise DecodeError("not a GM/T 0010 envelope") from error
    enveloped, recipients = outer.content, outer.content.recipients.as_list()
    if outer.content_type != oids.ENVELOPED_DATA or enveloped.version not in messages.VERSIONS:
        raise DecodeError("not a GM/T 0010 envelope")
    if not 1 <= len(recipients) <= _MAX_RECIPIENTS:
        raise DecodeError("an envelope with no recipient or too many")
    ours = next((known for known in recipients if messages.names(known.recipient, certificate)), None)
    if ours is None:
        raise EnvelopeError("the envelope is addressed to somebody else")
    if ours.version not in messages.VERSIONS or not messages.is_plain(ours.algorithm, oids.SM2_ENCRYPT):
        raise DecodeError("a recipient's key is not under SM2")
    content_key = key.decrypt(ours.key)
    mode = _mode(enveloped.content.algorithm)
    content = enveloped.content.content
    if enveloped.content.content_type != oids.DATA or len(content_key) != _BLOCK:
        raise DecodeError("not an SM4 key, or not data inside")
    if content is None or not content or len(content) % _BLOCK:
        raise EnvelopeError("the content is not whole blocks")
    decryptor, unpadder = Cipher(SM4(content_key), mode).decryptor(), PKCS7(128).unpadder()
    padded = decryptor.update(content) + decryptor.finalize()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError as error:
        raise EnvelopeError("the content does not open") from error


def _mode(algorithm: messages.Algorithm) -> modes.CBC | modes.ECB:
    iv = algorithm.parameters
    if algorithm.algorithm == oids.SM4_CBC and isinstance(iv, bytes) and len(iv) == _BLOCK:
        return modes.CBC(iv)
    if algorithm.algorithm == oids.SM4 and not isinstance(iv, bytes):
        return modes.ECB()  # noqa: S305  # the dialect's choice, see ContentCipher
    raise DecodeError("the content is not under SM4")
