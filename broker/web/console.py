"""The regulator's console (specs/console.md): pages for members of staff who regulate or audit, without scripts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from broker.core.change_body import Kind
from broker.core.rulebook import Rulebook
from broker.core.staff import Role
from broker.flows.ports import Work
from broker.web.console_charts import columns_of
from broker.web.console_data import (
    MOST_SAMPLES,
    SPANS,
    Window,
    alarm_sheet,
    band_sheet,
    change_sheet,
    counter_bars,
    counter_sheet,
    day_sheet,
    finding_counts,
    flow_sheet,
    named,
    route_sheet,
    sample_sheet,
)
from broker.web.console_picture import picture_of
from broker.web.console_sheets import Sheet
from broker.web.console_words import counter_words, rule_words
from broker.web.problems import Problem
from broker.web.services import Provided, Transaction
from broker.web.staff import signed_in, staff_page

router = APIRouter(prefix="/console", include_in_schema=False)

READERS: Final = (Role.REGULATOR, Role.AUDITOR)


@dataclass(frozen=True, slots=True)
class Checkpointed:
    """`root` in base64, as the note has it."""

    origin: str
    size: int
    root: str
    signed_at: datetime


@router.get("")
def overview(request: Request, services: Provided, work: Transaction) -> Response:
    """Everything at a glance."""
    member, at = signed_in(request, *READERS), services.clock()
    window = Window.of(request.query_params.get("days"), at)
    flows = work.release_flows.between(window.first, window.last)
    standing = work.changes.standing(at).at(at)
    return staff_page(
        request,
        "console/overview.html",
        member,
        area="overview",
        window=window,
        spans=SPANS,
        picture=picture_of(flows),
        columns=columns_of(flows, window.first, window.last),
        decided=sum(flow.releases for flow in flows),
        stopped=sum(flow.releases for flow in flows if flow.key.gate in ("hold", "deny")),
        samples=finding_counts(work),
        bars=counter_bars(work, services.rulebook, at)[:3],
        exclusions=[change for change in standing if change.kind is Kind.EXCLUSION],
        alarms=work.alarms.raised(limit=3),
        counter_words=counter_words,
        rule_words=rule_words,
        days=work.samples.days(limit=4),
        said=checkpoint_of(work),
    )


@router.get("/flows")
def flows_page(request: Request, services: Provided, work: Transaction) -> Response:
    member = signed_in(request, *READERS)
    window = Window.of(request.query_params.get("days"), services.clock())
    flows = work.release_flows.between(window.first, window.last)
    return staff_page(
        request,
        "console/flows.html",
        member,
        area="flows",
        window=window,
        spans=SPANS,
        picture=picture_of(flows),
        sheet=named(route_sheet(flows)),
    )


@router.get("/bands")
def bands_page(request: Request, services: Provided, work: Transaction) -> Response:
    member = signed_in(request, *READERS)
    window = Window.of(request.query_params.get("days"), services.clock())
    flows = work.release_flows.between(window.first, window.last)
    return staff_page(
        request,
        "console/bands.html",
        member,
        area="bands",
        window=window,
        spans=SPANS,
        columns=columns_of(flows, window.first, window.last),
        sheet=named(band_sheet(flows)),
    )


@router.get("/counters")
def counters_page(request: Request, services: Provided, work: Transaction) -> Response:
    member = signed_in(request, *READERS)
    bars = counter_bars(work, services.rulebook, services.clock())
    return staff_page(
        request, "console/counters.html", member, area="counters", bars=bars, sheet=named(counter_sheet(bars))
    )


@router.get("/changes")
def changes_page(request: Request, services: Provided, work: Transaction) -> Response:
    member, at = signed_in(request, *READERS), services.clock()
    standing = work.changes.standing(at).at(at)
    return staff_page(
        request,
        "console/changes.html",
        member,
        area="changes",
        exclusions=[change for change in standing if change.kind is Kind.EXCLUSION],
        sheet=change_sheet(work.changes.all(), standing),
    )


@router.get("/alarms")
def alarms_page(request: Request, work: Transaction) -> Response:
    member = signed_in(request, *READERS)
    return staff_page(
        request, "console/alarms.html", member, area="alarms", sheet=named(alarm_sheet(work.alarms.raised()))
    )


@router.get("/data/{name}")
def download(request: Request, services: Provided, work: Transaction, name: str) -> Response:
    """A table as `<name>.csv` or `<name>.json`; `?copy=publication` for one that may be passed on."""
    signed_in(request, *READERS)
    stem, _, form = name.rpartition(".")
    if stem not in _SHEETS or form not in ("csv", "json"):
        raise Problem("not-found")
    at = services.clock()
    sheet = _SHEETS[stem](work, services.rulebook, Window.of(request.query_params.get("days"), at), at)
    if request.query_params.get("copy") == "publication":
        sheet = sheet.for_publication()
    headers = {"Content-Disposition": f'attachment; filename="tongguan-{sheet.name}.{form}"'}
    if form == "json":
        return JSONResponse({"table": sheet.title, "rows": sheet.json()}, headers=headers)
    return PlainTextResponse(sheet.csv(), headers=headers, media_type="text/csv")


_Making = Callable[[Work, Rulebook, Window, datetime], Sheet]
_SHEETS: Final[Mapping[str, _Making]] = {
    "flows": lambda work, _, window, at: flow_sheet(work.release_flows.between(window.first, window.last)),
    "routes": lambda work, _, window, at: route_sheet(work.release_flows.between(window.first, window.last)),
    "bands": lambda work, _, window, at: band_sheet(work.release_flows.between(window.first, window.last)),
    "counters": lambda work, rulebook, window, at: counter_sheet(counter_bars(work, rulebook, at)),
    "sampling-days": lambda work, _, window, at: day_sheet(work.samples.days(limit=window.days)),
    "samples": lambda work, _, window, at: sample_sheet(work.samples.listed(limit=MOST_SAMPLES)),
    "changes": lambda work, _, window, at: change_sheet(work.changes.all(), work.changes.standing(at).at(at)),
    "alarms": lambda work, _, window, at: alarm_sheet(work.alarms.raised()),
}


def checkpoint_of(work: Work) -> Checkpointed | None:
    """What the newest checkpoint says; None before the first."""
    note = work.journal.latest_checkpoint()
    if note is None:
        return None
    origin, size, root, time = note.split("\n")[:4]
    return Checkpointed(origin, int(size), root, datetime.fromtimestamp(int(time.removeprefix("time ")), UTC))
