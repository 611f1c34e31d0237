"""Forms of the broker's pages: read whole or not at all, and only from the broker's own origin."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request

from broker.web.problems import Problem
from broker.web.services import Services

MAX_FIELDS: Final = 64
MAX_FIELD: Final = 2048


async def read_form(request: Request) -> Mapping[str, str]:
    """The form's fields, each at most once and at most MAX_FIELD characters long. Raises Problem."""
    raw = await request.body() if request.headers.get("content-type") else b""
    try:
        body = raw.decode("utf-8", "strict")
        pairs = parse_qsl(body, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:
        raise Problem("malformed-request", "The form cannot be read.") from error
    fields = dict(pairs)
    if len(fields) != len(pairs) or any(len(value) > MAX_FIELD for value in fields.values()):
        raise Problem("invalid-request", "The form has other fields than this page sent.")
    return fields


def from_elsewhere(request: Request, services: Services) -> bool:
    """Whether the browser says that another origin sent the form (RFC 6454 7, Fetch metadata)."""
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "same-origin")
    return origin not in (None, services.issuer) or site not in ("same-origin", "none")
