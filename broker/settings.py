"""What an operator decides, read once by the composition root and passed on as a value.

Sources, strongest first: arguments, `TONGGUAN_*` environment variables, `broker.toml` in the home directory. Secrets
have no default. Nothing here is read at import.
"""

import tomllib
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    SkipValidation,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

CONFIG_FILE = "broker.toml"
Language = Literal["zh-Hant", "zh-Hans", "en", "pt"]
LANGUAGES: tuple[Language, ...] = ("zh-Hant", "zh-Hans", "en", "pt")


class SettingsError(Exception):
    """The home directory or its configuration cannot be used; the message says what to change."""


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/") or parts.query:
        raise ValueError("an origin is scheme://host[:port] and nothing more")
    return f"{parts.scheme}://{parts.netloc}"


Origin = Annotated[str, AfterValidator(_origin)]


def _merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """One mapping; a later layer wins, table by table."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            below = result.get(key)
            if isinstance(below, Mapping) and isinstance(value, Mapping):
                value = _merged(below, value)
            result[key] = value
    return result


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProviderSettings(_Section):
    """One identity provider. `kind` names its adapter (by default the provider's own name); everything else in its
    table is that adapter's, as `connectors.read_settings` checks it.
    """

    kind: str
    # Its people are invented: only such providers serve a sandbox.
    synthetic: bool = False
    options: SkipValidation[Any] = Field(repr=False)

    @model_validator(mode="before")
    @classmethod
    def _by_its_adapter(cls, table: Any) -> Any:
        if not isinstance(table, Mapping) or not isinstance(table.get("kind"), str):
            raise ValueError("an identity provider is a table with a kind")  # noqa: TRY004  pydantic wants it
        # Imported here: the command line reads settings for commands that never meet a provider.
        from connectors import read_settings

        ours = {name: value for name, value in table.items() if name in ("kind", "synthetic")}
        options = {name: value for name, value in table.items() if name not in ours}
        return {**ours, "options": read_settings(table["kind"], options)}


def _named_kinds(tables: Any) -> Any:
    if not isinstance(tables, Mapping):
        return tables
    return {name: {"kind": name, **table} if isinstance(table, Mapping) else table for name, table in tables.items()}


Providers = Annotated[
    dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{1,31}$")], ProviderSettings], BeforeValidator(_named_kinds)
]


class WalletSettings(_Section):
    """The wallet, a public client of the authorization server."""

    client_id: str = "tongguan-wallet"
    origins: tuple[Origin, ...] = ()
    redirect_uris: tuple[str, ...] = ()
    # Where a consent page may send the browser back to; compared without query and fragment.
    return_uris: tuple[str, ...] = ()


class Settings(BaseSettings):
    """Everything the broker is told from outside. Build it with `Settings.load(home)`."""

    model_config = SettingsConfigDict(
        env_prefix="TONGGUAN_", env_nested_delimiter="__", frozen=True, extra="forbid", env_ignore_empty=True
    )

    home: Path
    # The public address of the broker: OIDC issuer and origin of the consent pages.
    issuer: Origin
    operator_name: str = "Tongguan"
    operator_contact: str = "privacy@tongguan.example"
    language: Language = "zh-Hant"
    wallet: WalletSettings = WalletSettings()
    # By short name, as in /login/NAME/callback.
    providers: Providers = Field(default_factory=dict)

    # A place for partners to try things out: every provider is synthetic, and clients of the profile oidc_basic work.
    sandbox: bool = False
    # Networks (CIDR) in which partners' key sets and webhooks may be called, beside public addresses.
    partner_networks: tuple[str, ...] = ()

    # Unset: the embedded PostgreSQL under `home`.
    database_url: SecretStr | None = None
    # Worker threads of one process; its connection pool is a little larger, so that no thread waits for a connection.
    threads: int = Field(default=40, ge=1, le=400)

    # How many requests that begin a login one client address may send in a minute to each worker process. A login takes
    # three. A partner's client that proved itself has as many pushed requests, whatever its address.
    logins_per_minute: int = Field(default=600, ge=1)
    # Networks (CIDR) of the proxies before this broker, whose `X-Forwarded-For` says who the client is. Without them
    # everybody behind a proxy has the proxy's address, and shares its limit.
    trusted_proxies: tuple[str, ...] = ()

    # Where the face models are; unset: the platform's cache directory.
    models: Path | None = None
    licence_clean: bool = False

    # The operator's own statement about transfers (as core/data/transfers.toml), beside this file; unset: nothing is
    # assessed or filed anywhere.
    transfers: Path | None = None

    # Where alarms of counters are posted as JSON (specs/alarms.md); unset: they are in the log and the list alone.
    alarm_webhook: Annotated[str, Field(pattern=r"^https?://", max_length=500)] | None = None

    # A certificate authority to believe beside the system's, for providers under a local one.
    trusted_ca: Path | None = None

    @model_validator(mode="after")
    def _sandbox_is_synthetic(self) -> Self:
        real = sorted(name for name, provider in self.providers.items() if not provider.synthetic)
        if self.sandbox and real:
            raise ValueError(f"a sandbox has only providers with `synthetic = true`, and {real[0]} is none")
        for network in (*self.partner_networks, *self.trusted_proxies):
            ip_network(network)
        return self

    @property
    def secure(self) -> bool:
        """True when browsers reach the broker over TLS: cookies are then `Secure` and `__Host-`."""
        return self.issuer.startswith("https://")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Constructing settings reads nothing: only `load` consults the environment."""
        return (init_settings,)

    @classmethod
    def load(cls, home: Path, **overrides: Any) -> Self:
        """Read `home/broker.toml`, the environment over it and the overrides over both. Raises SettingsError."""
        path = home / CONFIG_FILE
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise SettingsError(f"{path} is missing: run `tongguan broker init --home {home}`") from error
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"{path} cannot be read: {error}") from error
        environment = EnvSettingsSource(cls)()
        try:
            return cls(**_merged(document, environment, overrides, {"home": home.resolve()}))
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
            raise SettingsError(f"{path} or a TONGGUAN_ variable is wrong: {wrong}") from error
