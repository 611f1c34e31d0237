"""A pushed authorization request (RFC 9126, RFC 9396), read as strictly as a real provider would."""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from connectors.mock_idps.macau.accounts import FIELDS, KINDS

DETAIL_TYPE: Final = "urn:mo:conta-unica:pacote"
SCOPES: Final = ("openid", "conta", "offline_access")
LANGUAGES: Final = {"zh-MO": "zh-Hant", "zh-CN": "zh-Hant", "pt": "pt", "en": "en"}


class RequestError(Exception):
    """`code` is the `error` of the answer."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Asked:
    """A request found good. `form` holds `nome`, `numero` and `descricao` when the data fill a form."""

    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    nonce: str
    code_challenge: str
    language: str
    kind: str
    fields: tuple[str, ...]
    departments: tuple[str, ...]
    purpose: str
    form: Mapping[str, str] | None


def read_request(
    pairs: Iterable[tuple[str, str]], *, client_id: str, redirect_uris: Collection[str], departments: Collection[str]
) -> Asked:
    """Raises RequestError."""
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name in parameters:
            raise RequestError("invalid_request")
        parameters[name] = value
    scopes = tuple(parameters.get("scope", "").split())
    checks = (
        (parameters.get("client_id") == client_id, "invalid_client"),
        (parameters.get("redirect_uri") in redirect_uris, "invalid_redirect_uri"),
        (parameters.get("response_type") == "code", "unsupported_response_type"),
        ({"openid", "conta"} <= set(scopes) <= set(SCOPES), "invalid_scope"),
        (parameters.get("code_challenge_method") == "S256", "invalid_request"),
        (re.fullmatch(r"[A-Za-z0-9_-]{43}", parameters.get("code_challenge", "")) is not None, "invalid_request"),
        (bool(parameters.get("nonce")) and bool(parameters.get("state")), "invalid_request"),
    )
    for good, code in checks:
        if not good:
            raise RequestError(code)
    detail = _detail(parameters.get("authorization_details", ""))
    fields, wanted = _names(detail, "campos", FIELDS), _names(detail, "departamentos", departments)
    purpose, kind, form = detail.get("finalidade"), detail.get("conta"), detail.get("formulario")
    if not isinstance(purpose, str) or not 1 <= len(purpose) <= 200 or kind not in KINDS:
        raise RequestError("invalid_authorization_details")
    if form is not None and not (
        isinstance(form, dict)
        and set(form) == {"nome", "numero", "descricao"}
        and all(isinstance(value, str) and len(value) <= 200 for value in form.values())
    ):
        raise RequestError("invalid_authorization_details")
    return Asked(
        redirect_uri=parameters["redirect_uri"],
        scopes=scopes,
        state=parameters["state"],
        nonce=parameters["nonce"],
        code_challenge=parameters["code_challenge"],
        language=LANGUAGES.get(parameters.get("ui_locales", ""), "zh-Hant"),
        kind=str(kind),
        fields=fields,
        departments=wanted,
        purpose=purpose,
        form=form,
    )


def _detail(text: str) -> dict[str, Any]:
    """The one detail of the one type there is (RFC 9396 2)."""
    try:
        details = json.loads(text)
    except (ValueError, RecursionError):
        details = None
    if not isinstance(details, list) or len(details) != 1 or not isinstance(details[0], dict):
        raise RequestError("invalid_authorization_details")
    detail: dict[str, Any] = details[0]
    known = {"type", "campos", "departamentos", "finalidade", "conta", "formulario"}
    if detail.get("type") != DETAIL_TYPE or not set(detail) <= known:
        raise RequestError("invalid_authorization_details")
    return detail


def _names(detail: Mapping[str, Any], member: str, known: Collection[str]) -> tuple[str, ...]:
    values = detail.get(member)
    if not isinstance(values, list) or not values or len(set(map(str, values))) != len(values):
        raise RequestError("invalid_authorization_details")
    if not all(isinstance(value, str) for value in values):
        raise RequestError("invalid_authorization_details")
    if not set(values) <= set(known):
        # A department without a registration is a mistake of its own kind.
        unregistered = member == "departamentos"
        raise RequestError("departamento_nao_registado" if unregistered else "invalid_authorization_details")
    return tuple(values)
