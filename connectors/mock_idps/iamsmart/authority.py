"""The certification authority of the mock, and its people's keys: real RSA, invented names.

`python -m connectors.mock_idps.iamsmart DIR` lays out the files that a broker and its mock need.
"""

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from connectors.iamsmart import cms

SERVICE_KEY: Final = "service-key.pem"
SERVICE_CERTIFICATE: Final = "service-certificate.pem"
AUTHORITY_KEY: Final = "signing-authority-key.pem"
AUTHORITY: Final = "signing-authority.pem"
_YEARS: Final = timedelta(days=3650)


def _certificate(
    name: str, key: rsa.RSAPublicKey, issuer: x509.Name | None, signer: rsa.RSAPrivateKey, *, at: datetime, signs: bool
) -> x509.Certificate:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Mock iAM Smart: invented people only"),
            x509.NameAttribute(NameOID.COMMON_NAME, name[:64]),
        ]
    )
    authority = issuer is None
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + _YEARS)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=signs,
                content_commitment=signs,
                key_encipherment=not signs and not authority,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=authority,
                crl_sign=authority,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(signer, hashes.SHA256())
    )


@dataclass(frozen=True)
class Signer:
    """A person's signing key."""

    key: rsa.RSAPrivateKey = field(repr=False)
    certificate: x509.Certificate

    def hash_result(self, digest: bytes, *, at: datetime) -> dict[str, object]:
        """`hashCode, timestamp, signature, cert`; the signature verifies over the document itself."""
        signature = self.key.sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
        return {
            "hashCode": b64encode(digest).decode(),
            "timestamp": int(at.timestamp() * 1000),
            "signature": b64encode(signature).decode(),
            "cert": b64encode(self.certificate.public_bytes(Encoding.DER)).decode(),
        }

    def pdf_result(self, digest: bytes, *, at: datetime) -> dict[str, object]:
        """`docDigest, pdfSignature`."""
        signature = cms.make(digest, key=self.key, certificate=self.certificate, at=at)
        return {"docDigest": b64encode(digest).decode(), "pdfSignature": b64encode(signature).decode()}


@dataclass
class Authority:
    """Issues a certificate to each person when they first sign."""

    key: rsa.RSAPrivateKey = field(repr=False)
    certificate: x509.Certificate
    _signers: dict[str, Signer] = field(default_factory=dict, repr=False)

    @classmethod
    def make(cls, at: datetime) -> Self:
        key = rsa.generate_private_key(65537, 2048)
        name = "Mock Signing Authority (synthetic)"
        return cls(key, _certificate(name, key.public_key(), None, key, at=at, signs=False))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Raises OSError or ValueError."""
        key = load_pem_private_key((folder / AUTHORITY_KEY).read_bytes(), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError(f"{folder / AUTHORITY_KEY} is not an RSA key")  # noqa: TRY004  a wrong file, not a wrong type
        return cls(key, x509.load_pem_x509_certificate((folder / AUTHORITY).read_bytes()))

    def signer(self, person_id: str, name: str, *, at: datetime) -> Signer:
        if person_id not in self._signers:
            key = rsa.generate_private_key(65537, 2048)
            issued = _certificate(name, key.public_key(), self.certificate.subject, self.key, at=at, signs=True)
            self._signers[person_id] = Signer(key, issued)
        return self._signers[person_id]


def lay_out(folder: Path, *, at: datetime | None = None) -> None:
    """Write the service's key and certificate, and the signing authority's, into `folder` (0700)."""
    at = at or datetime.now(UTC)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    service = rsa.generate_private_key(65537, 2048)
    certificate = _certificate("Mock service", service.public_key(), None, service, at=at, signs=False)
    authority = Authority.make(at)
    for name, key in ((SERVICE_KEY, service), (AUTHORITY_KEY, authority.key)):
        (folder / name).touch(0o600)
        (folder / name).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / SERVICE_CERTIFICATE).write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / AUTHORITY).write_bytes(authority.certificate.public_bytes(Encoding.PEM))
