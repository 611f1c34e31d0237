"""One traveller's session: what was checked, in order, and what came of it (specs/gate-lane.md 2)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from broker.wire.errors import VerifyError, WireError
from broker.wire.gate_api import CrossingMode
from broker.wire.reasons import Reason
from broker.wire.status_list import LIST_BITS, StatusList
from gate_client.clock_store import ClockStore
from gate_client.core.decision import Check, Finding, Reasons, Ruling, Score, decide
from gate_client.core.pass_check import CheckedPass, PassDenied, check_pass, recheck_pass
from gate_client.devices.frames import BrokenFrame, Frame
from gate_client.evidence import ImageKeeper
from gate_client.matcher import FaceMatcher, FaceRefused
from gate_client.spending import Spending, Ticket
from gate_client.stopwatch import Stopwatch
from gate_client.template_source import NoTemplate, Template, TemplateSource
from gate_client.trust_store import TrustStore


@dataclass(frozen=True, slots=True)
class Checks:
    """What a session asks, each behind its own port."""

    lane: str
    zone: str
    clock_store: ClockStore
    trust: TrustStore
    spending: Spending
    source: TemplateSource
    matcher: FaceMatcher
    keeper: ImageKeeper
    log: Callable[[str], None]


@dataclass(slots=True)
class Session:
    """State of one session in memory. The opened template lives here and nowhere else, and ends with it."""

    id: bytes
    watch: Stopwatch
    findings: list[Finding] = field(default_factory=list)
    pass_id: bytes | None = None
    checked: CheckedPass | None = None
    ticket: Ticket | None = None
    template: Template | None = None
    mode: CrossingMode = CrossingMode.ONLINE
    best: Score | None = None
    missed: list[Reason] = field(default_factory=list)
    looks: int = 0
    spent: bool = False

    def admit(self, text: str, checks: Checks, *, at: datetime) -> Reasons:
        """Steps 1 to 4, before the entry opens. Returns the reasons to deny; none when the traveller may walk in."""
        # (1) A clock that ran back would revive what expired.
        try:
            checks.clock_store.observe(at)
        except VerifyError as error:
            return self._failed(Check.CLOCK, (error.reason,), error.detail, checks)
        self.findings.append(Finding(Check.CLOCK))
        # (2) Everything the code itself can prove.
        try:
            checked = self._check(text, checks, at)
        except PassDenied as error:
            self.pass_id = error.pass_id
            return self._failed(Check.TRAVEL_PASS, error.reasons, error.detail, checks)
        except WireError as error:
            return self._failed(Check.TRAVEL_PASS, (_unfit(error),), str(error), checks)
        self.findings.append(Finding(Check.TRAVEL_PASS))
        self.pass_id, self.checked = checked.pass_id, checked
        # (3) Hold the proof before anything is released for it.
        ticket = Ticket(checks.lane, self.id, checked.pass_id, checked.travel_pass.claims.expires_at)
        try:
            with self.watch.stage("reserve"):
                checks.spending.reserve(ticket, checked.qr.counter, at=at)
        except VerifyError as error:
            return self._failed(Check.RESERVATION, (error.reason,), error.detail, checks)
        self.ticket = ticket
        self.findings.append(Finding(Check.RESERVATION))
        # (4) The reference to compare with.
        try:
            self.template = checks.source.obtain(checked, at=at, watch=self.watch)
        except NoTemplate as error:
            self.mode = error.mode
            return self._failed(Check.TEMPLATE, (error.reason,), error.detail, checks)
        self.mode = self.template.mode
        self.findings.append(Finding(Check.TEMPLATE))
        return ()

    def look(self, frame: Frame, checks: Checks) -> Reason | None:
        """Step 5, one face frame. Returns why it did not match, None when it did. The best score is kept."""
        self.looks += 1
        if self.template is None:
            return Reason.TEMPLATE_UNAVAILABLE
        if isinstance(frame, BrokenFrame):
            checks.log(f"face frame: {frame.detail}")
            return Reason.MALFORMED_IMAGE
        checks.keeper.keep(self.id, f"face-{self.looks}", frame)
        try:
            match = checks.matcher.match(frame, self.template.payload, self.watch)
        except FaceRefused as error:
            checks.log(f"face frame: {error.reason}: {error.detail}")
            return error.reason
        except VerifyError as error:  # a template made by models that this gate does not have
            checks.log(f"face frame: {error}")
            return error.reason
        checks.keeper.keep(self.id, f"aligned-{self.looks}", match.aligned)
        if self.best is None or match.score.value > self.best.value:
            self.best = match.score
        if not match.score.same_person:
            return Reason.NOT_SAME_PERSON
        self.best = match.score
        self.findings.append(Finding(Check.FACE))
        return None

    def recheck(self, checks: Checks, *, at: datetime) -> None:
        """Step 7: is the clock still believed and the pass still good, by the newest lists? `VerifyError` if not."""
        checks.clock_store.observe(at)
        if self.checked is None:
            raise VerifyError(Reason.LANE_FAULT, "a match without a checked pass")
        with self.watch.stage("recheck"):
            number = self.checked.travel_pass.claims.status_index // LIST_BITS
            try:
                trusted, listed = checks.trust.trust_list(at=at), checks.trust.status_list(number, at=at)
            except WireError as error:
                raise VerifyError(_unfit(error), str(error)) from error
            recheck_pass(self.checked, trust_list=trusted, listed=listed, expected_zone=checks.zone, at=at)

    def rule(self) -> Ruling:
        """Step 6: everything found, weighed. Tries that failed before one matched do not count against it."""
        missed = (Finding(Check.FACE, tuple(self.missed)),) if self.missed and not self._matched() else ()
        return decide((*self.findings, *missed), score=self.best, mode=self.mode)

    def failures(self) -> Reasons:
        """Every reason found so far, without judging what never ran."""
        found = tuple(reason for finding in self.findings for reason in finding.reasons)
        return found if self._matched() else (*found, *self.missed)

    def _matched(self) -> bool:
        return any(finding.check is Check.FACE and finding.passed for finding in self.findings)

    def _check(self, text: str, checks: Checks, at: datetime) -> CheckedPass:
        with self.watch.stage("check_pass"):
            trusted = checks.trust.trust_list(at=at)

            def list_of(number: int) -> StatusList | None:
                return checks.trust.status_list(number, at=at)

            return check_pass(text, trust_list=trusted, list_of=list_of, expected_zone=checks.zone, at=at)

    def _failed(self, check: Check, reasons: Reasons, detail: str, checks: Checks) -> Reasons:
        self.findings.append(Finding(check, reasons))
        checks.log(f"{check}: {detail}")
        return reasons


def _unfit(error: WireError) -> Reason:
    """The lists themselves, not the code: none yet, expired, or put back on disk. The gate is unfit to judge."""
    return error.reason if error.reason is Reason.LIST_ROLLED_BACK else Reason.LANE_FAULT
