"""The public look-up: which thresholds are in force, whom we trust how far, and how near each count is."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from broker.core.governance.policy import Law
from broker.flows.look_up_counters import LookUp, Nearness, look_up_counters
from broker.web.fields import iso
from broker.web.messages import catalogue
from broker.web.pages import language_of, render
from broker.web.services import Provided, Transaction

router = APIRouter(include_in_schema=False)

_FRESH: Final = {"Cache-Control": "public, max-age=60"}
# Where a count stands is told by the mark it has passed and the next one; the picture shows what lies between.
_WIDTH: Final = 400


@router.get("/transfers")
def page(request: Request, services: Provided, work: Transaction) -> Response:
    at, language = services.clock(), language_of(request)
    found = look_up_counters(work, rules=services.rulebook.transfers, at=at)
    words = catalogue(language)
    return render(
        request,
        "lookup.html",
        language,
        at=at,
        found=found,
        bars=[bar(one, found.law.overlay.warn_percent) for one in found.counters],
        figures=list(figures(found.law)),
        place=lambda code: words["place"].get(code, code),
        figure=lambda entry: words["lookup_figure"][f"{entry['rule']}.{entry['name']}".replace(".", "_")],
    )


@router.get("/transfers.json")
def document(services: Provided, work: Transaction) -> Response:
    at = services.clock()
    found = look_up_counters(work, rules=services.rulebook.transfers, at=at)
    return JSONResponse(as_json(found, at), headers=_FRESH)


def as_json(found: LookUp, at: datetime) -> dict[str, Any]:
    """The look-up as plain values (specs/transfer-precheck.md 3)."""
    overlay, marks = found.law.overlay, found.law.overlay.warn_percent
    return {
        "at": iso(at),
        "year": found.year,
        "policy_hash": found.law.hash,
        "counters": [
            {
                "exporter": one.exporter,
                "counted": one.counted,
                "threshold": one.threshold,
                "band": band(one, marks),
                "rule": one.rule.id.value,
                "citation": one.rule.cite,
            }
            for one in found.counters
        ],
        "thresholds": list(figures(found.law)),
        "trust": {**found.trust, "*": "X"},
        "grading": {
            "citation": overlay.cite,
            "in_force_since": overlay.since.isoformat(),
            "amber_from": overlay.amber_from,
            "red_from": overlay.red_from,
            "graded_quantity": dict(overlay.graded_quantity),
            "trust_percent": dict(overlay.trust_percent),
            "marks_percent": list(marks),
        },
    }


def figures(law: Law) -> Iterator[dict[str, Any]]:
    """Every figure of every rule in force, with where it is written and since when."""
    for rule, provision in sorted(law.provisions.items()):
        for name, value in sorted(provision.numbers.items()):
            yield {
                "rule": rule.value,
                "name": name,
                "value": value,
                "citation": provision.cite,
                "confidence": provision.confidence,
                "in_force_since": provision.since.isoformat(),
            }


def band(one: Nearness, marks: tuple[int, ...]) -> str:
    """below_70, from_70, from_85, from_95 or reached."""
    if one.percent == 0:
        return f"below_{min(marks)}"
    return "reached" if one.percent not in marks else f"from_{one.percent}"


def bar(one: Nearness, marks: tuple[int, ...]) -> dict[str, Any]:
    """What the picture of one count needs: widths of what is sure and of what may be, and the marks."""
    edges = (*marks, 100)
    above = next((edge for edge in edges if edge > one.percent), 100)
    return {
        "counter": one,
        "band": band(one, marks),
        "sure": one.percent * _WIDTH // 100,
        "maybe": (above - one.percent) * _WIDTH // 100,
        "marks": [(edge, edge * _WIDTH // 100) for edge in edges],
    }
