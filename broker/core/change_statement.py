"""A change's statement read back from its bytes, for whoever signs it away from the broker."""

from typing import Final
from uuid import UUID

from broker.core.change_body import Kind, checked_body
from broker.core.denial import InvalidInput
from broker.core.governed_change import DOMAIN, GovernedChange
from broker.wire import cbor
from broker.wire.errors import DecodeError, WireError
from broker.wire.fields import Fields

MAX_BYTES: Final = 64 * 1024


def read_statement(raw: bytes) -> GovernedChange:
    """The change, without signatures. Raises InvalidInput for anything whose statement is not exactly these bytes: what
    a person reads is what they sign.
    """
    if not raw.startswith(DOMAIN):
        raise _bad("this is no statement of a change")
    try:
        fields = Fields(cbor.decode(raw[len(DOMAIN) :], max_bytes=MAX_BYTES))
        kind = Kind(fields.take("kind"))
        change = GovernedChange(
            change_id=UUID(bytes=fields.octets("change", size=16)),
            kind=kind,
            body=checked_body(kind, fields.take("body")),
            because=str(fields.take("because")),
            origin=str(fields.take("origin")),
            since=fields.second("from"),
            until=fields.second("until"),
            proposed_by=str(fields.take("by")),
            proposed_at=fields.second("at"),
        )
        fields.end()
    except (DecodeError, WireError, ValueError, TypeError) as error:
        raise _bad("the statement cannot be read") from error
    if change.statement() != raw:
        raise _bad("the statement is not in its canonical form")
    return change


def _bad(hint: str) -> InvalidInput:
    return InvalidInput("bad_statement", hint)
