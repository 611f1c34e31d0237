"""The pages on which a person decides what a partner may receive: one for each purpose and recipient, at the broker's
own origin, in the person's authenticated session, with nothing ticked beforehand.

The pages read the waiting authorization request and never take it; the answers are kept beside it. The last page leads
to `/oauth/continue/{handle}`, where the authorization server takes the request up, or to the broker's own page of an
approval that a partner asked for. Each page can be read again, sent twice or gone back to: the first answer to it
stands, and whoever opens the address sees the next open question.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import RedirectResponse, Response

from broker.core.authorization import LoginSession, PendingRequest, digest
from broker.core.client import Client
from broker.core.consent import ConsentStatus
from broker.core.duration import parse_duration
from broker.core.identity_release import IdentityRelease
from broker.core.partner_purpose import limit_of
from broker.core.purpose import Recipient
from broker.core.zone import LANGUAGES
from broker.flows.agree_release import Question, Reworded, pose
from broker.flows.answer_release import Answer, answer_release
from broker.flows.cover_release import release_digest, settle
from broker.flows.look import show_profile
from broker.flows.ports import Work
from broker.oidc.server import server_of
from broker.oidc.session import csrf_matches, csrf_token, current_session, login_url
from broker.web.durations import in_words, limit_in_words
from broker.web.forms import from_elsewhere, read_form
from broker.web.messages import catalogue
from broker.web.pages import language_of, languages_at, render
from broker.web.problems import Problem
from broker.web.services import Provided, Services, Transaction

router = APIRouter(include_in_schema=False)

Handle = Annotated[str, Path(min_length=16, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")]
Session = Annotated[LoginSession | None, Depends(current_session)]
Form = Annotated[Mapping[str, str], Depends(read_form)]

_FIELDS = frozenset({"release", "lang", "csrf", "days", "agree", "abroad", "sensitive", "decision", "notice"})
_CLAIM = "claim:"


@dataclass(frozen=True, slots=True)
class _Waiting:
    """The waiting request, whose it is, and where its answers are kept."""

    handle: str
    pending: PendingRequest
    client: Client
    recipient: Recipient

    @property
    def handle_hash(self) -> bytes:
        return self.pending.handle_hash

    @property
    def path(self) -> str:
        return f"/consent/authorize/{quote(self.handle)}"

    @property
    def releases(self) -> tuple[IdentityRelease, ...]:
        return self.pending.request.releases

    @property
    def anew(self) -> bool:
        return "consent" in self.pending.request.prompt

    def onwards(self, issuer: str) -> str:
        """Where the last page leads: to the authorization server, or to the broker's own page that asked."""
        own = self.pending.request.redirect_uri
        return own if own.startswith(f"{issuer}/approvals/") else f"{issuer}/oauth/continue/{quote(self.handle)}"

    def language(self, request: Request, explicit: str | None = None) -> str:
        """Chosen on the page, else what the client asked for, else what the browser prefers."""
        chosen = explicit or request.query_params.get("lang")
        asked = next((locale for locale in self.pending.request.ui_locales if locale in LANGUAGES), None)
        return language_of(request, chosen or asked)


@dataclass(frozen=True, slots=True)
class _Sent:
    """What the person chose on a page that is shown to them again, and what was wrong with it."""

    wrong: str | None = None
    chosen: frozenset[str] = frozenset()
    ticked: frozenset[str] = frozenset()
    days: int | None = None


@router.get("/consent/authorize/{handle}")
def show_release(request: Request, handle: Handle, services: Provided, session: Session, work: Transaction) -> Response:
    waiting = _waiting(request, work, services, handle)
    language = waiting.language(request)
    if session is None:
        return RedirectResponse(login_url(request, return_to=waiting.path, language=language), status_code=303)
    open_questions = _open_questions(work, services, waiting, session)
    if not open_questions:
        return RedirectResponse(waiting.onwards(services.issuer), status_code=303)
    return _page(request, work, services, waiting, session, open_questions, language, _Sent())


@router.post("/consent/authorize/{handle}")
def decide_release(
    request: Request, handle: Handle, services: Provided, session: Session, work: Transaction, form: Form
) -> Response:
    # (1) the very person, on this very page: session, token of that session, and not from another site
    if session is None or not csrf_matches(request, form.get("csrf")) or from_elsewhere(request, services):
        raise Problem("form-expired")
    # (2) which question this answers: one that is still open, or was answered before
    waiting = _waiting(request, work, services, handle)
    language = waiting.language(request, form.get("lang"))
    again = RedirectResponse(f"{waiting.path}?lang={language}", status_code=303)
    open_questions = _open_questions(work, services, waiting, session)
    release = next((one for one in open_questions if release_digest(one).hex() == form.get("release")), None)
    if release is None:
        return again
    question = pose(
        work,
        rulebook=services.rulebook,
        traveller=session.traveller_id,
        recipient=waiting.recipient,
        release=release,
        language=language,
        at=services.clock(),
    )
    ordered = (release, *(one for one in open_questions if one is not release))
    answer, sent = _answer(form, question, language)
    if answer is None:
        return _page(request, work, services, waiting, session, ordered, language, sent)
    # (3) the answer, once, to the very text that was read
    answered = answer_release(
        work,
        keys=services.keys,
        rulebook=services.rulebook,
        receipt_signer=services.receipt_signer,
        issuer=services.issuer,
        handle_hash=waiting.handle_hash,
        traveller=session.traveller_id,
        recipient=waiting.recipient,
        release=release,
        answer=answer,
        at=services.clock(),
        entropy=services.entropy,
    )
    if isinstance(answered, Reworded):
        return _page(request, work, services, waiting, session, ordered, language, _Sent("changed"))
    return again


