"""Everything a gate can say about a code with no network (specs/gate-lane.md 3)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from broker.wire import device_proof, status_list, travel_pass
from broker.wire.errors import VerifyError, WireError
from broker.wire.qr_payload import TravelQr, parse_qr
from broker.wire.reasons import Reason
from broker.wire.status_list import LIST_BITS, StatusList, Verdict
from broker.wire.travel_pass import PassMode, TravelPass
from broker.wire.trust_list import TrustList
from gate_client.core.decision import Reasons, distinct

# Only for learning what else is wrong with a pass that already failed on time; nothing it yields is ever let through.
_WHATEVER_THE_TIME = timedelta(days=3650)
_TIME_REASONS = frozenset({Reason.EXPIRED, Reason.NOT_YET_VALID})


class PassDenied(Exception):
    """The code is not good here. `reasons`: all that were found; `pass_id`: only when the pass's signature holds."""

    def __init__(self, reasons: Reasons, pass_id: bytes | None, detail: str) -> None:
        super().__init__(f"{', '.join(reasons)}: {detail}")
        self.reasons = reasons
        self.pass_id = pass_id
        self.detail = detail


@dataclass(frozen=True, slots=True)
class CheckedPass:
    """A code that passed every offline check. `text` is what a release request quotes."""

    text: str
    qr: TravelQr
    travel_pass: TravelPass
    verdict: Verdict

    @property
    def pass_id(self) -> bytes:
        return self.travel_pass.claims.pass_id

    @property
    def offline(self) -> bool:
        return self.travel_pass.claims.mode is PassMode.OFFLINE


def check_pass(
    text: str | bytes,
    *,
    trust_list: TrustList,
    list_of: Callable[[int], StatusList | None],
    expected_zone: str,
    at: datetime,
) -> CheckedPass:
    """Return the code as checked; `PassDenied` with every reason otherwise. `list_of(n)`: the newest status list n.

    A later step runs on after an earlier one failed wherever its input is still trustworthy, so that an officer sees
    "expired and revoked", not just the first.
    """
    # (1) The code's own form: QR text, base45, CBOR.
    try:
        qr = parse_qr(text)
    except WireError as error:
        raise PassDenied((error.reason,), None, error.detail) from error
    # (2) The pass: form, key, signature, time, zone.
    failed: list[WireError] = []
    try:
        verified = travel_pass.verify(qr.pass_bytes, trust_list, at=at, expected_zone=expected_zone)
    except WireError as error:
        failed.append(error)
        if error.reason not in _TIME_REASONS:
            raise _denied(failed, None) from error
        try:
            verified = travel_pass.verify(
                qr.pass_bytes, trust_list, at=at, expected_zone=expected_zone, skew=_WHATEVER_THE_TIME
            )
        except WireError as another:
            failed.append(another)
            raise _denied(failed, None) from error
    # (3) The phone: is the pass's own key here, now?
    try:
        device_proof.verify(qr, verified, at=at)
    except WireError as error:
        failed.append(error)
    # (4) Revocation.
    verdict: Verdict | None = None
    try:
        verdict = status_list.judge(list_of(verified.claims.status_index // LIST_BITS), verified, at=at)
    except VerifyError as error:
        failed.append(error)
    if failed or verdict is None:
        raise _denied(failed, verified.claims.pass_id)
    return CheckedPass(text if isinstance(text, str) else text.decode("ascii"), qr, verified, verdict)


def recheck_pass(
    checked: CheckedPass,
    *,
    trust_list: TrustList,
    listed: StatusList | None,
    expected_zone: str,
    at: datetime,
) -> None:
    """Is the pass still good some time after its code was read? `VerifyError` when it is not.

    `listed`: the newest status list of the pass's number. The device proof is not asked again: it was fresh when the
    code was read, and is held since.
    """
    still = travel_pass.verify(checked.qr.pass_bytes, trust_list, at=at, expected_zone=expected_zone)
    status_list.judge(listed, still, at=at)


def _denied(failed: list[WireError], pass_id: bytes | None) -> PassDenied:
    reasons = distinct(error.reason for error in failed)
    return PassDenied(reasons, pass_id, "; ".join(error.detail for error in failed))
