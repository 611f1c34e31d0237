"""A person's signature over a document, checked against the digest that was sent (specs/iamsmart.md 6).

1. the result is about the digest that was asked for
2. the certificate comes from an authority we were told to believe, is of our time, and is for signing
3. the signature verifies under it, over that digest
4. the time of signing is now
"""

import binascii
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding

from broker.wire.approval_connector import DocumentSignature
from connectors.iamsmart import cms
from connectors.iamsmart.api import moment

ALGORITHM: Final = "SHA256withRSA"
PDF_ALGORITHM: Final = "CMS/SHA256withRSA"  # `signature` is then a whole detached SignedData (RFC 5652)
SKEW: Final = timedelta(minutes=5)
TASK: Final = timedelta(hours=1)
_MAX: Final = 64 * 1024


class SignatureRefused(Exception):
    """Why a signature is not accepted; names no person."""


def read_signature(
    content: Mapping[str, Any],
    *,
    anchors: Sequence[x509.Certificate],
    expected_sha256: bytes,
    evidence_hash: bytes,
    at: datetime,
) -> DocumentSignature:
    """A result `{hashCode, timestamp, signature, cert}` or `{docDigest, pdfSignature}`. Raises SignatureRefused."""
    if not anchors:
        raise SignatureRefused("no authority for signing certificates is configured")
    pdf = "pdfSignature" in content
    if document_of(content) != expected_sha256:
        raise SignatureRefused("the result is about another document")
    if pdf:
        signature = _base64(content.get("pdfSignature"))
        try:
            signed = cms.read(signature)
        except cms.CmsError as error:
            raise SignatureRefused(str(error)) from None
        if signed.digest != expected_sha256:
            raise SignatureRefused("the signature is over another document")
        certificate, signed_at = signed.certificate, signed.signed_at
    else:
        signature, certificate = _base64(content.get("signature")), _certificate(content.get("cert"))
        signed_at = _moment(content.get("timestamp"))
        _verify(certificate, signature, expected_sha256)
    _believe(certificate, anchors, signed_at)
    if not at - TASK <= signed_at <= at + SKEW:
        raise SignatureRefused("the time of signing is not now")
    return DocumentSignature(
        sha256=expected_sha256,
        signature=signature,
        certificate=certificate.public_bytes(Encoding.DER),
        algorithm=PDF_ALGORITHM if pdf else ALGORITHM,
        signed_at=signed_at,
        evidence_hash=evidence_hash,
    )


def document_of(content: Mapping[str, Any]) -> bytes:
    """The digest a result says it is about. Raises SignatureRefused when it names none."""
    digest = _base64(content.get("docDigest" if "pdfSignature" in content else "hashCode"))
    if len(digest) != 32:
        raise SignatureRefused("the digest is no SHA-256")
    return digest


def _verify(certificate: x509.Certificate, signature: bytes, digest: bytes) -> None:
    """RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 8.2) whose digest is the document's: any tool verifies the document."""
    try:
        _rsa_key(certificate).verify(signature, digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
    except InvalidSignature:
        raise SignatureRefused("the signature does not verify") from None


def _believe(certificate: x509.Certificate, anchors: Sequence[x509.Certificate], at: datetime) -> None:
    """One step below an anchor, both valid at `at`, its key RSA of 2048 bits, for digital signature or commitment
    (RFC 5280 4.2.1.3).
    """
    if _rsa_key(certificate).key_size < 2048:
        raise SignatureRefused("the signer's key is too short")
    if not any(_issued_by(certificate, anchor) and _valid(anchor, at) for anchor in anchors):
        raise SignatureRefused("the certificate is of no authority we believe")
    if not _valid(certificate, at):
        raise SignatureRefused("the certificate was not valid when it signed")
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        raise SignatureRefused("the certificate does not say what its key is for") from None
    if not (usage.digital_signature or usage.content_commitment):
        raise SignatureRefused("the certificate's key is not for signing")


def _issued_by(certificate: x509.Certificate, anchor: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(anchor)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _valid(certificate: x509.Certificate, at: datetime) -> bool:
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def _rsa_key(certificate: x509.Certificate) -> rsa.RSAPublicKey:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPublicKey):
        raise SignatureRefused("the signer's key is not RSA")
    return key


def _certificate(value: object) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(_base64(value))
    except (ValueError, x509.InvalidVersion):
        raise SignatureRefused("cert is not a certificate") from None


def _moment(value: object) -> datetime:
    found = moment(value)
    if found is None:
        raise SignatureRefused("the time of signing is not readable")
    return found


def _base64(value: object) -> bytes:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX:
        raise SignatureRefused("a member of the result is missing")
    try:
        return b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        raise SignatureRefused("a member of the result is not base64") from None
