"""The page for partners' developers. The programs on it are files that tests run as they are."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from broker.web.messages import catalogue
from broker.web.pages import language_of, render
from broker.web.problems import Problem
from broker.web.services import Provided

router = APIRouter(include_in_schema=False)

PROGRAMS: Final[Mapping[str, str]] = {"tongguan_agency.py": "python", "tongguan-agency.mjs": "javascript"}
"""File names beneath broker/web/examples, and the language of each."""


@router.get("/developers")
def developers(request: Request, services: Provided) -> Response:
    language = language_of(request)
    words = catalogue(language)["developers"]
    programs = [(words[f"{kind}_title"], name, kind, program(name)) for name, kind in PROGRAMS.items()]
    return render(request, "developers.html", language, programs=programs, sandbox=services.sandbox)


@router.get("/developers/{name}")
def download(name: str) -> Response:
    if name not in PROGRAMS:
        raise Problem("not-found")
    return PlainTextResponse(program(name), headers={"Content-Disposition": f'attachment; filename="{name}"'})


@cache
def program(name: str) -> str:
    """The text of one example."""
    return files("broker.web").joinpath("examples", name).read_text(encoding="utf-8")
