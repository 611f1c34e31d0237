"""What the desks' functions hand over, as values of the domain."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from broker.core.consent import ConsentRecord
from broker.core.travel import IssuedPass, SealedTemplate
from broker.stores.consent_ledger import consent_of
from broker.stores.json_rows import JsonRows
from broker.stores.pass_register import issued_pass
from broker.stores.tables import CONSENTS, PASSES

_CONSENTS = JsonRows(CONSENTS)
_PASSES = JsonRows(PASSES)


def consent_of_json(row: Mapping[str, Any]) -> ConsentRecord:
    """The receipt is text that nobody reads here, so it stayed in the database."""
    return consent_of(_CONSENTS.read(row))


def pass_of_json(row: Mapping[str, Any]) -> IssuedPass:
    """With its status bit and whether it is spent, which are no columns of its table."""
    return issued_pass(_PASSES.read(row, revoked_at=datetime.fromisoformat))


def template_of_desk(row: Any, traveller: UUID) -> SealedTemplate | None:
    """From the members of a row that describe the enrolment; None without one."""
    if row.template_id is None:
        return None
    digest = None if row.capture_digest is None else bytes(row.capture_digest)
    return SealedTemplate(row.template_id, traveller, bytes(row.sealed), row.enrolled_at, digest)