def _waiting(request: Request, work: Work, services: Services, handle: str) -> _Waiting:
    """The request behind the address. Raises Problem when it is over, or its partner receives nothing any more."""
    server = server_of(request)
    with server.open_unit() as unit:
        pending = unit.pending(digest(handle), services.clock())
    client = None if pending is None else server.clients.find(pending.request.client_id)
    partner = None if client is None or client.partner_id is None else work.partners.recipient(client.partner_id)
    if pending is None or client is None or partner is None or not pending.request.releases:
        raise Problem("not-found", "The request is over.", text="request_over")
    return _Waiting(handle, pending, client, partner)


def _open_questions(
    work: Work, services: Services, waiting: _Waiting, session: LoginSession
) -> tuple[IdentityRelease, ...]:
    return settle(
        work,
        handle_hash=waiting.handle_hash,
        traveller=session.traveller_id,
        client=waiting.client,
        releases=waiting.releases,
        at=services.clock(),
        anew=waiting.anew,
    ).outstanding


def _answer(form: Mapping[str, str], question: Question, language: str) -> tuple[Answer | None, _Sent]:
    """The answer a form gives, or None with what has to be put right. Raises Problem for a form that is not ours."""
    claims = {name.removeprefix(_CLAIM) for name in form if name.startswith(_CLAIM)}
    fields = {name for name in form if not name.startswith(_CLAIM)}
    if not fields <= _FIELDS:
        raise Problem("invalid-request", "The form has other fields than this page sent.")
    if form.get("decision") == "refuse":
        return Answer(chosen=None), _Sent()
    shown = question.notice.reference().digest
    if form.get("notice") != shown.hex():
        return None, _Sent("changed")
    if not claims <= set(question.optional):
        raise Problem("invalid-request", "The form has other fields than this page sent.")
    days = form.get("days", "")
    if days not in {str(choice) for choice in question.days}:
        raise Problem("invalid-request", "`days` is not one of the choices.")
    chosen = frozenset(claim for claim in claims if form[_CLAIM + claim] == "yes")
    ticked = frozenset(name for name in _ticks(question) if form.get(name) == "yes")
    sent = _Sent(chosen=chosen, ticked=ticked, days=int(days))
    if form.get("decision") != "agree" or ticked != set(_ticks(question)):
        return None, _Sent("not_ticked", chosen, ticked, sent.days)
    if not (chosen or question.required or question.agreed):
        return None, _Sent("nothing_chosen", chosen, ticked, sent.days)
    return Answer(chosen, int(days), language, shown), sent


def _ticks(question: Question) -> tuple[str, ...]:
    """The boxes that all have to be ticked: data abroad and sensitive data need a consent of their own (PIPL articles
    29 and 39).
    """
    abroad = ("abroad",) if question.notice.crossing else ()
    sensitive = ("sensitive",) if question.notice.sensitive else ()
    return (*abroad, *sensitive, "agree")


def _page(
    request: Request,
    work: Work,
    services: Services,
    waiting: _Waiting,
    session: LoginSession,
    open_questions: Sequence[IdentityRelease],
    language: str,
    sent: _Sent,
) -> Response:
    """The page of the first open question."""
    release = open_questions[0]
    question = pose(
        work,
        rulebook=services.rulebook,
        traveller=session.traveller_id,
        recipient=waiting.recipient,
        release=release,
        language=language,
        at=services.clock(),
    )
    context = _context(work, services, waiting, session, release, question, language, sent)
    answered = len(work.answers.of(waiting.handle_hash, session.traveller_id))
    return render(
        request,
        "authorization.html",
        language,
        status=422 if sent.wrong else 200,
        switch=languages_at(waiting.path, {}),
        form_targets=[waiting.pending.request.redirect_uri],
        csrf=csrf_token(request),
        number=answered + 1,
        of=answered + len(open_questions),
        **context,
    )


def _context(
    work: Work,
    services: Services,
    waiting: _Waiting,
    session: LoginSession,
    release: IdentityRelease,
    question: Question,
    language: str,
    sent: _Sent,
) -> dict[str, Any]:
    texts, notice, words = catalogue(language), question.notice, services.rulebook.partner.words
    place = words.place(notice.jurisdiction or "", language)
    said = {claim: words.words(claim, language) for claim in question.release.claims}
    ticks = {
        "abroad": texts["authorization"]["abroad_tick"].format(recipient=notice.recipient, place=place),
        "sensitive": texts["authorization"]["sensitive_tick"],
        "agree": texts["authorization"]["agree_tick"].format(recipient=notice.recipient),
    }
    claims = show_profile(work, keys=services.keys, traveller=session.traveller_id).claims
    standing = work.consents.standing(session.traveller_id, release.purpose, release.recipient)
    return {
        "action": waiting.path,
        "release": release_digest(release).hex(),
        "notice": notice,
        "shown": notice.reference().digest.hex(),
        "person": None if claims is None else claims.display_name,
        "paused": standing is not None and standing.status is ConsentStatus.PAUSED,
        "place": place,
        "required": [(claim, said[claim]) for claim in question.required],
        "optional": [(claim, said[claim]) for claim in question.optional],
        "agreed": [(claim, said[claim]) for claim in question.agreed if claim in said],
        "sensitive": [said[claim] for claim in notice.sensitive],
        "retention": in_words(parse_duration(notice.retention), texts),
        "frequency": limit_in_words(limit_of(question.release), texts),
        "days": [(days, in_words(timedelta(days=days), texts)) for days in question.days],
        "chosen_days": sent.days or question.days[0],
        "ticks": [(name, ticks[name]) for name in _ticks(question)],
        "chosen": sent.chosen,
        "ticked": sent.ticked,
        "wrong": sent.wrong,
    }
