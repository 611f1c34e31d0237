"""SM2 certificates (GM/T 0015): read, pinned rather than chained, and self-signed ones for mocks and tests."""

import re
from base64 import b64decode
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier
from cryptography.x509.oid import NameOID

from connectors.sm import oids
from connectors.sm.errors import DecodeError
from connectors.sm.keys import Sm2PrivateKey, Sm2PublicKey, pem_block

MAX_CERTIFICATE: Final = 16 * 1024
MAX_BUNDLE: Final = 64  # certificates in one file
_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
_SIGN_AND_ENCRYPT: Final = bytes.fromhex("030203f8")  # KeyUsage: the five bits from digitalSignature to keyAgreement


@asn1.sequence
class _KeyAlgorithm:
    algorithm: ObjectIdentifier
    curve: ObjectIdentifier


@asn1.sequence
class _PublicKeyInfo:
    algorithm: _KeyAlgorithm
    point: asn1.BitString


@asn1.sequence
class _SignatureAlgorithm:
    algorithm: ObjectIdentifier
    parameters: asn1.Null | None


@asn1.sequence
class _Validity:
    not_before: asn1.UTCTime | asn1.GeneralizedTime
    not_after: asn1.UTCTime | asn1.GeneralizedTime


@asn1.sequence
class _Extension:
    identifier: ObjectIdentifier
    critical: Annotated[bool, asn1.Default(False)]
    value: bytes


@asn1.sequence
class _ToBeSigned:
    """RFC 5280 4.1."""

    version: Annotated[int, asn1.Explicit(0), asn1.Default(0)]
    serial: int
    signature: _SignatureAlgorithm
    issuer: asn1.TLV
    validity: _Validity
    subject: asn1.TLV
    public_key: _PublicKeyInfo
    issuer_id: Annotated[asn1.BitString | None, asn1.Implicit(1)]
    subject_id: Annotated[asn1.BitString | None, asn1.Implicit(2)]
    extensions: Annotated[list[_Extension] | None, asn1.Explicit(3)]


@asn1.sequence
class _Certificate:
    to_be_signed: asn1.TLV
    algorithm: _SignatureAlgorithm
    signature: asn1.BitString


@dataclass(frozen=True)
class Sm2Certificate:
    """`issuer` is the DER of the issuer's name: with `serial` it says which certificate is meant (GM/T 0010 6.7)."""

    der: bytes = field(repr=False)
    issuer: bytes = field(repr=False)
    serial: int
    not_before: datetime
    not_after: datetime
    public_key: Sm2PublicKey

    @classmethod
    def from_der(cls, der: bytes) -> Self:
        """Raises DecodeError for anything but an X.509 certificate of an SM2 key. Its own signature is not looked at:
        what counts is that the file it came from was trusted.
        """
        if len(der) > MAX_CERTIFICATE:
            raise DecodeError("a certificate is too large")
        try:
            outer = x509.load_der_x509_certificate(der)
            inner = asn1.decode_der(_ToBeSigned, outer.tbs_certificate_bytes)
            issuer = outer.issuer.public_bytes()
        except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm) as error:
            raise DecodeError("not a certificate") from error
        algorithm = inner.public_key.algorithm
        if (algorithm.algorithm, algorithm.curve) != (oids.EC_PUBLIC_KEY, oids.SM2_CURVE):
            raise DecodeError("not a certificate of an SM2 key")
        point = Sm2PublicKey.from_sec1(inner.public_key.point.as_bytes())
        return cls(der, issuer, inner.serial, outer.not_valid_before_utc, outer.not_valid_after_utc, point)

    def valid_at(self, at: datetime) -> bool:
        return self.not_before <= at <= self.not_after

    def pem(self) -> bytes:
        return pem_block("CERTIFICATE", self.der)


def read_certificates(pem: bytes) -> tuple[Sm2Certificate, ...]:
    """Every certificate of a PEM file. Raises DecodeError, also for none."""
    blocks = _PEM.findall(pem) if len(pem) <= MAX_BUNDLE * MAX_CERTIFICATE * 2 else []
    if not 1 <= len(blocks) <= MAX_BUNDLE:
        raise DecodeError("no certificate in PEM, or too many")
    try:
        return tuple(Sm2Certificate.from_der(b64decode(block)) for block in blocks)
    except ValueError as error:
        raise DecodeError("not base64") from error


def self_signed(
    key: Sm2PrivateKey, *, name: str, serial: int, not_before: datetime, not_after: datetime
) -> Sm2Certificate:
    """A certificate of `key` by itself, for signing and encrypting. `serial`: positive, at most 20 bytes."""
    attributes = [x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    issuer = asn1.decode_der(asn1.TLV, x509.Name(attributes).public_bytes())
    algorithm = _SignatureAlgorithm(algorithm=oids.SM2_WITH_SM3, parameters=None)
    tbs = asn1.encode_der(
        _ToBeSigned(
            version=2,
            serial=serial,
            signature=algorithm,
            issuer=issuer,
            validity=_Validity(not_before=_time(not_before), not_after=_time(not_after)),
            subject=issuer,
            public_key=_PublicKeyInfo(
                algorithm=_KeyAlgorithm(algorithm=oids.EC_PUBLIC_KEY, curve=oids.SM2_CURVE),
                point=asn1.BitString(key.public_key.sec1, 0),
            ),
            issuer_id=None,
            subject_id=None,
            extensions=[_Extension(identifier=oids.KEY_USAGE, critical=True, value=_SIGN_AND_ENCRYPT)],
        )
    )
    whole = _Certificate(
        to_be_signed=asn1.decode_der(asn1.TLV, tbs), algorithm=algorithm, signature=asn1.BitString(key.sign(tbs), 0)
    )
    return Sm2Certificate.from_der(asn1.encode_der(whole))


def _time(moment: datetime) -> asn1.UTCTime | asn1.GeneralizedTime:
    """RFC 5280 4.1.2.5: UTCTime until 2049."""
    exact = moment.replace(microsecond=0)
    return asn1.UTCTime(exact) if exact.year < 2050 else asn1.GeneralizedTime(exact)
