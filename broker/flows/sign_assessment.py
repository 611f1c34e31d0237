"""A member of staff signs an impact assessment: from then on it stands, for exactly this configuration."""

from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from broker.core.denial import InvalidInput
from broker.core.governance.calendar import shanghai_date
from broker.core.impact_assessment import Assessment, Signature, retained_until, signed_bytes
from broker.core.rulebook import Rulebook
from broker.core.staff import Role
from broker.flows.complete_assessment import open_assessment
from broker.flows.ports import Entry, Work
from broker.wire.errors import VerifyError
from broker.wire.keys import Entropy

SIGNERS: Final = (Role.OPERATOR, Role.REVIEWER)
"""An auditor looks at assessments afterwards and signs none."""


def sign_assessment(
    work: Work,
    assessment_id: UUID,
    *,
    staff_id: str,
    signature: bytes,
    rulebook: Rulebook,
    at: datetime,
    entropy: Entropy,
) -> Assessment:
    """The signed assessment. Raises InvalidInput for one that is unknown, signed, stale or not completed, and for a
    signature that is not that member's, or of a member who may not sign.
    """
    member = work.staff.lock(staff_id)
    if member is None or not member.may(*SIGNERS):
        raise InvalidInput("may_not_sign", f"active members with the role {' or '.join(SIGNERS)} sign")
    found = open_assessment(work, assessment_id, rulebook=rulebook, at=at)
    if not found.completed:
        raise InvalidInput("assessment_incomplete", "people have stated nothing yet: tongguan assessments complete")
    try:
        member.key.verify(signature, signed_bytes(found.document))
    except VerifyError as error:
        raise InvalidInput("bad_signature", "that is not this member's signature over this document") from error
    signed = Signature(staff_id, member.key.kid, signature, at)
    until = retained_until(shanghai_date(at), rulebook.transfers.policy)
    work.assessments.sign(assessment_id, signed, retain_until=until)
    clear = {
        "assessment": str(assessment_id),
        "exporter": found.exporter,
        "version": found.version,
        "staff": staff_id,
        "document": sha256(found.document).hexdigest(),
        "configuration": found.configuration.hex(),
        "retain_until": until.isoformat(),
    }
    work.journal.append(Entry("operator:assessment:signed", clear), at=at, entropy=entropy)
    return replace(found, signature=signed, retain_until=until)
