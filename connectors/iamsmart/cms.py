"""`pdfSignature`: a detached CMS SignedData (RFC 5652), one signer, SHA-256 with RSA, as a PDF holds it.

Only that shape is read. The signature covers the signed attributes, one of which is the document's digest, so whoever
has the digest alone can sign, and whoever has the document can verify with any CMS tool.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ObjectIdentifier

_DATA: Final = ObjectIdentifier("1.2.840.113549.1.7.1")
_SIGNED_DATA: Final = ObjectIdentifier("1.2.840.113549.1.7.2")
_CONTENT_TYPE: Final = ObjectIdentifier("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST: Final = ObjectIdentifier("1.2.840.113549.1.9.4")
_SIGNING_TIME: Final = ObjectIdentifier("1.2.840.113549.1.9.5")
_SHA256: Final = ObjectIdentifier("2.16.840.1.101.3.4.2.1")
_RSA: Final = ObjectIdentifier("1.2.840.113549.1.1.1")
_SHA256_RSA: Final = ObjectIdentifier("1.2.840.113549.1.1.11")
_MAX: Final = 64 * 1024


class CmsError(Exception):
    """Not a CMS signature of the one shape that is read."""


@asn1.sequence
class _Algorithm:
    algorithm: ObjectIdentifier
    parameters: asn1.Null | None


@asn1.sequence
class _Attribute:
    type: ObjectIdentifier
    values: asn1.SetOf[asn1.TLV]


@asn1.sequence
class _SignerId:
    issuer: asn1.TLV
    serial: int


@asn1.sequence
class _SignerInfo:
    version: int
    sid: _SignerId
    digest: _Algorithm
    attributes: Annotated[asn1.SetOf[_Attribute], asn1.Implicit(0)]
    algorithm: _Algorithm
    signature: bytes


@asn1.sequence
class _Content:
    type: ObjectIdentifier


@asn1.sequence
class _SignedData:
    version: int
    digests: asn1.SetOf[_Algorithm]
    content: _Content
    certificates: Annotated[asn1.SetOf[x509.Certificate], asn1.Implicit(0)]
    signers: asn1.SetOf[_SignerInfo]


@asn1.sequence
class _ContentInfo:
    type: ObjectIdentifier
    content: Annotated[_SignedData, asn1.Explicit(0)]


@dataclass(frozen=True)
class Signed:
    """A signature whose mathematics hold; whether `certificate` is to be believed is the caller's question."""

    digest: bytes
    certificate: x509.Certificate
    signed_at: datetime


def make(digest: bytes, *, key: rsa.RSAPrivateKey, certificate: x509.Certificate, at: datetime) -> bytes:
    """DER over the SHA-256 `digest` of a document."""
    attributes = asn1.SetOf(
        [
            _attribute(_CONTENT_TYPE, asn1.encode_der(_DATA)),
            _attribute(_SIGNING_TIME, asn1.encode_der(asn1.UTCTime(at.astimezone(UTC).replace(microsecond=0)))),
            _attribute(_MESSAGE_DIGEST, asn1.encode_der(digest)),
        ]
    )
    sha_256 = _Algorithm(algorithm=_SHA256, parameters=asn1.Null())
    signer = _SignerInfo(
        version=1,
        sid=_SignerId(issuer=_tlv(certificate.issuer.public_bytes()), serial=certificate.serial_number),
        digest=sha_256,
        attributes=attributes,
        algorithm=_Algorithm(algorithm=_RSA, parameters=asn1.Null()),
        signature=key.sign(asn1.encode_der(attributes), padding.PKCS1v15(), hashes.SHA256()),
    )
    signed = _SignedData(
        version=1,
        digests=asn1.SetOf([sha_256]),
        content=_Content(type=_DATA),
        certificates=asn1.SetOf([certificate]),
        signers=asn1.SetOf([signer]),
    )
    return asn1.encode_der(_ContentInfo(type=_SIGNED_DATA, content=signed))


def read(der: bytes) -> Signed:
    """Check one signature. Raises CmsError and nothing else."""
    if len(der) > _MAX:
        raise CmsError("the signature is too large")
    try:
        return _read(der)
    except (ValueError, TypeError, OverflowError, InvalidSignature, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise CmsError(f"not a valid signature: {type(error).__name__}") from None


def _read(der: bytes) -> Signed:
    info = asn1.decode_der(_ContentInfo, der)
    signers = info.content.signers.as_list()
    if info.type != _SIGNED_DATA or info.content.content.type != _DATA or len(signers) != 1:
        raise CmsError("not a detached signature of one signer")
    (signer,) = signers
    # (1) SHA-256 and RSA, nothing else
    if signer.digest.algorithm != _SHA256 or signer.algorithm.algorithm not in (_RSA, _SHA256_RSA):
        raise CmsError("another algorithm than SHA-256 with RSA")
    # (2) the signed attributes: each once (RFC 5652 5.3, 11)
    attributes = signer.attributes.as_list()
    if _one(attributes, _CONTENT_TYPE).parse(ObjectIdentifier) != _DATA:
        raise CmsError("the signed content type is another")
    digest = _one(attributes, _MESSAGE_DIGEST).parse(bytes)
    signed_at = _one(attributes, _SIGNING_TIME).parse(asn1.UTCTime).as_datetime().replace(tzinfo=UTC)
    # (3) the signer's certificate, by issuer and serial number
    certificate = _signer(info.content.certificates.as_list(), signer.sid)
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise CmsError("the signer's key is not RSA")
    # (4) the signature over the attributes as a SET OF (RFC 5652 5.4)
    key.verify(signer.signature, asn1.encode_der(signer.attributes), padding.PKCS1v15(), hashes.SHA256())
    return Signed(digest, certificate, signed_at)


def _one(attributes: list[_Attribute], name: ObjectIdentifier) -> asn1.TLV:
    values = [each.values.as_list() for each in attributes if each.type == name]
    if len(values) != 1 or len(values[0]) != 1:
        raise CmsError("a signed attribute is missing or repeated")
    return values[0][0]


def _signer(certificates: list[x509.Certificate], sid: _SignerId) -> x509.Certificate:
    issuer = asn1.encode_der(sid.issuer)
    for certificate in certificates:
        if certificate.serial_number == sid.serial and certificate.issuer.public_bytes() == issuer:
            return certificate
    raise CmsError("the signer's certificate is not there")


def _attribute(name: ObjectIdentifier, value: bytes) -> _Attribute:
    return _Attribute(type=name, values=asn1.SetOf([_tlv(value)]))


def _tlv(der: bytes) -> asn1.TLV:
    return asn1.decode_der(asn1.TLV, der)
