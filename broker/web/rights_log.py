"""Who used a person's data, when, for what, under which rule, and what was declined and why (specs/rights.md 2)."""

import json
from base64 import b64encode
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from broker.core.portability import plain
from broker.flows.certify_erasure import journal_place
from broker.oidc.session import csrf_token
from broker.web.pages import language_of, render
from broker.web.problems import Problem
from broker.web.rights_log_view import line_of
from broker.web.rights_session import RIGHTS, Session, attachment, to_login
from broker.web.services import Provided, Transaction

router = APIRouter(include_in_schema=False)

LOG: Final = f"{RIGHTS}/log"
PAGE: Final = 20
Leaf = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]


@router.get(LOG)
def show_log(
    request: Request,
    services: Provided,
    session: Session,
    work: Transaction,
    after: Annotated[str | None, Query(pattern=r"^[0-9a-f]{64}$")] = None,
) -> Response:
    if session is None:
        return to_login(request, LOG)
    traveller, language = session.traveller_id, language_of(request)
    work.travellers.find(traveller)
    key = services.keys.key(traveller)
    place = None if after is None else bytes.fromhex(after)
    # One more than is shown says whether there is another page.
    found = work.rights.entries(traveller, key=key, limit=PAGE + 1, after=place)
    shown = found[:PAGE]
    return render(
        request,
        "rights/log.html",
        language,
        lines=[line_of(use, services, work, language) for use in shown],
        older=shown[-1].leaf_hash.hex() if len(found) > PAGE else None,
        newest=after is not None,
        csrf=csrf_token(request),
        cites=services.rulebook.rights.cites("access"),
    )


@router.get(f"{LOG}/{{leaf}}")
def download_proof(leaf: Leaf, request: Request, services: Provided, session: Session, work: Transaction) -> Response:
    """The entry's bytes, what they say to their person, and the proof that the journal holds them."""
    if session is None:
        return to_login(request, LOG)
    traveller = session.traveller_id
    work.travellers.find(traveller)
    found = work.rights.entry(traveller, bytes.fromhex(leaf), key=services.keys.key(traveller))
    if found is None:
        raise Problem("entry-unknown")
    use, raw = found
    proof = work.journal.proof(use.leaf_hash)
    document = {
        "format": "tongguan/entry-proof/v1",
        "entry": b64encode(raw).decode(),
        "kind": use.kind,
        "at": use.at,
        "clear": use.clear,
        "personal": use.personal,
        "journal": None if proof is None else journal_place(use.leaf_hash, proof),
    }
    content = json.dumps(plain(document), ensure_ascii=False, indent=1).encode()
    return attachment(content, media_type="application/json", name=f"tongguan-entry-{leaf[:12]}.json")
