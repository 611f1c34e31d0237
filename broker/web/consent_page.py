"""The consent page: at the broker's own origin, in the person's authenticated session, with nothing ticked beforehand.

A wallet can only bring the browser here and read what came of it; it cannot agree for anybody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from broker.core.authorization import LoginSession
from broker.flows.give_consent import give_consent
from broker.oidc.server import server_of
from broker.oidc.session import csrf_matches, csrf_token, current_session, is_known_as, login_url
from broker.web.forms import MAX_FIELD, from_elsewhere, read_form
from broker.web.pages import language_of, languages_at, render
from broker.web.problems import Problem
from broker.web.services import Provided, Services, Transaction

router = APIRouter(include_in_schema=False)

Session = Annotated[LoginSession | None, Depends(current_session)]

_DAYS = (30, 90, 365)
_FIELDS = frozenset(
    {"purpose", "zone", "traveller", "return_to", "lang", "csrf", "days", "agree", "decision", "notice"}
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the person is asked: purpose and zone exist and fit, and `return_to` is an address of the wallet.

    `traveller` is the pseudonym by which the wallet knows the person who is to decide.
    """

    purpose: str
    zone: str | None
    traveller: str
    return_to: str
    days: tuple[int, ...]

    def query(self) -> dict[str, str]:
        zone = {"zone": self.zone} if self.zone else {}
        return {"purpose": self.purpose, **zone, "traveller": self.traveller, "return_to": self.return_to}

    def back(self, outcome: str) -> RedirectResponse:
        """303 to the wallet with the outcome, beside whatever query it named itself."""
        parts = urlsplit(self.return_to)
        query = [pair for pair in parse_qsl(parts.query) if pair[0] != "consent"]
        address = urlunsplit((*parts[:3], urlencode([*query, ("consent", outcome)]), ""))
        return RedirectResponse(address, status_code=303)


@router.get("/consent")
def show_consent(
    request: Request,
    services: Provided,
    session: Session,
    purpose: Annotated[str, Query(max_length=64)],
    return_to: Annotated[str, Query(max_length=MAX_FIELD)],
    traveller: Annotated[str, Query(max_length=128)],
    zone: Annotated[str | None, Query(max_length=16)] = None,
) -> Response:
    asked = _asked(services, purpose, zone, traveller, return_to)
    # A phone may be shared: whoever is logged in here must be the person the wallet asks for, or log in as that person.
    if session is None or not is_known_as(request, session, asked.traveller, to=server_of(request).clients.wallet):
        language = language_of(request)
        again = f"/consent?{urlencode({**asked.query(), 'lang': language})}"
        return RedirectResponse(login_url(request, return_to=again, language=language), status_code=303)
    return _page(request, services, asked, language_of(request))


def _form(form: Annotated[Mapping[str, str], Depends(read_form)]) -> Mapping[str, str]:
    """The form's fields: none of anybody else's."""
    if not form.keys() <= _FIELDS:
        raise Problem("invalid-request", "The form has other fields than this page sent.")
    return form


@router.post("/consent")
def decide_consent(
    request: Request,
    services: Provided,
    session: Session,
    work: Transaction,
    form: Annotated[Mapping[str, str], Depends(_form)],
) -> Response:
    # (1) the very person, on this very page: session, token of that session, and not from another site
    if session is None or not csrf_matches(request, form.get("csrf")) or from_elsewhere(request, services):
        raise Problem("form-expired")
    # (2) what was asked, checked again: the form's hidden fields are only a claim
    zone, wallet = form.get("zone") or None, form.get("return_to", "")
    asked = _asked(services, form.get("purpose", ""), zone, form.get("traveller", ""), wallet)
    if not is_known_as(request, session, asked.traveller, to=server_of(request).clients.wallet):
        raise Problem("form-expired")
    language = language_of(request, form.get("lang"))
    # (3) no is an answer that needs no reason and leaves no trace
    decision = form.get("decision")
    if decision == "refuse":
        return asked.back("denied")
    days = _days(form.get("days"), asked)
    shown = services.rulebook.notice(asked.purpose, asked.zone, language).reference().digest
    if form.get("notice") != shown.hex():
        return _page(request, services, asked, language, wrong="changed", chosen_days=days)
    if decision != "agree" or form.get("agree") != "yes":
        return _page(request, services, asked, language, wrong="not_ticked", chosen_days=days)
    # (4) yes, to the very text that was read
    at = services.clock()
    given = give_consent(
        work,
        keys=services.keys,
        rulebook=services.rulebook,
        receipt_signer=services.receipt_signer,
        issuer=services.issuer,
        traveller=session.traveller_id,
        purpose=asked.purpose,
        zone=asked.zone,
        language=language,
        until=at + timedelta(days=days),
        at=at,
        entropy=services.entropy,
    )
    return asked.back(str(given.record.consent_id))


def _asked(services: Services, purpose: str, zone: str | None, traveller: str, return_to: str) -> _Asked:
    """Raises Problem for an address that is not the wallet's, InvalidInput for an unknown purpose or zone."""
    parts = urlsplit(return_to)
    plain = urlunsplit((*parts[:3], "", ""))
    # Exact comparison, and before anything else: this page never sends a browser to a stranger.
    if plain not in services.return_uris:
        raise Problem("malformed-request", "`return_to` is not registered.", text="bad_return")
    wanted, _ = services.rulebook.resolve(purpose, zone)
    days = tuple(day for day in _DAYS if day <= wanted.max_days) or (wanted.max_days,)
    return _Asked(purpose, zone, traveller, return_to, days)


def _days(given: str | None, asked: _Asked) -> int:
    """The shortest unless another one was chosen."""
    if given is None:
        return asked.days[0]
    if given not in {str(day) for day in asked.days}:
        raise Problem("invalid-request", "`days` is not one of the choices.")
    return int(given)


def _page(
    request: Request,
    services: Services,
    asked: _Asked,
    language: str,
    *,
    wrong: str | None = None,
    chosen_days: int | None = None,
) -> Response:
    notice = services.rulebook.notice(asked.purpose, asked.zone, language)
    context: dict[str, Any] = {
        "notice": notice,
        "shown": notice.reference().digest.hex(),
        "purpose": asked.purpose,
        "zone": asked.zone,
        "traveller": asked.traveller,
        "return_to": asked.return_to,
        "days": asked.days,
        "chosen_days": chosen_days or asked.days[0],
        "csrf": csrf_token(request),
        "wrong": wrong,
    }
    return render(
        request,
        "consent.html",
        language,
        status=422 if wrong else 200,
        switch=languages_at("/consent", asked.query()),
        form_targets=[asked.return_to],
        **context,
    )
