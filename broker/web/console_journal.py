"""The journal for whoever wants to verify it: checkpoints, keys, the log as a file, and a program to check it with."""

from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from json import dumps
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from broker.web.console import READERS, checkpoint_of
from broker.web.problems import Problem
from broker.web.services import Provided, Services, Transaction
from broker.web.staff import signed_in, staff_page
from broker.wire.checkpoint import verifier_key

router = APIRouter(prefix="/console/journal", include_in_schema=False)

SCRIPT: Final = "journal_verify.py"
_PAGE: Final = 2000
_FORMAT: Final = "tongguan-journal/1"  # specs/journal.md 6


@router.get("")
def journal_page(request: Request, services: Provided, work: Transaction) -> Response:
    member = signed_in(request, *READERS)
    said = checkpoint_of(work)
    return staff_page(
        request,
        "console/journal.html",
        member,
        area="journal",
        said=said,
        note=work.journal.latest_checkpoint(),
        keys=[verifier_key(key, said.origin) for key in services.checkpoint_keys] if said else [],
        script=SCRIPT,
    )


@router.get("/checkpoint.txt")
def checkpoint(request: Request, work: Transaction) -> Response:
    """The newest signed note, to be kept elsewhere."""
    signed_in(request, *READERS)
    note = work.journal.latest_checkpoint()
    if note is None:
        raise Problem("not-found", "The journal has no checkpoint yet.")
    return PlainTextResponse(note, headers=_file("tongguan-checkpoint.txt"))


@router.get(f"/{SCRIPT}")
def script(request: Request) -> Response:
    signed_in(request, *READERS)
    return PlainTextResponse(_program(), headers=_file(SCRIPT), media_type="text/x-python")


@router.get("/journal.jsonl")
def log(request: Request, services: Provided, work: Transaction) -> Response:
    """The whole log under the newest checkpoint, a page of it at a time: it never changes, so pages of different
    moments fit together. A file that breaks off lacks its last checkpoint, and does not verify.
    """
    signed_in(request, *READERS)
    said = checkpoint_of(work)
    size = 0 if said is None else said.size
    return StreamingResponse(
        _lines(services, size), headers=_file("tongguan-journal.jsonl"), media_type="application/jsonl"
    )


def _lines(services: Services, size: int) -> Iterator[str]:
    yield dumps({"format": _FORMAT}) + "\n"
    for position in range(0, size, _PAGE):
        with services.begin() as work:
            found = work.release_flows.log(position, limit=_PAGE, size=size)
        yield "".join(dumps(_line(one)) + "\n" for one in found)


def _line(one: bytes | str) -> dict[str, str]:
    return {"checkpoint": one} if isinstance(one, str) else {"entry": b64encode(one).decode()}


@cache
def _program() -> str:
    return files("broker.web").joinpath("examples", SCRIPT).read_text(encoding="utf-8")


def _file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
