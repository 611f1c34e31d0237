"""Your identity apps: the page on which people see, add, take and unlink identities (specs/linking.md), without
scripts, at the broker's own origin and in an authenticated session.
"""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from broker.core.authorization import LoginSession
from broker.core.denial import Denied, Refusal
from broker.core.linking import LINK_WINDOW, IdentityLink, may_confirm
from broker.flows.confirm_identity import confirm_identity
from broker.flows.ports import Work
from broker.flows.unlink_identity import unlink_identity
from broker.oidc.login.begin import begin_login
from broker.oidc.login.held import IDENTITIES, held_browser
from broker.oidc.server import server_of
from broker.oidc.session import csrf_matches, csrf_token, current_session, login_url
from broker.web.forms import from_elsewhere, read_form
from broker.web.pages import language_of, render
from broker.web.problems import Problem, of_denial
from broker.web.services import Provided, Services, Transaction

router = APIRouter(include_in_schema=False)

Session = Annotated[LoginSession | None, Depends(current_session)]
Form = Annotated[Mapping[str, str], Depends(read_form)]


@router.get(IDENTITIES)
def show_identities(request: Request, services: Provided, session: Session, work: Transaction) -> Response:
    if session is None:
        language = language_of(request)
        address = login_url(request, return_to=f"{IDENTITIES}?lang={language}", language=language)
        return RedirectResponse(address, status_code=303)
    return _page(request, services, session, work, language_of(request))


@router.post(f"{IDENTITIES}/add")
def add_identity(request: Request, services: Provided, session: Session, form: Form) -> Response:
    """303 to the provider; the login that comes back is added to this very session's person."""
    checked = _checked(request, services, session, form)
    language = language_of(request, form.get("lang"))
    if services.clock() >= checked.auth_time + LINK_WINDOW:
        # Both logins lie within the window: the first one anew, and then back here.
        again = login_url(request, return_to=f"{IDENTITIES}?lang={language}", language=language)
        return RedirectResponse(again, status_code=303)
    return begin_login(
        server_of(request),
        request,
        provider=form.get("provider", ""),
        return_to=f"{IDENTITIES}?lang={language}",
        language=language,
        link_session=checked.session_hash,
    )


@router.post(f"{IDENTITIES}/take")
def take_identity(request: Request, services: Provided, session: Session, work: Transaction, form: Form) -> Response:
    """A login that was held in this browser becomes this person's identity."""
    checked = _checked(request, services, session, form)
    taken = confirm_identity(
        work,
        keys=services.keys,
        traveller=checked.traveller_id,
        held_id=_id(form.get("held")),
        browser=held_browser(server_of(request), request),
        auth_time=checked.auth_time,
        at=services.clock(),
        entropy=services.entropy,
    )
    return _done(request, services, checked, work, taken, form)


@router.post(f"{IDENTITIES}/unlink")
def remove_identity(request: Request, services: Provided, session: Session, work: Transaction, form: Form) -> Response:
    """An identity is unlinked, and with it every login that rests on it: perhaps this one."""
    checked = _checked(request, services, session, form)
    gone = unlink_identity(
        work,
        keys=services.keys,
        traveller=checked.traveller_id,
        link_id=_id(form.get("link")),
        at=services.clock(),
        entropy=services.entropy,
    )
    return _done(request, services, checked, work, gone, form)


def _checked(
    request: Request, services: Services, session: LoginSession | None, form: Mapping[str, str]
) -> LoginSession:
    """The session whose own page sent the form. Raises Problem."""
    if session is None or not csrf_matches(request, form.get("csrf")) or from_elsewhere(request, services):
        raise Problem("form-expired")
    return session


def _id(text: str | None) -> UUID:
    try:
        return UUID(text or "")
    except ValueError as error:
        raise Problem("invalid-request", "The form names no identity.") from error


def _done(
    request: Request,
    services: Services,
    session: LoginSession,
    work: Work,
    outcome: IdentityLink | Denied,
    form: Mapping[str, str],
) -> Response:
    language = language_of(request, form.get("lang"))
    if isinstance(outcome, Denied):
        if outcome.reason is not Refusal.LAST_IDENTITY:
            raise of_denial(outcome)
        return _page(request, services, session, work, language, last=True)
    return RedirectResponse(f"{IDENTITIES}?lang={language}", status_code=303)


def _page(
    request: Request,
    services: Services,
    session: LoginSession,
    work: Work,
    language: str,
    *,
    last: bool = False,
) -> Response:
    server, at = server_of(request), services.clock()
    links = work.identities.of(session.traveller_id)
    names = {name: connector.names[language] for name, connector in server.connectors.items()}
    browser = held_browser(server, request)
    waiting = [
        held
        for held in work.identities.held_for(session.traveller_id, at)
        if may_confirm(held, traveller=session.traveller_id, browser=browser, auth_time=session.auth_time, at=at)
    ]
    linked = {link.provider for link in links}
    return render(
        request,
        "identities.html",
        language,
        status=409 if last else 200,
        form_targets=[connector.origin for connector in server.connectors.values()],
        links=links,
        waiting=waiting,
        titles=names,
        addable=[(name, title) for name, title in names.items() if name not in linked],
        can_unlink=sum(link.withdrawn_at is None for link in links) > 1,
        current=session.provider,
        last=last,
        csrf=csrf_token(request),
    )
