"""`tongguan tls`: a certificate authority for one machine and a server certificate, so that a phone on the same network
gets a secure origin. Not for production.
"""

import ipaddress
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

app = typer.Typer(no_args_is_help=True)

_AUTHORITY_DAYS = 90
_SERVER_DAYS = 30
_CLOCK_SLACK = timedelta(hours=1)


@app.callback()
def _group() -> None:
    """Make a local certificate authority and certificates."""


@app.command()
def make(
    home: Annotated[Path, typer.Option("--home", help="Where ca.pem, server.pem and server.key go.")],
    host: Annotated[list[str], typer.Option("--host", help="Name or address of the server; may be repeated.")],
) -> None:
    """Make or renew the server certificate; the authority is made once and kept while it lasts and covers the hosts."""
    hosts = [_general_name(name) for name in dict.fromkeys(host)]
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = datetime.now(UTC)
    authority, authority_key = _authority(home, hosts, now)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _server_certificate(authority, authority_key, key.public_key(), hosts, now)
    _write_private(home / "server.key", key)
    # The chain as servers send it; the authority itself is what people install.
    (home / "server.pem").write_bytes(_pem(certificate) + _pem(authority))
    print(f"{home / 'server.pem'} for {', '.join(host)} until {certificate.not_valid_after_utc:%Y-%m-%d}")
    print(f"Install {home / 'ca.pem'} on the phone; it can vouch for these hosts only.")


def _authority(
    home: Path, hosts: list[x509.GeneralName], now: datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The kept authority, or a new one that is constrained to the hosts (RFC 5280 4.2.1.10)."""
    certificate_file, key_file = home / "ca.pem", home / "ca.key"
    constraints = _constraints(hosts)
    if certificate_file.exists() and key_file.exists():
        kept = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        lasting = kept.not_valid_after_utc > now + timedelta(days=_SERVER_DAYS)
        covered = kept.extensions.get_extension_for_class(x509.NameConstraints).value
        key = load_pem_private_key(key_file.read_bytes(), None)
        if lasting and covered == constraints and isinstance(key, ec.EllipticCurvePrivateKey):
            return kept, key
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Tongguan local {os.urandom(4).hex()}")])
    certificate = (
        _unsigned(name, name, key.public_key(), now, _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .add_extension(constraints, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write_private(key_file, key)
    certificate_file.write_bytes(_pem(certificate))
    return certificate, key


def _server_certificate(
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    public: ec.EllipticCurvePublicKey,
    hosts: list[x509.GeneralName],
    now: datetime,
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tongguan server")])
    return (
        _unsigned(name, authority.subject, public, now, _SERVER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _unsigned(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SLACK)
        .not_valid_after(now + timedelta(days=days))
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _constraints(hosts: list[x509.GeneralName]) -> x509.NameConstraints:
    """These hosts and no others. A kind that is not named at all would be unconstrained, hence the empty exclusions."""
    permitted: list[x509.GeneralName] = []
    for host in hosts:
        if isinstance(host, x509.IPAddress):
            permitted.append(x509.IPAddress(ipaddress.ip_network(host.value)))
        else:
            permitted.append(host)
    excluded: list[x509.GeneralName] = []
    if not any(isinstance(host, x509.IPAddress) for host in hosts):
        excluded += [x509.IPAddress(ipaddress.ip_network("0.0.0.0/0")), x509.IPAddress(ipaddress.ip_network("::/0"))]
    if not any(isinstance(host, x509.DNSName) for host in hosts):
        excluded.append(x509.DNSName(""))
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=excluded or None)


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _write_private(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(text)
    fresh.replace(path)
