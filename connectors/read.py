"""Reading claims out of verified answers: what is missing was withheld, what is malformed is garbled."""

import binascii
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from broker.wire.identity_connector import ConnectorError, ProviderFault
from broker.wire.identity_grant import Assurance, IdentityGrant, VerifiedClaims

T = TypeVar("T")
Fail = Callable[[ProviderFault, str], ConnectorError]


def member(claims: Mapping[str, Any], name: str, fail: Fail) -> Any:
    """A claim the login cannot do without; absent when the person did not share it."""
    value = claims.get(name)
    if value is None:
        raise fail(ProviderFault.WITHHELD, f"{name} was not shared")
    return value


def text(value: object, name: str, fail: Fail) -> str:
    """Printable text of at most 200 characters."""
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= 200 or not value.isprintable():
        raise fail(ProviderFault.GARBLED, f"{name} is not a name")
    return value.strip()


def parsed(value: T | None, name: str, fail: Fail) -> T:
    """What a parser made of a claim."""
    if value is None:
        raise fail(ProviderFault.GARBLED, f"{name} is malformed")
    return value


def photograph(value: object, fail: Fail) -> bytes:
    """A base64 JPEG."""
    try:
        return b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError) as error:
        raise fail(ProviderFault.GARBLED, "the photograph is not base64") from error


def assurance(levels: Mapping[str, Assurance], value: object, fail: Fail) -> Assurance:
    """Our level for the provider's own. A level we do not know is not taken for a high one."""
    level = levels.get(value) if isinstance(value, str) else None
    if level is None:
        raise fail(ProviderFault.UNTRUSTED, "the provider states an assurance we do not accept")
    return level


def verified_claims(fail: Fail, **values: Any) -> VerifiedClaims:
    """Raises ConnectorError garbled; its text names fields, never values."""
    try:
        return VerifiedClaims(**values)
    except ValidationError as error:
        raise fail(ProviderFault.GARBLED, f"claims are malformed: {_fields(error)}") from None


def identity_grant(fail: Fail, **values: Any) -> IdentityGrant:
    """Raises ConnectorError garbled; its text names fields, never values."""
    try:
        return IdentityGrant(**values)
    except ValidationError as error:
        raise fail(ProviderFault.GARBLED, f"the grant is malformed: {_fields(error)}") from None


def _fields(error: ValidationError) -> str:
    return ", ".join(sorted({".".join(map(str, item["loc"])) for item in error.errors(include_input=False)}))
