"""`[providers.NAME]` of kind `iamsmart` (specs/iamsmart.md 9)."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import AfterValidator, Field, SecretStr

from connectors.adapter import AdapterSettings
from connectors.iamsmart.content_key import KeyWrap
from connectors.iamsmart.request_signature import SignatureRule

T = TypeVar("T")
Scope = Literal["eidapi_auth", "eidapi_profiles", "eidapi_formFilling", "eidapi_sign", "eidapi_fr", "eidapi_bulksign"]


class IamSmartSettings(AdapterSettings):
    """Where iAM Smart is and as which service we are registered there. Paths start at the broker's home."""

    issuer: Annotated[str, AfterValidator(lambda issuer: issuer.rstrip("/"))]
    """Scheme and authority; `/api/v1` is added."""
    client_id: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[!-~]+$")]
    client_secret: SecretStr
    private_key: Path
    """PEM of the RSA key whose certificate was uploaded: it unwraps the content key."""
    signing_anchors: Path | None = None
    """PEM of the authorities that issue people's signing certificates. Without them no signature is accepted."""
    scopes: tuple[Scope, ...] = (
        "eidapi_auth", "eidapi_profiles", "eidapi_formFilling", "eidapi_sign", "eidapi_fr",
    )  # fmt: skip
    source: str = Field(default="PC_Browser", pattern=r"^[A-Za-z_]{3,30}$")
    key_wrap: KeyWrap = KeyWrap.PKCS1V15
    signature_covers_body: bool = True
    signature_url_encoded: bool = True
    portrait: Literal["none", "synthetic_field"] = "none"
    """`synthetic_field`: ask for the photograph in a profile field that only the mock has."""

    @property
    def signature_rule(self) -> SignatureRule:
        return SignatureRule(self.signature_covers_body, self.signature_url_encoded)


def read_private_key(path: Path) -> rsa.RSAPrivateKey:
    """Raises OSError or ValueError, whose text names the file and never its contents."""
    key = _pem(path, lambda raw: load_pem_private_key(raw, None))
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < 2048:
        raise ValueError(f"{path} holds no RSA key of at least 2048 bits")
    return key


def read_anchors(path: Path | None) -> tuple[x509.Certificate, ...]:
    """Raises OSError or ValueError."""
    return tuple(_pem(path, x509.load_pem_x509_certificates)) if path is not None else ()


def _pem(path: Path, read: Callable[[bytes], T]) -> T:
    try:
        return read(path.read_bytes())
    except (ValueError, TypeError):
        raise ValueError(f"{path} is not readable PEM") from None
