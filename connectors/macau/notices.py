"""Notices the provider sends of its own accord: Security Event Tokens (RFC 8417) by push (RFC 8935)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from broker.wire.approval_connector import ProviderNotice, Withdrawal
from broker.wire.identity_connector import ConnectorError, ProviderFault
from connectors.openid.tokens import TokenReader

MEDIA_TYPE: Final = "application/secevent+jwt"
WITHDRAWN: Final = "urn:mo:conta-unica:evento:consentimento-retirado"
SUSPENDED: Final = "urn:mo:conta-unica:evento:conta-suspensa"
MAX_BODY: Final = 16 * 1024
LATE: Final = timedelta(days=7)
"""How old a notice may be: one that waited out our own outage still counts, and repeating it changes nothing."""


def read_notice(reader: TokenReader, headers: Mapping[str, str], body: bytes, *, at: datetime) -> ProviderNotice:
    """Raises ConnectorError. `jti` is the business id."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise reader.error(ProviderFault.GARBLED, "a notice of another media type")
    try:
        token = body.decode("ascii") if len(body) <= MAX_BODY else ""
    except UnicodeDecodeError as error:
        raise reader.error(ProviderFault.GARBLED, "a notice is no JWT") from error
    # RFC 8417 2.2: events end, tokens about them do not.
    claims = reader.read(token, at=at, typ="secevent+jwt", expires=False, max_age=LATE)
    events, business_id = claims.get("events"), claims.get("jti")
    if not isinstance(events, dict) or not isinstance(business_id, str) or not 1 <= len(business_id) <= 64:
        raise reader.error(ProviderFault.GARBLED, "a notice lacks events or jti")
    if WITHDRAWN in events:
        return ProviderNotice(business_id, "withdrawal", Withdrawal(reader.issuer, claims["sub"]))
    if SUSPENDED in events:
        return ProviderNotice(business_id, "other", ProviderFault.FROZEN)
    raise _unknown(reader)


def _unknown(reader: TokenReader) -> ConnectorError:
    return reader.error(ProviderFault.GARBLED, "a notice about an event we do not know")
