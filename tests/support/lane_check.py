"""The whole offline check of a code in the order of specs/travel-pass.md 5: the yardstick for vectors and fuzzing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from broker.wire import device_proof, sealed_template, status_list, travel_pass
from broker.wire.errors import VerifyError
from broker.wire.qr_payload import parse_qr
from broker.wire.reasons import Reason
from broker.wire.sealed_template import TemplatePayload
from broker.wire.status_list import StatusList
from broker.wire.travel_pass import TravelPass
from broker.wire.trust_list import TrustList


@dataclass(frozen=True)
class Checked:
    """What a code came to: its pass, and its template when the code carried one."""

    travel_pass: TravelPass
    payload: TemplatePayload | None


def check(
    text: str | bytes,
    *,
    trust_list: TrustList,
    statuses: StatusList | None,
    epoch_secrets: Mapping[int, bytes],
    at: datetime,
    zone: str,
) -> Checked:
    """Return the checked pass; WireError otherwise."""
    qr = parse_qr(text)
    verified = travel_pass.verify(qr.pass_bytes, trust_list, at=at, expected_zone=zone)
    device_proof.verify(qr, verified, at=at)
    status_list.judge(statuses, verified, at=at)
    if qr.sealed_template is None:
        return Checked(verified, None)
    secret = epoch_secrets.get(sealed_template.epoch_of(qr.sealed_template))
    if secret is None:
        raise VerifyError(Reason.TEMPLATE_UNAVAILABLE, "no secret for that epoch")
    payload = sealed_template.open_from_qr(
        qr.sealed_template,
        epoch_secret=secret,
        pass_id=verified.claims.pass_id,
        expected_commitment=verified.claims.commitment,
    )
    return Checked(verified, payload)
