"""`acr_values` and an `acr` asked for in `claims` (OpenID Connect Core 3.1.2.1, 5.5.1.1; RFC 9470 4)."""

from collections.abc import Mapping
from typing import Any, Final

from broker.core.claims_request import is_essential, value_of
from broker.oidc.parameters import Parameters
from broker.wire.identity_grant import Assurance

LEVELS: Final = tuple(str(level) for level in (Assurance.SUBSTANTIAL, Assurance.HIGH))
"""Weakest first: a higher level meets a request for a lower one."""


def check_acr(parameters: Parameters, claims: Mapping[str, Any] | None) -> tuple[tuple[str, ...], bool]:
    """The levels asked for, and whether the client can do with nothing less."""
    asked = value_of(claims, "id_token", "acr")
    if asked:
        return tuple(str(value) for value in asked), is_essential(claims, "id_token", "acr")
    return tuple((parameters.get("acr_values") or "").split()), False


def acr_met(acr: str, asked: tuple[str, ...]) -> bool:
    """Whether a login at `acr` meets one of the levels."""
    if not asked or acr in asked:
        return True
    rank = LEVELS.index(acr) if acr in LEVELS else -1
    return any(level in LEVELS and LEVELS.index(level) <= rank for level in asked)


def can_be_met(asked: tuple[str, ...]) -> bool:
    """Whether any login here could."""
    return not asked or any(level in LEVELS for level in asked)
