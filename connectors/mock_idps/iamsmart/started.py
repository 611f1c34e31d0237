"""Reading a started request: every member checked, as a provider must."""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final

from connectors.iamsmart.fields import EME_FIELDS, PROFILE_FIELDS
from connectors.mock_idps.iamsmart.codes import Code, Refusal
from connectors.mock_idps.iamsmart.outcomes import PORTRAIT_FIELD
from connectors.mock_idps.iamsmart.provider import Provider
from connectors.mock_idps.iamsmart.service import Service
from connectors.mock_idps.iamsmart.tasks import TASK_SECONDS, Task, What

SOURCES: Final = frozenset(
    {
        "PC_Browser", "App_Scheme", "App_Link",
        *(f"Android_{name}" for name in ("Chrome", "Firefox", "Edge", "Samsung", "Huawei", "Xiaomi")),
        *(f"iOS_{name}" for name in ("Safari", "Chrome", "Firefox", "Edge")),
    }
)  # fmt: skip
SCOPES: Final[Mapping[What, str]] = {
    What.PROFILE: "eidapi_profiles",
    What.EME: "eidapi_formFilling",
    What.STEP_UP: "eidapi_auth",
    What.HASH: "eidapi_sign",
    What.PDF: "eidapi_sign",
}


def read_started(
    provider: Provider, service: Service, what: What, content: Mapping[str, Any], person_id: str | None
) -> Task:
    """Raises Refusal."""
    business_id = _text(content, "businessID", 36)
    redirect_uri = _text(content, "redirectURI", 2000)
    if redirect_uri not in service.redirect_uris:
        raise Refusal(Code.REDIRECT_NOT_LISTED)
    if not business_id.isascii() or _text(content, "source", 30) not in SOURCES:
        raise Refusal(Code.PARAMETER)
    return Task(
        what=what,
        service=service,
        redirect_uri=redirect_uri,
        state=_text(content, "state", 1000),
        ends=provider.now() + TASK_SECONDS,
        business_id=business_id,
        person_id=person_id,
        **_asked(what, content),
    )


def field_names(content: Mapping[str, Any], member: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Raises Refusal."""
    names = content.get(member)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or not set(names) <= set(known):
        raise Refusal(Code.PARAMETER)
    return tuple(names)


def _asked(what: What, content: Mapping[str, Any]) -> dict[str, Any]:
    if what is What.PROFILE:
        return {"fields": field_names(content, "profileFields", (*PROFILE_FIELDS, PORTRAIT_FIELD))}
    if what is What.EME:
        texts = tuple(_text(content, name, 500) for name in ("formName", "formNum", "formDesc"))
        return {"fields": field_names(content, "eMEFields", EME_FIELDS), "texts": texts}
    if what is What.STEP_UP:
        return {}
    if what is What.HASH and content.get("sigAlgo") != "SHA256withRSA":
        raise Refusal(Code.PARAMETER)
    return {
        "digest": _digest(_text(content, "hashCode" if what is What.HASH else "docDigest", 64)),
        "hkic_hash": _text(content, "HKICHash", 64),
        "texts": tuple(_text(content, name, 500) for name in ("documentName", "serviceName", "department")),
    }


def _digest(text: str) -> bytes:
    try:
        digest = b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        digest = b""
    if len(digest) != 32:
        raise Refusal(Code.PARAMETER)
    return digest


def _text(content: Mapping[str, Any], name: str, most: int) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise Refusal(Code.PARAMETER)
    return value
