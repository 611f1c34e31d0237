"""Values of `broker.core.authorization` as columns, and back."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from broker.core.authorization import AuthorizationCode, AuthorizationRequest, Grant, LoginSession
from broker.core.identity_release import APPROVED, CLAIMS, IdentityRelease, details_of, read_detail

_GRANT = tuple(field.name for field in fields(Grant))
GRANT_COLUMNS = ", ".join(f"g.{name}" for name in _GRANT)


def request_to_json(request: AuthorizationRequest) -> dict[str, Any]:
    return {field.name: getattr(request, field.name) for field in fields(request)} | {
        "scopes": sorted(request.scopes),
        "prompt": sorted(request.prompt),
        "releases": details_of(request.releases),
    }


def request_from_json(stored: Mapping[str, Any]) -> AuthorizationRequest:
    values = dict(stored)
    for name in ("ui_locales", "claims_locales", "acr_values"):
        values[name] = tuple(values.get(name, ()))
    values["releases"] = _releases(values.get("releases", ()))
    values["scopes"] = frozenset(values["scopes"])
    values["prompt"] = frozenset(values["prompt"])
    return AuthorizationRequest(**values)


def columns(value: AuthorizationCode | Grant) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)} | {
        "scopes": sorted(value.scopes),
        "amr": list(value.amr),
        "releases": details_of(value.releases),
        "consents": list(value.consents),
    }


def code_of(row: Mapping[str, Any]) -> AuthorizationCode:
    values = _authorized(row)
    values.pop("spent_at")
    return AuthorizationCode(**values)


def grant_of(row: Mapping[str, Any]) -> Grant:
    return Grant(**_authorized(row))


def grant_of_tuple(row: tuple[Any, ...]) -> Grant | None:
    """From GRANT_COLUMNS of an outer join: None when there is no grant."""
    return None if row[0] is None else grant_of(dict(zip(_GRANT, row, strict=True)))


def session_columns(session: LoginSession) -> dict[str, Any]:
    return asdict(session) | {"amr": list(session.amr)}


def session_of(row: Mapping[str, Any]) -> LoginSession:
    return LoginSession(**dict(row) | {"amr": tuple(row["amr"])})


def _authorized(row: Mapping[str, Any]) -> dict[str, Any]:
    return dict(row) | {
        "scopes": frozenset(row["scopes"]),
        "amr": tuple(row["amr"]),
        "releases": _releases(row["releases"]),
        "consents": tuple(row["consents"]),
    }


def _releases(stored: Any) -> tuple[IdentityRelease, ...]:
    return tuple(read_detail(detail, known=CLAIMS | APPROVED) for detail in stored)
