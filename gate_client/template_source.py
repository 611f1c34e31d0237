"""Where the reference template comes from: the broker's release, or, when it is silent, the code itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from broker.wire import hpke, sealed_template
from broker.wire.errors import DecodeError, VerifyError
from broker.wire.gate_api import REQUEST_ID_BYTES, CrossingMode, ReleaseRequest, sign_request
from broker.wire.keys import Entropy, Signer
from broker.wire.reasons import Reason
from broker.wire.sealed_template import TemplatePayload
from gate_client.broker_client import BrokerRefused, BrokerUnreachable
from gate_client.core.pass_check import CheckedPass
from gate_client.stopwatch import Stopwatch


class Releases(Protocol):
    """The one call that a lane makes while a traveller waits."""

    def release(self, signed_request: bytes) -> bytes:
        """Return the sealed payload. Raises `BrokerRefused` (a decision) or `BrokerUnreachable` (none)."""


@dataclass(frozen=True, slots=True)
class GateIdentity:
    """Who this gate is to the broker."""

    gate_id: str
    zone: str
    signer: Signer


@dataclass(frozen=True, slots=True)
class Template:
    """A payload that matched the pass's commitment, and the way it came."""

    payload: TemplatePayload
    mode: CrossingMode


class NoTemplate(Exception):
    """There is no reference to compare with. `mode`: the way that was tried last."""

    def __init__(self, reason: Reason, mode: CrossingMode, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.mode = mode
        self.detail = detail


class TemplateSource:
    """Fetches the template of a checked pass. `secret_of(epoch, at)` yields a zone epoch secret this gate holds."""

    def __init__(
        self,
        identity: GateIdentity,
        releases: Releases,
        secret_of: Callable[[int, datetime], bytes],
        entropy: Entropy,
    ) -> None:
        self._identity = identity
        self._releases = releases
        self._secret_of = secret_of
        self._entropy = entropy

    def obtain(self, checked: CheckedPass, *, at: datetime, watch: Stopwatch) -> Template:
        """Return the template; `NoTemplate` otherwise.

        The code's own template is opened only when the broker gave no answer at all: a refusal binds.
        """
        sealed = checked.qr.sealed_template
        mode = CrossingMode.ONLINE
        try:
            try:
                return Template(self._release(checked, at, watch), mode)
            except BrokerUnreachable as error:
                if sealed is None:
                    raise NoTemplate(Reason.BROKER_UNREACHABLE, mode, str(error)) from error
                mode = CrossingMode.OFFLINE
                with watch.stage("open_template"):
                    return Template(self._open(checked, sealed, at), mode)
        except BrokerRefused as error:
            raise NoTemplate(error.reason, mode, error.detail) from error
        except VerifyError as error:
            raise NoTemplate(error.reason, mode, error.detail) from error
        except DecodeError as error:
            # Not the traveller's code but what came for it: sealed by the broker, and still not a template.
            raise NoTemplate(Reason.TEMPLATE_UNAVAILABLE, mode, str(error)) from error

    def _release(self, checked: CheckedPass, at: datetime, watch: Stopwatch) -> TemplatePayload:
        with watch.stage("request"):
            key = hpke.RecipientKey.generate()  # lives for this one answer
            who = self._identity
            request = ReleaseRequest(
                self._entropy(REQUEST_ID_BYTES), who.gate_id, who.zone, checked.text, key.public_bytes(), at
            )
            signed = sign_request(request, who.signer)
        with watch.stage("release"):
            sealed = self._releases.release(signed)
        with watch.stage("open_template"):
            payload = TemplatePayload.decode(key.open(sealed, request.info(signed)))
            sealed_template.check_commitment(payload, checked.travel_pass.claims.commitment)
            return payload

    def _open(self, checked: CheckedPass, sealed: bytes, at: datetime) -> TemplatePayload:
        return sealed_template.open_from_qr(
            sealed,
            epoch_secret=self._secret_of(sealed_template.epoch_of(sealed), at),
            pass_id=checked.pass_id,
            expected_commitment=checked.travel_pass.claims.commitment,
        )
