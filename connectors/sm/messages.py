"""The DER structures of GM/T 0010 that signed data and envelopes share."""

from typing import Annotated, Final

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from connectors.sm import oids
from connectors.sm.certificate import Sm2Certificate

# Public samples carry 0 where the standard says 1; neither changes what the fields mean.
VERSIONS: Final = (0, 1)


@asn1.sequence
class Algorithm:
    """AlgorithmIdentifier; `parameters` is the IV of a cipher, NULL or absent otherwise."""

    algorithm: ObjectIdentifier
    parameters: bytes | asn1.Null | None


@asn1.sequence
class IssuerAndSerial:
    """GM/T 0010 6.7."""

    issuer: asn1.TLV
    serial: int


@asn1.sequence
class SignerInfo:
    """GM/T 0010 8.2, without authenticated attributes: the signature is over the content itself."""

    version: int
    signer: IssuerAndSerial
    digest: Algorithm
    signature_algorithm: Algorithm
    signature: bytes


@asn1.sequence
class Content:
    """ContentInfo of type data; absent content means a detached signature."""

    content_type: ObjectIdentifier
    content: Annotated[bytes | None, asn1.Explicit(0)]


@asn1.sequence
class SignedData:
    """GM/T 0010 8.1."""

    version: int
    digests: asn1.SetOf[Algorithm]
    content: Content
    certificates: Annotated[asn1.SetOf[asn1.TLV] | None, asn1.Implicit(0)]  # not looked into
    signers: asn1.SetOf[SignerInfo]


@asn1.sequence
class SignedDataInfo:
    """ContentInfo of type signedData."""

    content_type: ObjectIdentifier
    content: Annotated[SignedData, asn1.Explicit(0)]


@asn1.sequence
class RecipientInfo:
    """GM/T 0010 9.2; `key` is the DER of an SM2 ciphertext."""

    version: int
    recipient: IssuerAndSerial
    algorithm: Algorithm
    key: bytes


@asn1.sequence
class EncryptedContent:
    """EncryptedContentInfo of GM/T 0010 9.1, without the shared information that key agreement uses."""

    content_type: ObjectIdentifier
    algorithm: Algorithm
    content: Annotated[bytes | None, asn1.Implicit(0)]


@asn1.sequence
class EnvelopedData:
    """GM/T 0010 9.1."""

    version: int
    recipients: asn1.SetOf[RecipientInfo]
    content: EncryptedContent


@asn1.sequence
class EnvelopedDataInfo:
    """ContentInfo of type envelopedData."""

    content_type: ObjectIdentifier
    content: Annotated[EnvelopedData, asn1.Explicit(0)]


def name(certificate: Sm2Certificate) -> IssuerAndSerial:
    """How messages refer to `certificate`."""
    return IssuerAndSerial(issuer=asn1.decode_der(asn1.TLV, certificate.issuer), serial=certificate.serial)


def names(reference: IssuerAndSerial, certificate: Sm2Certificate) -> bool:
    """Whether `reference` means `certificate`."""
    return asn1.encode_der(reference) == asn1.encode_der(name(certificate))


def plain(algorithm: ObjectIdentifier) -> Algorithm:
    """An algorithm with NULL parameters, as known clients write SM2 and SM3."""
    return Algorithm(algorithm=algorithm, parameters=asn1.Null())


def is_plain(value: Algorithm, *algorithms: ObjectIdentifier) -> bool:
    """One of `algorithms`, with NULL or no parameters."""
    return value.algorithm in algorithms and not isinstance(value.parameters, bytes)


SM3: Final = plain(oids.SM3)
