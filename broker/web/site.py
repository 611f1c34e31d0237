"""What is neither wallet nor gate: the landing page, the register of problems, liveness and readiness."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from broker.web.pages import language_of, register_page, render
from broker.web.problems import REGISTER, Problem
from broker.web.services import Provided

router = APIRouter(include_in_schema=False)


@router.get("/")
def landing(request: Request, services: Provided) -> HTMLResponse:
    wallet = services.wallet_origins[0] if services.wallet_origins else None
    return render(request, "landing.html", language_of(request), wallet=wallet)


@router.get("/problems/{slug}")
def problem_type(request: Request, slug: str) -> HTMLResponse:
    kind = REGISTER.get(slug)
    if kind is None:
        raise Problem("not-found")
    return register_page(request, slug, kind)


@router.get("/healthz")
async def alive() -> dict[str, Any]:
    """The process answers. Touches nothing else, so that a supervisor never restarts it for the database's sake."""
    return {"status": "alive"}


@router.get("/readyz")
def ready(services: Provided) -> dict[str, Any]:
    """The broker can serve: its database answers. 503 otherwise."""
    services.ready()
    return {"status": "ready"}
