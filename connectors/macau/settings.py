"""`[providers.*]` of kind `macau`."""

from pathlib import Path

from connectors.adapter import OidcSettings


class MacauSettings(OidcSettings):
    """`department`: the broker's code among the registered departments. `department_keys`: folder of its private keys
    (`KID.pem`). `bureau_issuer`: who signs packets; unset, `{issuer}/bureau`, whose keys are at `/jwks` below it.
    """

    department: str
    department_keys: Path
    bureau_issuer: str | None = None
    bureau_jwks_uri: str | None = None

    @property
    def bureau(self) -> str:
        return self.bureau_issuer or f"{self.issuer}/bureau"

    @property
    def bureau_keys(self) -> str:
        return self.bureau_jwks_uri or f"{self.bureau}/jwks"
