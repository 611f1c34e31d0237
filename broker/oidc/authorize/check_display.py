"""`display`, `ui_locales`, `claims_locales` (OpenID Connect Core 3.1.2.1, 5.2): wishes, never a reason to refuse."""

from typing import Final

from broker.oidc.parameters import Parameters

_DISPLAYS: Final = ("page", "popup", "touch", "wap")
_MAX_LOCALES: Final = 16


def check_display(parameters: Parameters) -> str | None:
    """One of the four values; any other is as none. One page serves them all."""
    value = parameters.get("display")
    return value if value in _DISPLAYS else None


def check_locales(parameters: Parameters, name: str) -> tuple[str, ...]:
    """Language tags, best first."""
    return tuple((parameters.get(name) or "").split()[:_MAX_LOCALES])
