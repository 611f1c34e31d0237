"""A service registered at the mock: what the self-service portal of the real one holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from connectors.iamsmart.content_key import KeyWrap
from connectors.iamsmart.request_signature import SignatureRule
from connectors.mock_idps.settings import MockSettings


@dataclass(frozen=True)
class Service:
    """`public_key`: of the uploaded certificate; None when none was. `callback_url`: where results are posted."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: frozenset[str]
    callback_url: str | None
    public_key: rsa.RSAPublicKey | None
    rule: SignatureRule = field(default_factory=SignatureRule)
    wrap: KeyWrap = KeyWrap.PKCS1V15


def service_of(settings: MockSettings, options: Mapping[str, str]) -> Service:
    """The one service the command line registers. `options`: `certificate` (PEM file), `key_wrap`,
    `signature_covers_body`, `signature_url_encoded` (`yes` or `no`). Raises OSError or ValueError.
    """
    return Service(
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        redirect_uris=settings.redirect_uris,
        callback_url=settings.callback_url,
        public_key=read_public_key(Path(options["certificate"])) if "certificate" in options else None,
        rule=SignatureRule(
            options.get("signature_covers_body", "yes") == "yes", options.get("signature_url_encoded", "yes") == "yes"
        ),
        wrap=KeyWrap(options.get("key_wrap", KeyWrap.PKCS1V15)),
    )


def read_public_key(certificate: Path) -> rsa.RSAPublicKey:
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size != 2048:
        raise ValueError(f"{certificate} is not for an RSA key of 2048 bits")
    return key
