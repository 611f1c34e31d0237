"""Bytes and times as JSON carries them, and the texts of ours that stand in a body."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints
from starlette.responses import Response

from broker.wire.keys import compressed_point


class Message(BaseModel):
    """A JSON object of the API: unknown members are refused, and nothing is coerced from another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def answer_with(message: Message, status: int = 200) -> Response:
    """The message as the finished response.

    Endpoints return this rather than the message: FastAPI would serialise the message in another worker thread while
    the endpoint's transaction is still open, and threads that wait for that transaction's locks would leave it none
    (specs/decisions/endpoints-return-finished-responses.md).
    """
    return Response(message.model_dump_json(by_alias=True), status, media_type="application/json")


def to_base64url(raw: bytes) -> str:
    """RFC 4648 5, without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """The exact inverse of `to_base64url`; ValueError for padding, other alphabets and loose bits."""
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64url") from error
    if to_base64url(raw) != text:
        raise ValueError("not base64url in its one form")
    return raw


def _device_point(text: str) -> str:
    """A P-256 point, 33 or 65 bytes; rewritten in its compressed form."""
    raw = from_base64url(text)
    if len(raw) not in (33, 65):
        raise ValueError("a P-256 point has 33 bytes, or 65")
    return to_base64url(compressed_point(EllipticCurvePublicKey.from_encoded_point(SECP256R1(), raw)))


def iso(moment: datetime) -> str:
    """RFC 3339 in UTC with `Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


Base64Url = Annotated[str, StringConstraints(max_length=4096, pattern=r"^[A-Za-z0-9_-]*$")]
DevicePoint = Annotated[Base64Url, AfterValidator(_device_point)]
ZoneId = Annotated[str, Field(pattern=r"^[A-Z0-9-]{2,16}$")]
PassId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
StaffId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,31}$")]
InvitationCode = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z2-7 -]+$")]
Moment = Annotated[datetime, PlainSerializer(iso, return_type=str)]
