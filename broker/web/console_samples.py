"""The auditors' queue on pages (specs/sampling.md 4): what was drawn, one release looked at, what was found."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import RedirectResponse, Response

from broker.core.sample import (
    NONCE_BYTES,
    Ground,
    SampleRefused,
    SampleState,
    Verdict,
    checked_finding,
    checked_reason,
    may_audit,
)
from broker.core.staff import Role, Staff
from broker.flows.claim_sample import claim_sample
from broker.flows.look_at_sample import look_at_sample, open_sample
from broker.flows.ports import Work
from broker.flows.record_finding import record_finding, settle_finding
from broker.web.console import READERS
from broker.web.console_data import day_sheet, finding_counts
from broker.web.forms import read_form
from broker.web.problems import Problem
from broker.web.services import Provided, Services, Transaction
from broker.web.staff import signed_in, staff_form, staff_page

router = APIRouter(prefix="/console/samples", include_in_schema=False)

Form = Annotated[Mapping[str, str], Depends(read_form)]
Release = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]

_SHOWN: Final = 25
_DAYS: Final = 14
_GROUNDS: Final = {
    Ground.FIELDS: "The finding depends on which fields left, or on which consent",
    Ground.COMPLAINT: "Somebody complained about this release",
    Ground.CONTRADICTION: "The record contradicts itself, or another one",
}
_VERDICTS: Final = {
    Verdict.LAWFUL: "Lawful",
    Verdict.DOUBTFUL: "Doubtful",
    Verdict.UNLAWFUL: "Unlawful",
}
_WHY: Final = {
    SampleRefused.UNKNOWN: ("not-found", "That release was not drawn."),
    SampleRefused.NOT_YOURS: ("already-done", "Another auditor has it, or nobody: take it first."),
    SampleRefused.DONE: ("already-done", "It has a finding already."),
    SampleRefused.CLOSED_TO_YOU: ("forbidden", "Who operates the broker does not audit it."),
    SampleRefused.ERASED: ("not-found", "There is nothing to open: the person was erased, or it is about nobody."),
}


@router.get("")
def samples_page(request: Request, work: Transaction) -> Response:
    member = signed_in(request, *READERS)
    return _list(request, work, member)


@router.post("/next")
def take_next(request: Request, services: Provided, work: Transaction, form: Form) -> Response:
    """303 to the release that is now this auditor's; the list again when none waits."""
    member = staff_form(request, form, Role.AUDITOR)
    claimed = claim_sample(work, auditor=member, at=services.clock(), entropy=services.entropy)
    if claimed is SampleRefused.UNKNOWN:
        return _list(request, work, member, nothing=True)
    if isinstance(claimed, SampleRefused):
        raise _problem(claimed)
    return _to(claimed.release.hex())


@router.get("/{release}")
def sample_page(request: Request, services: Provided, work: Transaction, release: Release) -> Response:
    """One release. Opening the page is a look, and journalled as one."""
    member = signed_in(request, *READERS)
    return _look(request, services, work, member, release)


@router.post("/{release}/claim")
def claim(request: Request, services: Provided, work: Transaction, release: Release, form: Form) -> Response:
    member = staff_form(request, form, Role.AUDITOR)
    claimed = claim_sample(
        work, auditor=member, release=bytes.fromhex(release), at=services.clock(), entropy=services.entropy
    )
    if isinstance(claimed, SampleRefused):
        raise _problem(claimed)
    return _to(release)


@router.post("/{release}/open")
def open_(request: Request, services: Provided, work: Transaction, release: Release, form: Form) -> Response:
    """The page once more with the personal fields, which nothing keeps."""
    member = staff_form(request, form, Role.AUDITOR)
    try:
        ground, reason = checked_reason(form.get("ground", ""), form.get("reason", ""))
    except ValueError as error:
        return _look(request, services, work, member, release, wrong=str(error), status=422)
    opened = open_sample(
        work,
        keys=services.keys,
        release=bytes.fromhex(release),
        auditor=member,
        ground=ground,
        reason=reason,
        at=services.clock(),
        entropy=services.entropy,
    )
    if isinstance(opened, SampleRefused):
        raise _problem(opened)
    return _look(request, services, work, member, release, opened=opened)


@router.post("/{release}/finding")
def finding(request: Request, services: Provided, work: Transaction, release: Release, form: Form) -> Response:
    member, at = staff_form(request, form, Role.AUDITOR), services.clock()
    try:
        found = checked_finding(
            form.get("verdict", ""),
            form.get("text", ""),
            form.get("follow_up", ""),
            nonce=services.entropy(NONCE_BYTES),
            at=at,
        )
    except ValueError as error:
        return _look(request, services, work, member, release, wrong=str(error), status=422)
    done = record_finding(
        work, release=bytes.fromhex(release), auditor=member, finding=found, at=at, entropy=services.entropy
    )
    if isinstance(done, SampleRefused):
        raise _problem(done)
    return _to(release)


@router.post("/{release}/settle")
def settle(request: Request, services: Provided, work: Transaction, release: Release, form: Form) -> Response:
    member = staff_form(request, form, Role.AUDITOR)
    done = settle_finding(
        work, release=bytes.fromhex(release), auditor=member, at=services.clock(), entropy=services.entropy
    )
    if isinstance(done, SampleRefused):
        raise _problem(done)
    return _to(release)


def _look(
    request: Request,
    services: Services,
    work: Work,
    member: Staff,
    release: str,
    *,
    wrong: str | None = None,
    opened: Mapping[str, Any] | None = None,
    status: int = 200,
) -> Response:
    at = services.clock()
    seen = look_at_sample(work, release=bytes.fromhex(release), member=member, at=at, entropy=services.entropy)
    if isinstance(seen, SampleRefused):
        raise _problem(seen)
    sample = seen.sample
    auditing = may_audit(member)
    return staff_page(
        request,
        "console/sample.html",
        member,
        status=status,
        area="samples",
        seen=seen,
        clear=sorted(seen.entry.clear.items()),
        mine=auditing and sample.held_by(member.staff_id, at=at),
        free=auditing and (sample.state is SampleState.WAITING or sample.lapsed(at)),
        settles=auditing and sample.state is SampleState.FOLLOWED and sample.auditor == member.staff_id,
        grounds=_GROUNDS,
        verdicts=_VERDICTS,
        wrong=wrong,
        opened=opened,
    )


def _list(request: Request, work: Work, member: Staff, *, nothing: bool = False) -> Response:
    return staff_page(
        request,
        "console/samples.html",
        member,
        area="samples",
        counts=finding_counts(work),
        auditing=may_audit(member),
        mine=work.samples.listed(states=(SampleState.CLAIMED, SampleState.FOLLOWED), auditor=member.staff_id, limit=20),
        found=work.samples.listed(states=(SampleState.FOLLOWED, SampleState.CLOSED), limit=_SHOWN),
        listed=work.samples.listed(limit=_SHOWN),
        sheet=day_sheet(work.samples.days(limit=_DAYS)),
        nothing=nothing,
    )


def _to(release: str) -> Response:
    return RedirectResponse(f"/console/samples/{release}", status_code=303)


def _problem(refused: SampleRefused) -> Problem:
    slug, hint = _WHY[refused]
    return Problem(slug, hint)
