"""The table `[providers.NAME]` of kind `ctid`."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from connectors.adapter import AdapterSettings
from connectors.ctid.modes import APP_TYPE, WORTH, AuthMode
from connectors.sm.enveloped_data import ContentCipher

Origin = Annotated[str, Field(pattern=r"^https?://[^/?#]+/?$"), AfterValidator(lambda url: url.rstrip("/"))]


class CtidSettings(AdapterSettings):
    """Where the platform and the app are, as whom we are registered, and where our keys lie (PEM; relative paths start
    at the broker's home). specs/ctid.md 2.
    """

    platform: Origin
    app: Annotated[str, Field(pattern=r"^https?://[^?#]+$")]
    """The page that stands for the app, or the universal link that opens it."""
    customer_number: Annotated[str, Field(min_length=1, max_length=32)]
    app_name: Annotated[str, Field(min_length=1, max_length=64)]
    org_id: Annotated[str, Field(min_length=1, max_length=32)]
    app_id: Annotated[str, Field(min_length=1, max_length=32)]
    mode: AuthMode = AuthMode.APP_FACE
    signing_key: Path
    signing_certificate: Path
    encryption_key: Path
    encryption_certificate: Path
    platform_certificates: Path
    """The platform's certificates, one after the other: the first to seal for, any of them to believe."""
    content_cipher: ContentCipher = ContentCipher.SM4_CBC
    clock_skew: Annotated[int, Field(ge=0, le=600)] = 120
    """Seconds."""

    @model_validator(mode="after")
    def _login_rests_on_it(self) -> Self:
        if self.mode not in APP_TYPE or WORTH[self.mode].acr is None:
            accepted = ", ".join(mode for mode in APP_TYPE if WORTH[mode].acr is not None)
            raise ValueError(f"mode: a login by the app is one of {accepted}")
        return self
