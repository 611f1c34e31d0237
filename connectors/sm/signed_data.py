"""GM/T 0010 SignedData over one message by one signer, detached unless said otherwise."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from cryptography.hazmat import asn1

from connectors.sm import messages, oids
from connectors.sm.certificate import Sm2Certificate
from connectors.sm.errors import DecodeError, SignatureError
from connectors.sm.keys import Sm2PrivateKey

MAX_SIGNED: Final = 6 * 1024 * 1024  # an attached content may hold a photograph


def sign(content: bytes, *, key: Sm2PrivateKey, certificate: Sm2Certificate, attached: bool = False) -> bytes:
    """DER, with the certificate inside."""
    signer = messages.SignerInfo(
        version=1,
        signer=messages.name(certificate),
        digest=messages.SM3,
        signature_algorithm=messages.plain(oids.SM2_SIGN),
        signature=key.sign(content),
    )
    signed = messages.SignedData(
        version=1,
        digests=asn1.SetOf([messages.SM3]),
        content=messages.Content(content_type=oids.DATA, content=content if attached else None),
        certificates=asn1.SetOf([asn1.decode_der(asn1.TLV, certificate.der)]),
        signers=asn1.SetOf([signer]),
    )
    return asn1.encode_der(messages.SignedDataInfo(content_type=oids.SIGNED_DATA, content=signed))


def verify(der: bytes, content: bytes, *, trusted: Iterable[Sm2Certificate], at: datetime) -> Sm2Certificate:
    """The trusted certificate whose key signed `content`. Raises DecodeError or SignatureError.

    1. signedData of version 1, SM3 alone, over data;
    2. an attached content is the content we were given;
    3. one signer, without authenticated attributes;
    4. the signer is one of `trusted`: certificates inside the message prove nothing;
    5. the certificate is valid at `at`;
    6. the signature verifies.
    """
    if len(der) > MAX_SIGNED:
        raise DecodeError("signed data is too large")
    try:
        outer = asn1.decode_der(messages.SignedDataInfo, der)
    except ValueError as error:
        raise DecodeError("not GM/T 0010 signed data") from error
    signed, signers = outer.content, outer.content.signers.as_list()
    # (1)
    digests = signed.digests.as_list()
    if outer.content_type != oids.SIGNED_DATA or signed.version != 1 or signed.content.content_type != oids.DATA:
        raise DecodeError("not GM/T 0010 signed data")
    if len(digests) != 1 or not messages.is_plain(digests[0], oids.SM3):
        raise DecodeError("signed data with another digest than SM3")
    # (2)
    if signed.content.content is not None and signed.content.content != content:
        raise SignatureError("the signature is over another content")
    # (3)
    if len(signers) != 1 or signers[0].version != 1:
        raise DecodeError("signed data without exactly one signer of version 1")
    signer = signers[0]
    if not messages.is_plain(signer.digest, oids.SM3) or not messages.is_plain(
        signer.signature_algorithm, oids.SM2_SIGN, oids.SM2_WITH_SM3
    ):
        raise DecodeError("signed data with another algorithm than SM2 with SM3")
    # (4)
    certificate = next((known for known in trusted if messages.names(signer.signer, known)), None)
    if certificate is None:
        raise UnknownSigner("the signer's certificate is not among the trusted")
    # (5)
    if not certificate.valid_at(at):
        raise SignatureError("the signer's certificate is not valid now")
    # (6)
    certificate.public_key.verify(signer.signature, content)
    return certificate


class UnknownSigner(SignatureError):
    """Perhaps a new certificate: worth one look at the file of trusted ones."""
